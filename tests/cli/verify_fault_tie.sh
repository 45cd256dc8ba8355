# Qwen2: the output left out, as if it were the embedding.
. "$FOX_ROOT/tests/family.sh"
family qwen2
bend good.gguf bad.gguf drop output.weight
fox-verify bad.gguf --source src -q
