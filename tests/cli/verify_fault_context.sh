# Twice the context.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
mkfault good.gguf bad.gguf context
fox-verify bad.gguf --source "$FOX_ROOT/tests/demo" -q
