# The flag of tokenizer.model turned round.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
mkfault good.gguf bad.gguf add-space-prefix
fox-verify bad.gguf --source "$FOX_ROOT/tests/demo" -q
