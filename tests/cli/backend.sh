# --backend: refused by name and with the reason; and the tools over tests/simt, where a CUDA device is emulated.
fox-convert "$FOX_ROOT/tests/demo" -o m.gguf -t bf16 -q >/dev/null
reason() { sed 's/\(no CUDA device 0: \).*/\1REASON/'; }
export CUDA_VISIBLE_DEVICES=
for tool in "fox-run m.gguf -p text" "fox-bench m.gguf -p 4 -n 0" "fox-verify m.gguf --reference $FOX_ROOT/tests/demo/reference.npz" \
	"fox-quantize m.gguf q8_0 -o q.gguf --calibrate $FOX_ROOT/tests/demo/heldout.txt"; do
	$tool --backend cuda 2>&1 | reason
	$tool --backend gpu 2>&1 | head -1
done
fox-run m.gguf -p text --backend cuda 2>/dev/null
echo "exit $?"
fox-quantize m.gguf q8_0 -o q.gguf --backend cuda 2>&1 | head -1
fox-run m.gguf -p 'HACKER, n.' -n 1 2>&1 >/dev/null | grep -o 'cpu, [0-9]* threads' | sed 's/[0-9]/N/' # auto
fox-verify m.gguf --backend cuda -q # nothing is run: no device is asked for
echo "exit $?"

simt=$(dirname "$(command -v fox-run)")/../simt/bin
[ "$FOX_CONFIG" = release ] && [ -x "$simt/fox-run" ] || { echo "skip: no emulated device in this build"; exit 77; }
echo "-- emulated"
PATH=$simt:$PATH
fox-run m.gguf --mode exact -p 'HACKER, n.' -n 24 --ids -q --backend cpu >cpu
fox-run m.gguf --mode exact -p 'HACKER, n.' -n 24 --ids -q >cuda
cmp cpu cuda && echo "exact: the same text, and auto is cuda"
fox-run m.gguf -p 'HACKER, n.' -n 4 2>&1 >/dev/null | grep -o 'cuda ([^)]*), .*' | sed 's/[0-9][0-9]* threads/N threads/'
fox-run m.gguf -p 'HACKER, n.' -n 4 --ids -q --temp 0.8 --seed 3 | wc -l
FOX_SIMT_MEMORY=4000000 fox-run m.gguf -p 'HACKER, n.' -n 4 2>said
echo "exit $?: $(sed -E 's/[0-9]+\.[0-9]{3}/X/g' said)"
FOX_SIMT_DEVICES=0 fox-run m.gguf -p 'HACKER, n.' -n 4 --backend cuda
FOX_SIMT_DEVICES=0 fox-run m.gguf -p 'HACKER, n.' -n 4 2>&1 >/dev/null | grep -o 'cpu, [0-9]* threads' | sed 's/[0-9]/N/'
fox-verify m.gguf --reference "$FOX_ROOT/tests/demo/reference.npz" --backend cuda |
	sed -n 's/^ok  *logits.nmse.*\(limit [^ ]* (exact; on cuda\).*/\1/p; /logits.top1/p; /logits.layer/p; $p'
fox-bench m.gguf -p 12 -n 2 -d 0,4 -r 1 | sed -E 's/[0-9]+(\.[0-9]+)?/N/g; s/; (xN_N|aarchN)[^;]*$/; CPU/'
fox-bench m.gguf -p 12 -n 0 -r 1 -o json | grep -E '"(backend|device_taken_bytes|flops_per_s)"' | sed -E 's/: [0-9.e+-]+/: N/'
head -c 3000 "$FOX_ROOT/tests/demo/heldout.txt" >text
for b in cpu cuda; do
	fox-quantize m.gguf -o q.gguf --calibrate text --context 32 --chunks 2 --save-imatrix $b.gguf --backend $b 2>&1 | grep -o 'calibrating on .*'
	fox-quantize m.gguf q4_k_m -f -o $b.q.gguf --imatrix $b.gguf -q >/dev/null
done
fox-verify cuda.q.gguf --text text --against cpu.q.gguf --context 32 --chunks 1 --max-kld 1e-3 --backend cpu -q # sums that differ by roundings
echo "exit $?"
fox-verify m.gguf --text text --context 32 --chunks 1 --backend auto | grep -E 'ran on|^note' | sed -E 's/[0-9.]+ \+- [0-9.]+/X/'
