# Both kinds of reference file give the same report; limits can be set; a type's own limit applies.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
fox-convert -q "$FOX_ROOT/tests/demo" -t q8_0 -o q8.gguf >/dev/null
npz="$FOX_ROOT/tests/demo/reference.npz"
mkfault "$npz" r.safetensors reference
fox-verify good.gguf --reference "$npz" | sed '/^  [0-9 ]/s/ *[0-9.e-]*$/ X/;/^  [NlmK]/s/[0-9.e-]*$/X/;s/NMSE [^ ]* over/NMSE X over/;s/header is .*/header/;s/[0-9]* keys, /N keys, /;s/[0-9]* files have/N files have/'
fox-verify good.gguf --reference "$npz" >a
fox-verify good.gguf --reference r.safetensors -j 1 | cmp - a && echo same
fox-verify q8.gguf --reference r.safetensors -q && echo "q8_0 within its limit"
fox-verify q8.gguf --reference r.safetensors --max-nmse 1e-9 -q | sed 's/NMSE [^ ]*/NMSE X/'
fox-verify good.gguf --reference r.safetensors --max-nmse 0 -q | sed 's/NMSE [^ ]*/NMSE X/'
echo "== fast arithmetic"
for f in good q8; do
	fox-verify $f.gguf --reference "$npz" --mode fast -q && echo "$f within the limit of its noise"
	fox-verify $f.gguf --reference "$npz" --mode fast | sed -n 's/NMSE [0-9][^ ]* /NMSE X /;s/limit [^ ]*/limit X/;/Logits\|logits.nmse/p'
done
mkfault good.gguf bad.gguf theta
fox-verify bad.gguf --reference "$npz" --mode fast -q | sed "s/NMSE [^ ]* /NMSE X /;s/, limit.*//" | grep fail
echo "== quantized: limits by what noise of the type's size does to this model; faults are above them"
for t in q6_k q4_k_m iq4_xs q2_k; do
	fox-convert -q "$FOX_ROOT/tests/demo" -t $t -f -o k.gguf >/dev/null
	fox-verify k.gguf --reference "$npz" -q && echo "$t within its limits"
	for f in qk-unpermuted swapped theta; do
		mkfault k.gguf bad.gguf $f
		fox-verify bad.gguf --reference "$npz" -q | sed "s/^/$t $f: /;s/NMSE [^ ]* /NMSE X /;s/, limit.*//" | grep fail
	done
done
mkgguf other.gguf
fox-verify other.gguf --reference r.safetensors
