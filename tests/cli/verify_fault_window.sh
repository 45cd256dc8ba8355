# Gemma 2: the window is one position larger.
. "$FOX_ROOT/tests/family.sh"
family gemma2
bend good.gguf bad.gguf set gemma2.attention.sliding_window 9
fox-verify bad.gguf --source src -q
