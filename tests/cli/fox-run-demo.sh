# The demo checkpoint speaks: greedy text, token ids, streams in and out, equal results on any number of threads.
fox-convert "$FOX_ROOT/tests/demo" -o m.gguf -t bf16 -q >/dev/null
fox-run m.gguf --mode exact -p 'HACKER, n.' -n 24 -q --echo
echo
fox-run m.gguf --mode exact -p 'HACKER, n.' -n 6 -q --ids
printf 'HACKER, n.' >prompt
fox-run m.gguf -f prompt -n 24 -q -j 1 --kv f32 >one
fox-run m.gguf -f - -n 24 -q -j 3 --kv f32 -c 500 <prompt >three
cmp one three && echo "same on 1 and 3 threads, from a file and from standard input"
for kv in f16 bf16 q8_0; do
	fox-run m.gguf -f prompt -n 24 -q -j 1 --kv $kv >one && fox-run m.gguf -f prompt -n 24 -q -j 3 --kv $kv -c 500 | cmp - one && echo "$kv too"
done
fox-convert "$FOX_ROOT/tests/demo" -o k.gguf -t q4_k_m -q >/dev/null
for f in m k; do
	for n in 1 2 3; do fox-run $f.gguf -f prompt -n 24 -q -j $n >$f.$n; done
	cmp $f.1 $f.2 && cmp $f.2 $f.3 && echo "fast arithmetic: the same on 1, 2 and 3 threads"
done
for mode in exact fast; do fox-run m.gguf --mode $mode -f prompt -n 1 2>&1 >/dev/null | grep -o "$mode arithmetic"; done
sample() { fox-run m.gguf --mode exact -p 'The ' -n 60 -q --temp 0.9 --top-k 40 --top-p 0.95 --seed "$1"; }
sample 7 >a
sample 7 >b
sample 8 >c
cmp a b && echo "same with the same seed"
cmp -s a c || echo "different with another seed"
echo "-- a full context ends the text"
fox-run m.gguf -p 'HACKER, n.' -n 0 -c 12 --ids -j 1 2>err | wc -l
sed 's/^fox-run: note: loaded.*/statistics/' err
echo "-- refused"
fox-run m.gguf -p 'HACKER, n.' -c 4
echo "exit $?"
fox-run m.gguf -p text --temp -1
echo "exit $?"
fox-run m.gguf -p text --top-p 2
echo "exit $?"
fox-run m.gguf -p text -q >/dev/full
echo "exit $?"
