# Every family: a checkpoint converted to a mixture, and its container quantized to it, hold the same tensors; transposed and
# regrouped matrices, halves and norms with 1 added included.
for dir in "$FOX_ROOT"/tests/families/*/model.safetensors; do
	dir=${dir%/*}
	name=${dir##*/}
	set --
	[ "$name" = openelm ] && set -- --tokenizer "$FOX_ROOT/tests/families/openelm_tokenizer"
	fox-convert "$dir" "$@" -q -t f32,q4_k_m,q8_0 -f -o 'c-{type}.gguf' >/dev/null || continue
	fox-quantize c-f32.gguf q4_k_m,q8_0 -q -f -o 'q-{type}.gguf' >/dev/null || continue
	for t in q4_k_m q8_0; do
		echo "$name $t: $(fox-inspect diff c-$t.gguf q-$t.gguf | sed -n 's/^keys that.*, //p')"
	done
done
