# The output on a file system without O_TMPFILE; and one that cannot rename without replacing (NFS).
mode=-notmp
. "$FOX_ROOT/tests/faults.sh"
rm -rf out && mkdir out
faulty -notmp rename EINVAL 1 fox-convert "$FOX_ROOT/tests/demo" -t bf16 -j 1 -q -o out/o.gguf >/dev/null
echo "no such rename: exit $?, $(state), $(ls -A out)"
echo 'the old file' >out/o.gguf
fox-convert "$FOX_ROOT/tests/demo" -t bf16 -j 1 -q -o out/o.gguf
echo "without --force: exit $?, $(state), $(ls -A out)"
