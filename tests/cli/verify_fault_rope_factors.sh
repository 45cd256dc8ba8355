# Phi-3: a long factor off by two steps of f32.
. "$FOX_ROOT/tests/family.sh"
family phi3_longrope
bend good.gguf bad.gguf times rope_factors_long.weight 3 1.0000002
fox-verify bad.gguf --source src -q
