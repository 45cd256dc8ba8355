# --resume: whatever stops the work, what is finished stays and is not done again, the output is that of a run in one go, and
# nothing is left behind then. Without --resume nothing stays.
export ASAN_OPTIONS=detect_leaks=0:"${ASAN_OPTIONS:-}"
fox-convert "$FOX_ROOT/tests/demo" -q -o in.gguf >/dev/null
types=q8_0,q4_0
more=
run() { "$@" fox-quantize in.gguf $types --pure -j 1 -q -o 'out/{type}.gguf' $more; }
faulty write EIO 1 fox-quantize in.gguf q8_0 -q -n >/dev/null
[ $? = 77 ] && echo 'skip: no seccomp notifications here' && exit 77
mkdir out
run env >want
mv out good
left() { ls -A out | tr '\n' ' '; }
check() {
	cmp out/q8_0.gguf good/q8_0.gguf && cmp out/q4_0.gguf good/q4_0.gguf && cmp want report && echo "$1: same, left $(left)"
}

echo "== stopped at any call"
for fault in 'write kill 1' 'write kill 3' 'write kill 9' 'write kill 40' 'write kill 110' 'write kill 116' 'write kill 120' \
	'write ENOSPC 30' 'write EIO 7' 'write short 12' 'write int 50' 'read kill 20' 'read EIO 20' 'fsync kill 1' 'fsync kill 2' \
	'rename kill 1' 'rename kill 2' 'reserve ENOSPC 1'; do
	rm -rf out && mkdir out
	more=--resume
	run faulty $fault >report 2>/dev/null
	more='--resume -f'
	run env >report || echo "exit $?"
	check "$fault"
done
echo "== what is finished is not read again: nobody sees that its source has changed meanwhile"
more=--resume
begin() {
	rm -rf out && mkdir out
	run faulty write int 60 2>/dev/null
}
poke() { # FILE OFFSET: another byte there, and the time of change as before
	touch -r "$1" time
	printf x | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
	touch -r time "$1"
}
cp -p in.gguf whole.gguf
begin
echo "$(grep -c ^tensor out/q8_0.gguf.part.journal) of 56, left $(left)"
poke in.gguf 100000 # in the first tensor
run env >report || echo "exit $?"
check finished
begin
poke in.gguf 7800000 # in the last matrix
run env 2>err
echo "unfinished: exit $?, $(left)"
cp -p whole.gguf in.gguf
echo "== all is finished but the name"
rm -rf out && mkdir out
run faulty rename kill 1 >report 2>/dev/null
poke in.gguf 100000
poke in.gguf 7800000
run env >report || echo "exit $?"
check named
cp -p whole.gguf in.gguf
echo "== a journal that was cut, and one that lies"
begin
truncate -s -30 out/q8_0.gguf.part.journal
poke out/q4_0.gguf.part 80000
run env >report
check both
echo "== other work"
begin
types=q8_0,q5_0 # one of them is the same
run env >report
echo "exit $?, $(left)"
cmp out/q8_0.gguf good/q8_0.gguf
types=q8_0,q4_0
begin
fox-quantize in.gguf $types --pure --tensor-type ffn=q5_1 -j 1 -q --resume -o 'out/{type}.gguf'
echo "exit $?"
touch -d '2001-01-01' in.gguf
run env
echo "exit $?, $(left)"
more=
run env >report
check 'without --resume'
echo "== the files that are kept are no input"
for name in x.gguf.part x.gguf.part.journal; do
	cp whole.gguf $name
	fox-quantize $name q8_0 -q --resume -o x.gguf
	echo "exit $?"
	cmp $name whole.gguf
	rm $name
done
echo "== without --resume"
rm -rf out && mkdir out
run faulty write int 60 2>/dev/null
echo "exit $?, left $(left)"
