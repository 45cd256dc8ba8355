# Gemma: the keys and tensors of a Llama, which scales no embedding and adds no 1. Every tensor that differs is found, too.
. "$FOX_ROOT/tests/family.sh"
family gemma
bend good.gguf bad.gguf arch llama
fox-verify bad.gguf --source src -q >out
code=$?
sed -n '/source.config/,/source.tensor/{/source.tensor/!p}' out
exit $code
