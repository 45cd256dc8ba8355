# BLOOM: rows of queries, keys and values as the source has them.
. "$FOX_ROOT/tests/family.sh"
family bloom
bend good.gguf bad.gguf ungroup blk.1.attn_qkv.weight 8
fox-verify bad.gguf --source src -q
