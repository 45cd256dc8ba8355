# --to hf: what is refused, what is in the way, and that nothing is left when it fails.
demo=$FOX_ROOT/tests/demo families=$FOX_ROOT/tests/families
try() {
	fox-convert "$@" --to hf -q 2>err >out
	code=$?
	sed "s|$FOX_ROOT/||; s|[.][0-9]*[.]part/|.PID.part/|" err
	echo "exit $code"
}
fox-convert "$families/llama2" -q -o m.gguf >/dev/null
fox-convert "$families/gemma" -q -t f32 -o gemma.gguf >/dev/null
echo "== containers"
mkgguf other.gguf
try other.gguf -o back
mkgguf -raw big.gguf be && try big.gguf -o back
try none.gguf -o back
try "$families/llama2" -o back
head -c 60000 m.gguf >cut.gguf
try cut.gguf -o back
mkfault m.gguf fault.gguf bit-data && try fault.gguf -o back
mkfault m.gguf fault.gguf bit-key && try fault.gguf -o back
bend m.gguf fault.gguf drop blk.1.attn_v.weight && try fault.gguf -o back
bend m.gguf fault.gguf drop output.weight && try fault.gguf -o back
mkfault m.gguf fault.gguf extra-bias && try fault.gguf -o back
bend m.gguf fault.gguf set fox.hf.config '{}' && try fault.gguf -o back
echo "== options"
try m.gguf
try m.gguf -o back -t q8_0
try m.gguf -o back -t f32,bf16
try m.gguf -o back --max-shard-size 0
try m.gguf -o back --resume
echo "== in the way"
mkdir full empty && touch full/x
echo text >file
ln -s empty link
for out in full file link . .. / '' - none/x m.gguf; do try m.gguf -o "$out"; done
try m.gguf -o full -f
try m.gguf -o empty/
ls -A full
echo "== nothing is left"
rm -rf empty m2 && ls -A >before
(ulimit -f 40; try m.gguf -o back)
bend m.gguf fault.gguf times output_norm.weight 3 1e30 && try fault.gguf -o back -t f16
ls -A | diff before - && echo "nothing"
faulty rename EIO 1 fox-convert m.gguf --to hf -o back -q >/dev/null 2>err
[ $? = 77 ] || ls -A | diff before -
faulty write int 3 fox-convert m.gguf --to hf -o back -q >/dev/null 2>err
[ $? = 77 ] || ls -A | diff before -
try fault.gguf -o back -t f16 --allow-lossy
echo "== 1 + w that lost bits"
bend gemma.gguf fault.gguf times blk.0.attn_norm.weight 3 1.0000001 && fox-convert fault.gguf --to hf -o bits
echo "== plan"
fox-convert gemma.gguf --to hf -o plan -n | head -4
fox-convert gemma.gguf --to hf -o plan -n -t f32 | tail -4
[ ! -e plan ] && echo "nothing written"
echo "== shards"
fox-convert m.gguf --to hf -o shards --max-shard-size 20K
ls shards
head -5 shards/model.safetensors.index.json
stcmp "$families/llama2" shards
echo "== mode"
(umask 077 && fox-convert m.gguf --to hf -q -o closed >/dev/null)
ls -ld closed closed/model.safetensors back | cut -c1-10
echo "== quantized: the values that fox decodes"
fox-convert "$demo" -q -t q8_0,q4_k_m -o 'd-{type}.gguf' >/dev/null
for t in q8_0 q4_k_m; do
	fox-convert d-$t.gguf --to hf -q -t f32 -o d-$t >/dev/null
	fox-convert d-$t -q -t f32 -f -o again.gguf >/dev/null
	fox-quantize d-$t.gguf f32 --allow-requantize -q -f -o plain.gguf >/dev/null
	fox-inspect diff plain.gguf again.gguf | tail -1
done
fox-convert d-q8_0.gguf --to hf -o d-bf16
