# Gemma 3: a norm of keys with 1 added twice.
. "$FOX_ROOT/tests/family.sh"
family gemma3
bend good.gguf bad.gguf add blk.2.attn_k_norm.weight 1
fox-verify bad.gguf --source src -q
