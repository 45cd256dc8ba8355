# Gemma: a norm as the source has it, without the 1.
. "$FOX_ROOT/tests/family.sh"
family gemma
bend good.gguf bad.gguf add blk.1.attn_norm.weight -1
fox-verify bad.gguf --source src -q
