# StableLM: twice as many dimensions rotate.
. "$FOX_ROOT/tests/family.sh"
family stablelm
bend good.gguf bad.gguf set stablelm.rope.dimension_count 16
fox-verify bad.gguf --source src -q
