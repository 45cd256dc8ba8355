# OpenELM: one layer's heads from the list of another.
. "$FOX_ROOT/tests/family.sh"
family openelm
bend good.gguf bad.gguf set-item openelm.attention.head_count 0 6
fox-verify bad.gguf --source src -q
