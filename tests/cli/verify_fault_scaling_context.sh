# Llama: another original context length.
. "$FOX_ROOT/tests/family.sh"
family llama_yarn
bend good.gguf bad.gguf set llama.rope.scaling.original_context_length 32
fox-verify bad.gguf --source src -q
