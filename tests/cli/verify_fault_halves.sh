# OpenELM: gate and up exchanged.
. "$FOX_ROOT/tests/family.sh"
family openelm
bend good.gguf bad.gguf swap blk.1.ffn_gate.weight blk.1.ffn_up.weight
fox-verify bad.gguf --source src -q
