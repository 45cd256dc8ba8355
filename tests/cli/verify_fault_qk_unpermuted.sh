# The permutation of Q and K left out: their values are wrong, and no layer after the first gets right input.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
mkfault good.gguf bad.gguf qk-unpermuted
fox-verify bad.gguf --source "$FOX_ROOT/tests/demo" -q || echo "exit $?"
fox-verify bad.gguf --reference "$FOX_ROOT/tests/demo/reference.npz" -q
