# fox-quantize's output: whole or not at all, whatever fails.
mode= tool=fox-quantize
fox-convert "$FOX_ROOT/tests/demo" -q -o in.gguf >/dev/null
mkdir probe
ASAN_OPTIONS=detect_leaks=0 faulty write kill 1 fox-quantize in.gguf q8_0 -j 1 -q -o probe/o.gguf >/dev/null 2>&1
[ -z "$(ls -A probe)" ] || { echo 'skip: no O_TMPFILE in this file system' && exit 77; }
. "$FOX_ROOT/tests/faults.sh"
