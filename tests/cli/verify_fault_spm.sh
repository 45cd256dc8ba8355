# The copy of tokenizer.model without its pieces, one bit off.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
mkfault good.gguf bad.gguf spm
fox-verify bad.gguf --source "$FOX_ROOT/tests/demo" -q
