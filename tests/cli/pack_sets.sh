# Every tool takes the first shard of a set as the model, and notices a shard that is missing, damaged or of another set.
demo=$FOX_ROOT/tests/demo
fox-convert "$demo" -q -o in.gguf >/dev/null
fox-pack split --max-tensors 20 in.gguf -q -o s >/dev/null
s=s-00001-of-00003.gguf
echo "== verify"
fox-verify $s
fox-verify in.gguf --source "$demo" | grep source >one
fox-verify $s --source "$demo" | grep source | cmp - one && echo 'the same of the source'
fox-verify $s --reference "$demo/reference.npz" -q && echo 'logits proven'
fox-verify in.gguf --against $s --text "$demo/heldout.txt" --chunks 1 | grep '^text.kld\|mean_kld\|KL'
echo "== inspect"
fox-inspect $s | sed -n '1,4p;/split/p'
fox-inspect $s --json | tr ',' '\n' | grep 'file_bytes\|n_tensors\|split_count\|"hash_state'
fox-inspect tensors $s | sed -n '1,2p;21,24p;$p'
fox-inspect tensor $s blk.5.ffn_up.weight -n 2 | sed -n 1,8p
fox-inspect diff in.gguf $s
fox-inspect memory $s | grep weights
fox-inspect s-00003-of-00003.gguf | sed -n '1,4p;/split/p'
echo "== run, bench, quantize"
fox-run in.gguf -p 'Once upon a time' -n 20 --temp 0 -q >one
fox-run $s -p 'Once upon a time' -n 20 --temp 0 -q | cmp - one && echo 'the same text'
fox-bench $s -p 4 -n 2 -r 1 -t 2 >out && grep -c 'decode 2' out
fox-quantize in.gguf q4_k_m,q8_0 -q -o 'one-{type}.gguf' >/dev/null
fox-quantize $s q4_k_m,q8_0 -q -o 'set-{type}.gguf' -j 3 >/dev/null
cmp one-q4_k_m.gguf set-q4_k_m.gguf && cmp one-q8_0.gguf set-q8_0.gguf && echo 'the same bytes'
fox-quantize $s q6_k -n | grep '^output '
fox-quantize $s q6_k -f -o s-00002-of-00003.gguf
echo "exit $?"
mkfault in.gguf strip.gguf strip
fox-pack split --max-tensors 20 strip.gguf -q -o o >/dev/null
for i in 1 2 3; do mkfault o-0000$i-of-00003.gguf strip-0000$i-of-00003.gguf strip; done
fox-verify strip-00001-of-00003.gguf
echo "exit $?"
fox-quantize strip-00001-of-00003.gguf q8_0 -q -o x.gguf | grep '^output ' && fox-inspect keys x.gguf | grep -c 'quantize.source.hash'
echo "== a later shard"
each() {
	for tool in fox-verify fox-inspect 'fox-run -p x -n 1' fox-bench 'fox-quantize -n -q' 'fox-pack merge -n'; do
		case $tool in fox-quantize*) type=q8_0 ;; *) type= ;; esac
		$tool "$1" $type >/dev/null
		echo "$tool: exit $?"
	done
}
each s-00002-of-00003.gguf
echo "== a shard is missing"
mkdir t
cp s-*.gguf t
rm t/s-00002-of-00003.gguf
each t/$s
echo "== a shard of another conversion"
fox-convert "$demo" -q --name other -o other.gguf >/dev/null
fox-pack split --max-tensors 20 other.gguf -q -o other >/dev/null
cp other-00002-of-00003.gguf t/s-00002-of-00003.gguf
each t/$s
echo "== a shard is damaged"
verify() {
	fox-verify t/$s -q | sed 's/[0-9a-f]\{32\}/HASH/g'
	fox-inspect t/$s >out
	code=$?
	grep hashes out
	echo "inspect: exit $code"
}
mkfault s-00002-of-00003.gguf t/s-00002-of-00003.gguf bit-data
verify
mkfault s-00002-of-00003.gguf t/s-00002-of-00003.gguf bit-root-hash
verify
{ cat s-00002-of-00003.gguf; echo; } >t/s-00002-of-00003.gguf
verify
fox-quantize t/$s q8_0 -q -o y.gguf
echo "exit $?"
mkfault s-00002-of-00003.gguf t/s-00002-of-00003.gguf foreign-add
verify
mkfault s-00002-of-00003.gguf t/s-00002-of-00003.gguf strip
verify
