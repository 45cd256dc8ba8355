# A tensor that the source does not have.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
mkfault good.gguf bad.gguf extra
fox-verify bad.gguf --source "$FOX_ROOT/tests/demo" -q
