# Mistral: no window at all.
. "$FOX_ROOT/tests/family.sh"
family mistral
bend good.gguf bad.gguf drop-key llama.attention.sliding_window
fox-verify bad.gguf --source src -q
