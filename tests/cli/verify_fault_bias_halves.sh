# Llama: a bias of queries in the source's order.
. "$FOX_ROOT/tests/family.sh"
family llama_bias
bend good.gguf bad.gguf halve blk.1.attn_q.bias 16
fox-verify bad.gguf --source src -q
