# The page a person gets: a fox file, a file of another tool in big-endian order, a vocabulary without tensors.
mkgguf fox.gguf bf16
mkgguf -raw other.gguf be v2
fox-inspect fox.gguf
echo "exit $?"
fox-inspect summary other.gguf
echo "exit $?"
mkgguf -raw vocab.gguf vocab
fox-inspect vocab.gguf | head -7
