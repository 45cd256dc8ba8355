# fox-bench on the demo: the shape of its reports (numbers depend on the machine), what it refuses, and its end by a signal.
fox-convert "$FOX_ROOT/tests/demo" -o m.gguf -t q8_0 -q >/dev/null
shape() { sed -E 's/[0-9]+(\.[0-9]+)?/N/g; s/avxN|scalar|neon|avxN_?[a-z]*|amx|one by one|dot/ISA/g; s/; (xN_N|aarchN)[^;]*$/; CPU/'; }
FOX_CPU_DISABLE=all fox-bench m.gguf -p 4,8 -n 2 -d 0,8 -t 1,2 -r 2 | shape
FOX_CPU_DISABLE=all fox-bench m.gguf -p 0 -n 2 -t 1 -r 1 --mode exact --kv f32 | shape
fox-bench m.gguf m.gguf -p 4 -n 2 -t 1 -r 2 -o csv | sed 's/,[0-9.]*/,/g'
fox-bench m.gguf -p 4 -n 0 -t 1 -r 2 -o json | sed -E 's/: [0-9.e-]+(,?)$/: N\1/; s/"(cpu|version|one_row|several_rows)": "[^"]*"/"\1": TEXT/'
FOX_CPU_DISABLE=all fox-bench --kernels --filter 'gemv fast q4' | shape
echo "-- refused"
try() {
	fox-bench "$@"
	echo "exit $?"
}
try
try --kernels m.gguf
try m.gguf --filter dot
try --kernels --filter nothing
try m.gguf -p 1,x
try m.gguf -t 0
try m.gguf -p 100000
try m.gguf -o xml
try absent.gguf
fox-bench m.gguf -p 4 -n 0 -r 1 -q >/dev/full
echo "exit $?"
echo "-- stopped"
fox-bench m.gguf -p 500 -n 500 -r 100 -t 1 >out 2>/dev/null &
pid=$!
sleep 0.3
kill -TERM $pid
wait $pid
echo "exit $?, $(wc -c <out) bytes"
