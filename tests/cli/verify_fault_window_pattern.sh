# Gemma 3: every second layer sees everything, not every sixth.
. "$FOX_ROOT/tests/family.sh"
family gemma3
bend good.gguf bad.gguf set gemma3.attention.sliding_window_pattern 2
fox-verify bad.gguf --source src -q
