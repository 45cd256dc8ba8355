# Memory: the cache at the model's context and at another; an architecture that cannot run here; no context anywhere.
# Scratch, logits and total are cut off: the runtime decides them.
mkgguf m.gguf bf16
mkgguf -evil e.gguf
fox-inspect memory m.gguf | sed '/^[kfbq][v1-38f]/s/\( *[^ ]*\)\{3\}$//'
fox-inspect memory m.gguf -c 1000 | sed '/^[kfbq][v1-38f]/s/\( *[^ ]*\)\{3\}$//'
fox-inspect memory "$FOX_ROOT/tests/fuzz/corpus/inspect/other.gguf" | sed 's/^file.*/file/'
fox-inspect memory e.gguf -c 10
fox-inspect memory m.gguf -c 0
echo "exit $?"
fox-inspect memory e.gguf
