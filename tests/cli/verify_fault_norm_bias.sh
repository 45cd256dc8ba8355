# StableLM: a norm's bias of another layer.
. "$FOX_ROOT/tests/family.sh"
family stablelm
bend good.gguf bad.gguf swap blk.0.attn_norm.bias blk.1.attn_norm.bias
fox-verify bad.gguf --source src -q
