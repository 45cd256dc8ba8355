# Another epsilon: a key against config.json, and every layer's norms.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
mkfault good.gguf bad.gguf eps
fox-verify bad.gguf --source "$FOX_ROOT/tests/demo" -q || echo "exit $?"
fox-verify bad.gguf --reference "$FOX_ROOT/tests/demo/reference.npz" -q
