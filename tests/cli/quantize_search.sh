# fox-quantize: --calibrate, --save-imatrix, --search.
demo=$FOX_ROOT/tests/demo
text=$demo/heldout.txt
fox-convert "$demo" -q -t bf16 -o m.gguf >/dev/null
field() { sed -n "s/^$1  *//p"; }
kld() { fox-verify "$1" --against m.gguf --text "$text" --context 128 --chunks 12 --json | sed -n 's/^ *"kld": *\([0-9.e-]*\),/\1/p'; }
less() { awk -v a="$1" -v b="$2" -v f="$3" 'BEGIN { print (a > 0 && a + 0 < b * f ? "yes" : "no: " a " " b) }'; }
echo "== smaller errors"
first='bf16 --tensor-type blk\.[01]\.=q3_k -q' # two layers are enough, and quick in builds that check everything
for type in q3_k q4_k; do
	fox-quantize m.gguf ${first%q3_k*}$type -q -o plain-$type.gguf | field error >plain
	fox-quantize m.gguf ${first%q3_k*}$type -q --search wide -o wide-$type.gguf | field error >wide
	less "$(cat wide)" "$(cat plain)" 1
done
echo "== importance"
fox-quantize m.gguf --calibrate "$text" --save-imatrix im.gguf --context 128 --chunks 8 -q
fox-inspect keys im.gguf | grep 'imatrix\.'
fox-quantize m.gguf $first --imatrix im.gguf -o a.gguf | field 'root hash' >a
fox-quantize m.gguf $first --calibrate "$text" --context 128 --chunks 8 -o b.gguf >/dev/null
fox-inspect diff a.gguf b.gguf | tail -1
fox-quantize m.gguf $first --calibrate "$text" --context 128 --chunks 8 --search calibrated -o c.gguf >/dev/null
fox-quantize m.gguf $first --calibrate "$text" --context 128 --chunks 8 --search calibrated -j 3 -o d.gguf >/dev/null
cmp c.gguf d.gguf && fox-inspect keys c.gguf | grep 'quantize\.'
echo "== less divergence"
less "$(kld c.gguf)" "$(kld a.gguf)" 0.75
echo "== memory"
memory() { fox-quantize m.gguf q3_k -n -q "$@" | sed -n 's/^memory  *//p' | tr -d ,; }
# per layer three inputs of 256 columns and one of 512, and the output's; products in f32, squares in f64; 512 columns in f64
# while a factor is made, and one step's columns
need=$((19 * (256 * 256 * 4 + 256 * 8) + 6 * (512 * 512 * 4 + 512 * 8) + 512 * 512 * 8 + 512 * 4 * (64 + 1)))
echo $(($(memory --search calibrated --calibrate "$text" -j 1) - $(memory -j 1) - need))
ls x.gguf 2>/dev/null
echo "== refused"
fail() {
	"$@" -q
	echo $?
}
fail fox-quantize m.gguf q4_k --search calibrated -o x.gguf
fail fox-quantize m.gguf q4_k --search far -o x.gguf
fail fox-convert "$demo" -t q4_k --search calibrated -o x.gguf
fail fox-quantize m.gguf q4_k --calibrate "$text" --imatrix im.gguf -o x.gguf
fail fox-quantize m.gguf q4_k --save-imatrix im.gguf -o x.gguf
fail fox-quantize m.gguf --calibrate "$text"
fail fox-quantize m.gguf --calibrate "$text" --save-imatrix im.gguf
fail fox-quantize m.gguf q4_k --calibrate none -o x.gguf
printf 'short' >short
fail fox-quantize m.gguf q4_k --calibrate short -o x.gguf
printf 'a\377b' >bad
fail fox-quantize m.gguf q4_k --calibrate bad -o x.gguf
ls
