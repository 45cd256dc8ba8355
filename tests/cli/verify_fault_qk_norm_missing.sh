# Qwen3: a norm of queries left out.
. "$FOX_ROOT/tests/family.sh"
family qwen3
bend good.gguf bad.gguf drop blk.1.attn_q_norm.weight
fox-verify bad.gguf --source src -q
