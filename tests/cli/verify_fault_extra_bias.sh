# One bias that the source does not have: then the container asks for all of its kind, too.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
mkfault good.gguf bad.gguf extra-bias
fox-verify bad.gguf --source "$FOX_ROOT/tests/demo" -q
