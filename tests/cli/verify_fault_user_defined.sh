# The list of user-defined pieces left out.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
mkfault good.gguf bad.gguf user-defined
fox-verify bad.gguf --source "$FOX_ROOT/tests/demo" -q
