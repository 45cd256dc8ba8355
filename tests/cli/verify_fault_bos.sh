# Another bos id.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
mkfault good.gguf bad.gguf bos
fox-verify bad.gguf --source "$FOX_ROOT/tests/demo" -q
