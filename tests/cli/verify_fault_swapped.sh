# Two tensors of one shape exchanged, in layer 3: the layers before it are right.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
mkfault good.gguf bad.gguf swapped
fox-verify bad.gguf --source "$FOX_ROOT/tests/demo" -q || echo "exit $?"
fox-verify bad.gguf --reference "$FOX_ROOT/tests/demo/reference.npz" -q
