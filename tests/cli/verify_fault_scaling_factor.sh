# Llama: another factor of yarn.
. "$FOX_ROOT/tests/family.sh"
family llama_yarn
bend good.gguf bad.gguf set llama.rope.scaling.factor 2.0
fox-verify bad.gguf --source src -q
