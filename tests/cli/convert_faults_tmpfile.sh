# The output written under no name at all.
mode=
mkdir probe
ASAN_OPTIONS=detect_leaks=0 faulty write kill 1 fox-convert "$FOX_ROOT/tests/demo" -j 1 -q -o probe/o.gguf >/dev/null 2>&1
[ -z "$(ls -A probe)" ] || { echo 'skip: no O_TMPFILE in this file system' && exit 77; }
. "$FOX_ROOT/tests/faults.sh"
