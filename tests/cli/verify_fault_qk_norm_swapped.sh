# Qwen3: the norms of queries and keys exchanged.
. "$FOX_ROOT/tests/family.sh"
family qwen3
bend good.gguf bad.gguf swap blk.1.attn_q_norm.weight blk.1.attn_k_norm.weight
fox-verify bad.gguf --source src -q
