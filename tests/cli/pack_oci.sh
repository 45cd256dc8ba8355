# fox-pack oci: the layout, its digests, that they depend on contents alone, and what is refused.
mkdir in && mkgguf in/tiny.gguf && printf 'The licence.\n' >in/LICENSE && printf 'a\n' >in/a.txt && printf '{}\n' >in/config.json
printf 'b\n' >in/run.py
oci() {
	fox-pack oci "$@" -q >out
	echo "$? $(sed -n 's/^manifest  *//p' out | cut -c1-23)"
}
check() {
	for blob in "$1"/blobs/sha256/*; do
		[ "$(sha256sum <"$blob" | cut -d' ' -f1)" = "${blob##*/}" ] || echo "wrong name: $blob"
	done
}
echo "== the report and the layout"
fox-pack oci in/tiny.gguf in/run.py in/config.json in/a.txt -o lay --tag v1.0
find lay -type f | sort
check lay
cat lay/oci-layout lay/index.json
cd lay/blobs/sha256
manifest=$(sed -n 's/.*"digest": "sha256:\([0-9a-f]*\)".*/\1/p' ../../index.json)
cat "$manifest"
cat "$(sed -n '/"config"/,/}/s/.*"digest": "sha256:\([0-9a-f]*\)".*/\1/p' "$manifest")"
# every blob that is named has the size that is said, and no other is there
sed -n 's/.*"digest": "sha256:\([0-9a-f]*\)".*/\1/p' "$manifest" ../../index.json | sort -u >../../../named
sed -n '/"digest"/{s/.*sha256:\([0-9a-f]*\).*/\1/;N;s/\n.*"size": \([0-9]*\).*/ \1/;p;}' "$manifest" | sort -u | while read -r name size; do
	[ "$(wc -c <"$name")" = "$size" ] || echo "$name has another size"
done
ls | diff - ../../../named && echo "named: $(wc -l <../../../named)"
cd ../../..

echo "== the same again: umask, time zone, threads, other times and places of the files, another order, links"
mkdir there && cp -r in there/in && touch -d 2001-02-03 there/in/*
(umask 077 && cd there && TZ=Asia/Tokyo fox-pack oci in/tiny.gguf in/a.txt in/config.json in/run.py -o ../lay2 --tag v1.0 -j 1 -q >/dev/null)
diff -r lay lay2 && stat -c %a lay2
fox-pack oci in/tiny.gguf in/run.py in/config.json in/a.txt -o lay3/ --tag v1.0 --link -q >/dev/null
diff -r lay lay3 && find lay3 in -type f -links 2 | wc -l
echo "== two files of one content"
cp in/a.txt in/c.txt
oci in/tiny.gguf in/a.txt in/c.txt -o lay4
oci in/tiny.gguf in/a.txt in/c.txt -o lay5 --link
diff -r lay4 lay5 && check lay4
echo "== quantized"
fox-quantize in/tiny.gguf q8_0 -o in/q.gguf -q >/dev/null
oci in/q.gguf -o lay6
cat lay6/blobs/sha256/* | grep -a '"paramSize"\|"precision"\|"quantization"'

echo "== refused"
ls -A >before
oci in/tiny.gguf
oci -o n
oci in/tiny.gguf -o lay
oci in/tiny.gguf -o in/a.txt
oci in/tiny.gguf -o nowhere/n
oci in/tiny.gguf -o .
oci in/tiny.gguf -o /
oci in/tiny.gguf -o ''
for tag in '' -x .x 'a b' a/b "$(printf %0129d 0)"; do oci in/tiny.gguf -o n "--tag=$tag"; done
oci none.gguf -o n
oci in/tiny.gguf none -o n
oci in/tiny.gguf in/tiny.gguf -o n
cp in/tiny.gguf in/bad.gguf
printf '?' | dd of=in/bad.gguf bs=1 seek=300000 conv=notrunc 2>/dev/null
oci in/bad.gguf -o n
oci in/bad.gguf -o n --link
# a folder that a killed run left goes; one that is being filled stays
mkdir -p .n.123.part/blobs .n.45.part
oci in/tiny.gguf -o n
rm -r n
ls -A | diff before - | grep -v '> before'
true
