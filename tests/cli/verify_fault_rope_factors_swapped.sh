# Phi-3: long and short factors exchanged.
. "$FOX_ROOT/tests/family.sh"
family phi3_longrope
bend good.gguf bad.gguf swap rope_factors_long.weight rope_factors_short.weight
fox-verify bad.gguf --source src -q
