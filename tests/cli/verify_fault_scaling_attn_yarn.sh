# Llama: the factor of yarn that readers put on cosine and sine put there once more.
. "$FOX_ROOT/tests/family.sh"
family llama_yarn
bend good.gguf bad.gguf set llama.rope.scaling.attn_factor 1.1386294
fox-verify bad.gguf --source src -q
