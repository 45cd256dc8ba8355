# Another rotary base.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
mkfault good.gguf bad.gguf theta
fox-verify bad.gguf --source "$FOX_ROOT/tests/demo" -q || echo "exit $?"
fox-verify bad.gguf --reference "$FOX_ROOT/tests/demo/reference.npz" -q
