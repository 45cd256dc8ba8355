# StableLM: one bias left out.
. "$FOX_ROOT/tests/family.sh"
family stablelm
bend good.gguf bad.gguf drop blk.1.attn_k.bias
fox-verify bad.gguf --source src -q
