# Qwen 2: the output exchanged with the embedding, which has the same shape.
. "$FOX_ROOT/tests/family.sh"
family qwen2
bend good.gguf bad.gguf swap output.weight token_embd.weight
fox-verify bad.gguf --source src -q
