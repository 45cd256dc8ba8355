# Gemma 3: the rotary base left out, where fox assumes the right one and other readers do not.
. "$FOX_ROOT/tests/family.sh"
family gemma3
bend good.gguf bad.gguf drop-key gemma3.rope.freq_base
fox-verify bad.gguf --source src -q
