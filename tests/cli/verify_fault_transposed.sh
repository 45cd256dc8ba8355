# GPT-2: a square matrix as the source has it.
. "$FOX_ROOT/tests/family.sh"
family gpt2
bend good.gguf bad.gguf transpose blk.1.attn_output.weight
fox-verify bad.gguf --source src -q
