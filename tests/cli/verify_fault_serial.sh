# StableLM: the second norm left out, as if blocks were parallel.
. "$FOX_ROOT/tests/family.sh"
family stablelm
bend good.gguf bad.gguf drop '*ffn_norm.weight|*ffn_norm.bias'
fox-verify bad.gguf --source src -q
