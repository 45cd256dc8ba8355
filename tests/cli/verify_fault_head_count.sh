# Half the heads of twice the size: every shape, and the order of the rows, stays as it is.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
mkfault good.gguf bad.gguf head-count
fox-verify bad.gguf --source "$FOX_ROOT/tests/demo" -q
