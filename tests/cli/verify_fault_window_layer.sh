# Qwen2: one layer more sees only a window.
. "$FOX_ROOT/tests/family.sh"
family qwen2_window
bend good.gguf bad.gguf set-item qwen2.attention.sliding_window_pattern 0 true
fox-verify bad.gguf --source src -q
