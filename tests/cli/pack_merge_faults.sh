# fox-pack merge's output: whole or not at all, whatever fails; the shards stay as they are.
mode= tool=fox-pack verb=merge in=in-00001-of-00003.gguf
fox-convert "$FOX_ROOT/tests/demo" -q -o model.gguf >/dev/null
fox-pack split --max-tensors 20 model.gguf -q -o in >/dev/null
cat in-* | cksum >before
mkdir probe
ASAN_OPTIONS=detect_leaks=0 faulty write kill 1 fox-pack merge in-00001-of-00003.gguf -q -o probe/o.gguf >/dev/null 2>&1
[ -z "$(ls -A probe)" ] || { echo 'skip: no O_TMPFILE in this file system' && exit 77; }
. "$FOX_ROOT/tests/faults.sh"
for fault in EIO ENOSPC EINTR EINVAL kill int; do each copy $fault '1 2 56'; done
cmp new model.gguf && cat in-* | cksum | cmp - before && echo 'the shards are as they were'
