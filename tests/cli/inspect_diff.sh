# Differences: none (exit 0), also across byte order and version; keys, tensors and values that differ (exit 1).
mkgguf a.gguf
mkgguf b.gguf f32 name value key drop shape
mkgguf q.gguf q8_0
mkgguf -raw le.gguf
mkgguf -raw be.gguf be v2
fox-inspect diff a.gguf a.gguf
echo "exit $?"
fox-inspect diff le.gguf be.gguf
echo "exit $?"
fox-inspect diff a.gguf b.gguf | sed '/fox\.hash/,/^ *b /d'
fox-inspect diff a.gguf q.gguf | sed '1,/^$/d' | sed '1,/^$/d'
fox-inspect diff a.gguf b.gguf >out
