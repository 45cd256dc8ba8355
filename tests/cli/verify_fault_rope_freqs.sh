# Llama 3: one frequency off by a hundred thousandth.
. "$FOX_ROOT/tests/family.sh"
family llama3
bend good.gguf bad.gguf times rope_freqs.weight 1 1.00001
fox-verify bad.gguf --source src -q
