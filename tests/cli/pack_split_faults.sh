# fox-pack split: the set appears whole, or nothing of it; what SIGKILL between two names leaves is no set to anybody.
export ASAN_OPTIONS=detect_leaks=0:"${ASAN_OPTIONS:-}"
fox-convert "$FOX_ROOT/tests/demo" -q -o in.gguf >/dev/null
fox-convert "$FOX_ROOT/tests/demo" -q --name other -o other.gguf >/dev/null
split() { "$@" fox-pack split --max-tensors 20 in.gguf -q -f -o out/m >/dev/null 2>err; }
mkdir out
faulty write kill 1 true
[ $? = 77 ] && echo 'skip: no seccomp notifications here' && exit 77
split faulty write kill 1
[ -z "$(ls -A out)" ] || { echo 'skip: no O_TMPFILE in this file system' && exit 77; }
split env || exit 3
mv out new
mkdir old
fox-pack split --max-tensors 20 other.gguf -q -o old/m >/dev/null
same() { for i in 1 2 3; do cmp -s out/m-0000$i-of-00003.gguf $1/m-0000$i-of-00003.gguf || return 1; done; }
state() {
	[ -z "$(ls out)" ] && echo nothing && return
	same new && echo new && return
	same old && echo old && return
	[ -e out/m-00001-of-00003.gguf ] || { echo "no first shard" && return; }
	fox-verify out/m-00001-of-00003.gguf -q >/dev/null 2>verdict && echo BROKEN && return
	grep -q 'shards of two sets' verdict && echo 'told that it is of two sets' || echo BROKEN
}
# FROM CALL FAULT NUMBERS
each() {
	for n in $4; do
		rm -rf out
		case $1 in old) cp -r old out ;; *) mkdir out ;; esac
		split faulty $2 $3 "$n"
		code=$?
		[ $code = 250 ] && break
		echo "over $1, $2 $3: exit $code, $(state), $(ls -A out | grep -c part) left, $(grep -c . err) lines"
		[ $code != 137 ] || [ "$(state)" = new ] || { split env && same new && [ "$(ls -A out)" = "$(ls new)" ] || echo "not made good: $(ls -A out)"; }
	done | uniq
}
for fault in EIO short kill int; do each nothing write $fault '1 61'; done
for fault in EIO kill int; do each nothing copy $fault 30; done
each nothing reserve ENOSPC 2 | grep -v 'exit 3, nothing, 0 left, 1 lines$' # on tmpfs nothing is reserved
for from in nothing old; do
	each $from fsync EIO '1 3 4 5'
	for call in link rename; do
		for fault in EIO kill; do each $from $call $fault '1 2 3'; done
	done
done
echo "== limits of the process"
rm -rf out && mkdir out
(ulimit -f 2000; split env; echo "exit $?, $(ls -A out)"; sed 's/[0-9]* bytes/N bytes/' err)
(ulimit -Sn 20; fox-pack split --max-tensors 2 in.gguf -q -o out/m >/dev/null; echo "exit $?, $(ls -A out | wc -l | tr -d ' ') files")
(ulimit -Sn 20; fox-verify out/m-00001-of-00028.gguf -q; echo "exit $?")
