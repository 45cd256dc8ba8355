# BLOOM: the same of the bias.
. "$FOX_ROOT/tests/family.sh"
family bloom
bend good.gguf bad.gguf ungroup blk.1.attn_qkv.bias 8
fox-verify bad.gguf --source src -q
