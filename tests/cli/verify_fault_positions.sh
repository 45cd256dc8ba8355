# GPT-2: learned positions left out.
. "$FOX_ROOT/tests/family.sh"
family gpt2
bend good.gguf bad.gguf drop position_embd.weight
fox-verify bad.gguf --source src -q
