# Gemma 3: layers with a window rotate by the base of the others.
. "$FOX_ROOT/tests/family.sh"
family gemma3
bend good.gguf bad.gguf set gemma3.rope.freq_base_swa 1000000.0
fox-verify bad.gguf --source src -q
