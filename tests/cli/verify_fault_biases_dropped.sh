# Llama: all biases of the feed-forward left out, which shows as a model without them.
. "$FOX_ROOT/tests/family.sh"
family llama_bias
bend good.gguf bad.gguf drop '*ffn_gate.bias|*ffn_up.bias|*ffn_down.bias'
fox-verify bad.gguf --source src -q
