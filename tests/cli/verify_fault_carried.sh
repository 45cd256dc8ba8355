# The copy of config.json, one bit off.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
mkfault good.gguf bad.gguf carried
fox-verify bad.gguf --source "$FOX_ROOT/tests/demo" -q
