# A source dtype that is not the source's.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
mkfault good.gguf bad.gguf dtype
fox-verify bad.gguf --source "$FOX_ROOT/tests/demo" -q
