# Quantized containers: rows in the source's order, two tensors exchanged, a tensor of zeros, one bit of one value. Tensors against
# the source find each, whatever rounding costs; where columns were weighed by importance, all but the last, which is a note.
src="$FOX_ROOT/tests/demo"
try() {
	for f in $2; do
		mkfault good.gguf bad.gguf $f
		fox-verify bad.gguf --source "$src" >out
		printf '%s %s: exit %s, ' "$1" $f $?
		sed -n 's/^fail *\([a-z.]*\).*/\1/p' out | sort | uniq -c | tr -s ' \n' ' ' && echo
	done
}
for t in q4_0 q4_1 q5_0 q5_1 q2_k q3_k_m q5_k_m q6_k iq4_nl iq4_xs nvfp4; do
	fox-convert -q "$src" -t $t -f -o good.gguf >/dev/null || exit 3
	try $t 'swapped rounding'
done
fox-convert -q "$src" -t q4_k_m -f -o good.gguf >/dev/null
fox-verify good.gguf --source "$src" | grep -A 1 ' source.tensor'
try q4_k_m 'qk-unpermuted swapped zeroed rounding'
echo "== with importance"
fox-convert -q "$src" -f -o f.gguf >/dev/null
head -c 9000 "$src/heldout.txt" >text
calibrate f.gguf text 64 im.gguf || exit 3
fox-convert -q "$src" -t q4_0 --imatrix im.gguf -f -o good.gguf >/dev/null || exit 3
fox-verify good.gguf --source "$src" | grep -A 1 ' source.tensor'
try q4_0 'qk-unpermuted swapped zeroed rounding'
echo "== the words"
fox-convert -q "$src" -t q4_k_m -f -o good.gguf >/dev/null
for f in qk-unpermuted zeroed rounding; do
	mkfault good.gguf bad.gguf $f
	fox-verify bad.gguf --source "$src" -q | head -3
done
echo "== q8_0 whose scales were searched for: by its blocks, like the others"
fox-convert -q "$src" -t q8_0 -f -o good.gguf >/dev/null
bend good.gguf searched.gguf set fox.convert.options type=q8_0,search=wide
fox-verify searched.gguf --source "$src" | grep -A 1 ' q8_0 tensors'
for f in swapped rounding; do
	mkfault searched.gguf bad.gguf $f
	fox-verify bad.gguf --source "$src" -q
	echo "exit $?"
done
