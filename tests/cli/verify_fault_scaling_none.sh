# Llama: no scaling where config.json has linear.
. "$FOX_ROOT/tests/family.sh"
family llama2
bend good.gguf bad.gguf set llama.rope.scaling.type none
fox-verify bad.gguf --source src -q
