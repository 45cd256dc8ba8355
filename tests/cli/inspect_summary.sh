# The page a person gets: a fox file, a file of another tool in big-endian order, a vocabulary without tensors.
mkgguf fox.gguf bf16
mkgguf -raw other.gguf be v2
fox-inspect fox.gguf
echo "exit $?"
fox-inspect summary other.gguf
echo "exit $?"
mkgguf -raw vocab.gguf vocab
fox-inspect vocab.gguf | head -7
echo "== what it was quantized as"
fox-convert "$FOX_ROOT/tests/demo" -q -t q5_k_s -o m.gguf >/dev/null
fox-inspect m.gguf | grep -A1 'file type'
fox-inspect m.gguf --json | grep file_type
