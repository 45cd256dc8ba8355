# fox-pack split and merge: the plan, the files, the way back to equal bytes, and what is refused.
fox-convert "$FOX_ROOT/tests/demo" -q -o in.gguf >/dev/null
pack() {
	fox-pack "$@" >out
	code=$?
	sed '/^disk free/d' out
	[ $code = 0 ] || echo "exit $code"
}
echo "== the plan writes nothing"
pack split -s 2M in.gguf -n
ls
echo "== split, merge, compare"
pack split -s 2M in.gguf
pack merge in-00001-of-00004.gguf -o back.gguf
cmp in.gguf back.gguf && echo equal
for f in in-0000?-of-00004.gguf; do [ "$(wc -c <$f)" -le 2097152 ] || echo "$f is too large"; done
echo "== again into other sets, from a set"
mkdir d
pack split --max-tensors 20 in-00001-of-00004.gguf -o d/ | grep -v hash
pack split --max-tensors 20 in.gguf -o same.gguf -q >/dev/null
for i in 1 2 3; do cmp d/in-0000$i-of-00003.gguf same-0000$i-of-00003.gguf; done
pack split --no-tensor-first-split in.gguf -o keys | grep output
pack split --no-tensor-first-split -s 3M in.gguf -o keys | grep output
pack split --max-tensors 1000 in.gguf -o one | grep output
for s in d/in-00001-of-00003 keys-00001-of-00002 keys-00001-of-00004 one-00001-of-00001; do
	pack merge $s.gguf -q -f -o back.gguf >/dev/null
	cmp in.gguf back.gguf && echo "$s gives it back"
done
cp one-00001-of-00001.gguf d/lone.gguf
pack merge d/lone.gguf -n | grep output
pack merge d/in-00001-of-00003.gguf -n | grep output
pack merge d/in-00001-of-00003.gguf -o ./ -n | grep output
echo "== a tensor that is too large"
pack split -s 600K in.gguf -n | grep -c output
pack split -s 100K in.gguf -n | grep -c output
echo "== hashes are carried, or made"
fox-inspect keys in.gguf | grep -c 'fox.hash'
mkfault in.gguf strip.gguf strip
pack split -s 4M strip.gguf -o made | grep -v output
fox-verify made-00001-of-00002.gguf -q && echo proven
mkfault in.gguf foreign.gguf foreign-add
pack split -s 4M foreign.gguf -o foreign | grep hashes
mkfault in.gguf bad.gguf bit-data
pack split -s 4M bad.gguf -o bad -q | grep hashes
fox-verify bad-00001-of-00002.gguf -q | sed 's/[0-9a-f]\{32\}/HASH/g'
pack merge bad-00001-of-00002.gguf -o bad2.gguf -q >/dev/null
cmp bad.gguf bad2.gguf && echo 'damage and all'
mkgguf -raw v2.gguf v2
pack split --max-tensors 12 v2.gguf -o v2 | grep 'files\|tensors '
fox-verify v2-00001-of-00002.gguf -q && echo proven
echo "== refused"
pack
pack cut in.gguf
pack split in.gguf
pack split -s 0 in.gguf
pack split --max-tensors 0 in.gguf
pack split -s 2M
pack split -s 2M in.gguf extra
pack split -s 2M none.gguf
cp "$FOX_ROOT/tests/demo/config.json" .
pack split -s 2M config.json
pack split -s 2M in.gguf
pack split -s 2M in.gguf -o ''
pack split -s 2M in.gguf -o -
pack split -s 2M in.gguf -o none/x
pack merge in.gguf
pack merge in-00002-of-00004.gguf
pack merge in-00001-of-00004.gguf
pack merge in-00001-of-00004.gguf -o -
mkgguf -raw be.gguf be
pack split -s 2M be.gguf
mkfault in.gguf head.gguf bit-key
pack split -s 2M head.gguf
mkfault in.gguf future.gguf profile
pack split -s 2M future.gguf
echo "== an input is never overwritten"
sum() { cat in-0000?-of-00004.gguf | cksum; }
sum >before
pack merge in-00001-of-00004.gguf -f -o in-00003-of-00004.gguf
pack merge in-00001-of-00004.gguf -f -o in-00001-of-00004.gguf
ln in-00002-of-00004.gguf hard.gguf
pack merge in-00001-of-00004.gguf -f -o hard.gguf
ln -s in-00002-of-00004.gguf soft.gguf
pack merge in-00001-of-00004.gguf -f -o soft.gguf
pack split -s 2M in-00001-of-00004.gguf -f
pack merge in-00001-of-00004.gguf -o hard.gguf
sum | cmp - before && echo untouched
rm hard.gguf soft.gguf
pack merge in-00001-of-00004.gguf -f -o in.gguf -q >/dev/null
cmp in.gguf back.gguf && echo 'and with --force a file that is no input is'
