# One value rounded the other way, and a tensor of zeros, in each type: tensors against the source by their own rules.
for t in f32 f16 bf16 q8_0; do
	fox-convert -q --allow-lossy "$FOX_ROOT/tests/demo" -t $t -o good.gguf -f >/dev/null
	for f in rounding zeroed; do
		mkfault good.gguf bad.gguf $f
		echo "== $t $f"
		fox-verify bad.gguf --source "$FOX_ROOT/tests/demo" -q
		echo "exit $?"
	done
done
