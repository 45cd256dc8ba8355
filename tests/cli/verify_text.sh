# A text under a container: its perplexity, and the distance to another one's predictions; limits; what cannot be measured.
text="$FOX_ROOT/tests/demo/heldout.txt"
for t in bf16 q8_0; do fox-convert -q "$FOX_ROOT/tests/demo" -t $t -o $t.gguf >/dev/null; done
try() { fox-verify "$@" 2>&1 | sed 's/header is .*/header/'; }
code() { fox-verify "$@" >out 2>&1; echo "exit $?"; }
short="--text $text --context 64 --chunks 4"
# libm's exp may differ in its last digit: 5 digits are the same everywhere
try bf16.gguf $short | sed 's/\(perplexity *[0-9]*\.[0-9][0-9][0-9]\)[0-9]*/\1/'
# figures whose first digits every instruction set gives; all names
fox-verify q8_0.gguf $short --against bf16.gguf --json | sed -n '/"text": {/,/}/p' >json
sed -n 's/^    "\([a-z0-9_]*\)".*/\1/p' json | tr '\n' ' ' && echo
sed -n 's/^    "\(ppl\|base_ppl\|ppl_ratio\|kld\|same_top\)": \([0-9]*\.[0-9][0-9]\).*\(e-05\)\{0,1\},$/\1 \2/p' json
fox-verify q8_0.gguf $short --against bf16.gguf -j 1 >a
fox-verify q8_0.gguf $short --against bf16.gguf -j 3 | cmp - a && echo "the same with three threads"
fox-verify bf16.gguf $short --against bf16.gguf --max-kld 0 --max-ppl-ratio 1 -q && echo "itself: within limits of nothing"
echo "== fast arithmetic: named, and near"
fox-verify q8_0.gguf $short --mode fast --json | grep '"arithmetic"'
fox-verify q8_0.gguf $short --mode fast | grep -o 'Text (fast.*'
fox-verify q8_0.gguf $short --mode fast --against bf16.gguf --max-kld 1e-3 --max-ppl-ratio 1.01 -q && echo "within limits"
echo "== limits"
fox-verify q8_0.gguf $short --against bf16.gguf --max-kld 1e-6 --max-ppl-ratio 0.9 -q | sed 's/\(ratio of perplexities\|divergence\) .*, /\1 X, /'
code q8_0.gguf $short --against bf16.gguf --max-kld 1e-6
code q8_0.gguf $short --against bf16.gguf --max-kld 1e-3 --max-ppl-ratio 1.01
code q8_0.gguf $short --against bf16.gguf
echo "== a file without hashes: measured against another one and a limit it is proven, by itself it is not"
mkfault bf16.gguf foreign.gguf strip
code foreign.gguf $short -q
code foreign.gguf $short --against bf16.gguf
code foreign.gguf $short --against bf16.gguf --max-kld 1e-9
echo "== not measured"
: >empty.txt
printf 'too short' >short.txt
head -c 3000 bf16.gguf >bytes.txt
for f in empty.txt short.txt bytes.txt nowhere.txt; do try bf16.gguf --text $f -q; done
try bf16.gguf --text short.txt --context 8 -q
bend bf16.gguf other.gguf set tokenizer.ggml.bos_token_id 5
try other.gguf $short --against bf16.gguf -q
mkfault bf16.gguf other.gguf add-space-prefix
try other.gguf $short --against bf16.gguf -q
try bf16.gguf $short --against nowhere.gguf -q
mkgguf none.gguf
try bf16.gguf $short --against none.gguf -q
echo "== a context longer than the model was trained for"
fox-verify bf16.gguf --text "$text" --context 1028 --chunks 1 | sed -n 's/note *text.context/text.context/p'
echo "== options"
for o in "--against bf16.gguf" "--context 64" "--chunks 1" "--text $text --max-kld 1" "--text $text --max-ppl-ratio 1" "--text $text --context 3" \
	"--text $text --against bf16.gguf --max-kld -1"; do
	fox-verify bf16.gguf $o 2>&1 | head -1
done
