# Llama: linear scaling where config.json has yarn.
. "$FOX_ROOT/tests/family.sh"
family llama_yarn
bend good.gguf bad.gguf set llama.rope.scaling.type linear
fox-verify bad.gguf --source src -q
