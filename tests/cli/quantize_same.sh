# A checkpoint converted to a type, and its container quantized to it, hold the same tensors; one run for several types writes
# what runs for each write; and no number of threads changes a byte.
demo=$FOX_ROOT/tests/demo
export ASAN_OPTIONS=detect_leaks=0:"${ASAN_OPTIONS:-}"
faulty write EIO 1 fox-convert "$demo" -q -n >/dev/null
[ $? = 77 ] && echo 'skip: no seccomp notifications here' && exit 77
all=q8_0,q4_0,q4_1,q5_0,q5_1,q2_k,q3_k_m,q4_k_s,q4_k_m,q5_k_m,q6_k,iq4_nl,iq4_xs,mxfp4
fox-convert "$demo" -q -t bf16,f32,$all -o 'c-{type}.gguf' >/dev/null || exit 3
fox-quantize c-bf16.gguf $all -q -o 'b-{type}.gguf' >report || exit 3
fox-quantize c-f32.gguf -t $all -q -o 'f-{type}.gguf' >/dev/null || exit 3
for t in $(echo $all | tr , ' '); do
	fox-inspect diff c-$t.gguf b-$t.gguf | grep '^keys'
	fox-inspect diff f-$t.gguf b-$t.gguf | grep '^keys'
	fox-quantize c-bf16.gguf $t -q -j 1 -o one.gguf >/dev/null
	cmp one.gguf b-$t.gguf
	rm one.gguf
	fox-verify b-$t.gguf -q >/dev/null || echo "not proven: $t"
done
for j in 1 2 3 16; do
	fox-quantize c-bf16.gguf $all -q -j $j -o "j$j-{type}.gguf" >j$j
	sed "s/j$j-/b-/" j$j | cmp - report
	for t in $(echo $all | tr , ' '); do cmp j$j-$t.gguf b-$t.gguf; done
	rm j$j-*
done
echo "== a copy is the file with new keys"
fox-quantize c-bf16.gguf copy -q -o copy.gguf | tail -8 | grep -v hash
fox-inspect diff c-bf16.gguf copy.gguf | grep '^fox.quantize\|^keys' | sed 's/[0-9a-f]\{32\}/HASH/'
echo "== fox-convert takes up what was stopped, and still hashes its source"
faulty write int 60 fox-convert "$demo" -t bf16,q4_k_m -j 1 -q --resume -o 'r-{type}.gguf' >/dev/null
ls r-*.journal
fox-convert "$demo" -t bf16,q4_k_m -j 1 -q --resume -o 'r-{type}.gguf' >/dev/null
cmp r-bf16.gguf c-bf16.gguf && cmp r-q4_k_m.gguf c-q4_k_m.gguf && ls r-*
