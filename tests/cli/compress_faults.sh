# The outputs of fox-pack compress and expand: whole or not at all, whatever fails.
mode= tool=fox-pack more='-j 1' writes='1 2 58 59 60'
fox-convert "$FOX_ROOT/tests/demo" -q -o m.gguf >/dev/null
fox-pack compress -q m.gguf >/dev/null
mkdir probe
ASAN_OPTIONS=detect_leaks=0 faulty write kill 1 fox-pack compress m.gguf -j 1 -q -o probe/o >/dev/null 2>&1
[ -z "$(ls -A probe)" ] || { echo 'skip: no O_TMPFILE in this file system' && exit 77; }
for verb in compress expand; do
	echo "== $verb"
	[ $verb = compress ] && in=m.gguf || in=m.gguf.foxz
	rm -rf out
	. "$FOX_ROOT/tests/faults.sh"
done
