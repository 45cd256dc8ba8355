# BLOOM: the embedding's norm left out.
. "$FOX_ROOT/tests/family.sh"
family bloom
bend good.gguf bad.gguf drop '*token_embd_norm.weight|*token_embd_norm.bias'
fox-verify bad.gguf --source src -q
