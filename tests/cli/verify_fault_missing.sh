# A tensor left out.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
mkfault good.gguf bad.gguf missing
fox-verify bad.gguf --source "$FOX_ROOT/tests/demo" -q
