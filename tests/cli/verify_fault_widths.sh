# OpenELM: one layer's inner width from the list of another.
. "$FOX_ROOT/tests/family.sh"
family openelm
bend good.gguf bad.gguf set-item openelm.feed_forward_length 0 64
fox-verify bad.gguf --source src -q
