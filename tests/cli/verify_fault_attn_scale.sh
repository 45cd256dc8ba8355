# Gemma 2: scores scaled by the head size.
. "$FOX_ROOT/tests/family.sh"
family gemma2_scale
bend good.gguf bad.gguf drop-key gemma2.attention.scale
fox-verify bad.gguf --source src -q
