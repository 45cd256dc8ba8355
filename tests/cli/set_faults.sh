# A change of keys in place: every call that puts it on disk fails once, is cut short, or is the process's last. Readers see the
# old key or the new one, and the next look of fox-convert set leaves one whole file and nothing beside it.
export ASAN_OPTIONS=detect_leaks=0:"${ASAN_OPTIONS:-}"
fox-convert "$FOX_ROOT/tests/demo" -q -t q8_0 -o old >/dev/null
mkdir out
cp old out/o.gguf
faulty write kill 1 fox-convert set general.name=New out/o.gguf >/dev/null 2>&1
[ $? = 77 ] && echo 'skip: no seccomp notifications here' && exit 77
[ "$(ls -A out)" = o.gguf ] || { echo 'skip: no O_TMPFILE in this file system' && exit 77; }
cp old out/o.gguf
fox-convert set general.name=New -q out/o.gguf >/dev/null
cp out/o.gguf new
state() {
	cmp -s out/o.gguf old && echo old && return
	cmp -s out/o.gguf new && echo new || echo torn
}
seen() { fox-inspect keys out/o.gguf 2>/dev/null | sed -n "s/^general.name *str *//p"; }
look() {
	left=$(ls -A out | grep -v '^o.gguf$' | tr '\n' ' ')
	echo "$1: exit $code, $(state), seen $(seen)${left:+, left $left}"
	fox-convert set --recover out/o.gguf >rec 2>&1 || cat rec
	[ "$(ls -A out)" = o.gguf ] && [ "$(state)" != torn ] || echo "not finished: $(state), $(ls -A out)"
}
each() {
	for n in $3; do
		rm -rf out && mkdir out && cp old out/o.gguf
		faulty $1 $2 "$n" fox-convert set general.name=New -q out/o.gguf >/dev/null 2>err
		code=$?
		[ $code = 250 ] && break
		look "$1 $2 $n"
		sed "s/^/	/; s/'[^']*\/out\//'out\//" err
	done
}
for fault in EIO ENOSPC short EINTR kill int; do each write $fault '1 2 3 4 5'; done
for fault in EIO kill; do each fsync $fault '1 2 3 4 5'; done
for call in link unlink; do
	for fault in EIO kill; do each $call $fault '1 2'; done
done
echo "== torn by a power cut: half of the header is the new one"
rm -rf out && mkdir out && cp old out/o.gguf
faulty unlink kill 1 fox-convert set general.name=New -q out/o.gguf >/dev/null 2>&1
(head -c 20000 new && tail -c +20001 old) >out/o.gguf
state
fox-verify out/o.gguf -q | grep -v '^ok'
seen
(head -c 700 new && tail -c +701 old) >out/o.gguf
state
seen
fox-verify out/o.gguf -q | sed 's/  */ /g'
for verb in 'sign out/o.gguf -o out/SUMS' 'bundle out/o.gguf -o out/b.tar' 'oci out/o.gguf -o out/l' 'compress out/o.gguf -o out/c'; do
	fox-pack $verb -q 2>&1 | sed "s/'[^']*\/out\//'out\//"
done
code=0
look "recovered"
state
echo "== a journal that is another file's"
cp old out/o.gguf
fox-convert "$FOX_ROOT/tests/demo" -q -t bf16 -o out/p.gguf >/dev/null
faulty unlink kill 1 fox-convert set general.name=New -q out/p.gguf >/dev/null 2>&1
mv out/p.gguf.fox-journal out/o.gguf.fox-journal
seen
fox-convert set general.name=Third out/o.gguf 2>&1 | sed "s/'[^']*\/out\//'out\//"
cmp out/o.gguf old
head -c 99 out/o.gguf.fox-journal >j && mv j out/o.gguf.fox-journal
seen
fox-convert set --recover out/o.gguf 2>&1 | sed 's/: .*out/: out/'
ls -A out
