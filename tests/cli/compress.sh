# fox-pack compress and expand: the report, names, what is refused, and that a file comes back bit for bit or not at all.
fox-convert "$FOX_ROOT/tests/demo" --allow-lossy -q -t f32,bf16,f16,q8_0,q4_k_m -o 'm-{type}.gguf' >/dev/null
pack() {
	fox-pack "$@" >out
	echo "$? $(sed -n 's/^output  *//p' out | tr '\n' ' ')"
}
echo "== the report"
fox-pack compress m-bf16.gguf | sed 's/^compressed .*/compressed/; s/^\(ratio .*\)../\1/' # the header's share is zlib's
fox-pack expand m-bf16.gguf.foxz -o back.gguf | grep -v '^compressed\|^ratio'
cmp m-bf16.gguf back.gguf && echo same
echo "== all types: smaller, and the same again"
for t in f32 f16 q8_0 q4_k_m; do
	fox-pack compress -q m-$t.gguf | sed -n 's/^\(ratio .*\)..$/\1/p'
	fox-pack expand -q -f m-$t.gguf.foxz -o back.gguf >/dev/null
	cmp m-$t.gguf back.gguf && echo same
done
echo "== threads"
for j in 1 2 3 5; do fox-pack compress -q m-bf16.gguf -j $j -f -o j$j >/dev/null && cmp j$j m-bf16.gguf.foxz; done
echo "== names"
mkdir dir sub
pack compress m-q8_0.gguf
pack compress m-q8_0.gguf m-f16.gguf -o dir
pack compress m-q8_0.gguf m-f16.gguf -o x
pack expand dir/m-q8_0.gguf.foxz dir/m-f16.gguf.foxz
cmp dir/m-q8_0.gguf m-q8_0.gguf && cmp dir/m-f16.gguf m-f16.gguf && echo same
pack expand dir/m-f16.gguf.foxz -o sub/
pack expand dir/m-f16.gguf.foxz -o sub/
cp j1 .foxz
pack expand j1
pack expand .foxz
pack expand j1 -o sub
pack expand j1 -o -
pack compress m-bf16.gguf -o ''
pack compress m-bf16.gguf -f -o m-bf16.gguf
pack expand m-bf16.gguf.foxz -f -o m-bf16.gguf.foxz
cmp j1 m-bf16.gguf.foxz && cmp m-bf16.gguf back.gguf >/dev/null
pack compress none
pack compress
pack frob
echo "== given to others"
for tool in fox-inspect fox-verify 'fox-run -p x' 'fox-quantize -t q8_0' 'fox-pack compress'; do $tool j1; echo $?; done
pack expand m-bf16.gguf -o y
cp m-bf16.gguf y.foxz
pack expand y.foxz
echo "== damage"
# a byte at many places, and a cut: one line, and nothing is left
size=$(wc -c <j1)
mkdir at
for k in 0 5 9 17 25 29 33 49 70 200 2000 20000 100000 1000000 3000000 5000000 last; do
	cp j1 at/b.foxz
	printf '\252' | dd of=at/b.foxz bs=1 seek=$([ $k = last ] && echo $((size - 1)) || echo $k) conv=notrunc 2>/dev/null
	fox-pack expand -q at/b.foxz >out 2>err
	echo "$k: exit $?, $(grep -c . err) lines, $(ls at)"
done
sed 's/offset [0-9]*/offset N/' err
head -c $((size - 100)) j1 >at/b.foxz && pack expand at/b.foxz 2>&1 | sed 's/offset [0-9]*/offset N/'
(cat j1; echo) >at/b.foxz && pack expand at/b.foxz 2>&1 | sed 's/offset [0-9]*/offset N/'
ls -A at
cp m-q8_0.gguf at/d.gguf
printf '\252' | dd of=at/d.gguf bs=1 seek=2000000 conv=notrunc 2>/dev/null
pack compress at/d.gguf
ls -A at
echo "== no room"
(ulimit -f 200 && pack expand j1 -o at/o.gguf) 2>err # in fallocate or in a write: the file system's choice
grep -c 'File too large' err
(ulimit -f 200 && pack compress m-bf16.gguf -o at/o.foxz)
ls -A at
