# OLMo 2: the norms after attention and after the feed-forward exchanged.
. "$FOX_ROOT/tests/family.sh"
family olmo2
bend good.gguf bad.gguf swap blk.1.post_attention_norm.weight blk.1.post_ffw_norm.weight
fox-verify bad.gguf --source src -q
