# fox-pack bundle: what is in an archive, that its bytes depend on its contents alone, and what is refused.
export LC_ALL=C
unset SOURCE_DATE_EPOCH
mkdir in && mkgguf in/tiny.gguf && printf 'The licence.\n' >in/LICENSE && printf 'a\n' >in/a.txt && printf 'b\n' >in/B.txt
bundle() {
	fox-pack bundle "$@" -q >out
	echo "$? $(sed -n 's/^sums  *//p' out | cut -c1-16)"
}
echo "== the report"
fox-pack bundle in/tiny.gguf in/a.txt -o first.tar
mkdir x && tar -xf first.tar -C x && ls x/first && cat x/first/README.md x/first/manifest.json x/first/SHA256SUMS
(cd x/first && sha256sum -c SHA256SUMS && cmp tiny.gguf ../../in/tiny.gguf && cmp LICENSE ../../in/LICENSE)
tar -tvf first.tar --numeric-owner --utc

echo "== kinds"
for kind in tar tar.gz zip tar.zst; do
	bundle in/tiny.gguf in/a.txt -o "m.$kind"
	mkdir "x/$kind"
	case $kind in
	zip) if command -v unzip >/dev/null; then unzip -q "m.$kind" -d "x/$kind"; else cp -r x/tar/m "x/$kind"; fi ;;
	tar.zst) if command -v zstd >/dev/null; then zstd -qt "m.$kind" && zstd -qdc "m.$kind" | tar -xf - -C "x/$kind"; else cp -r x/tar/m "x/$kind"; fi ;;
	*) tar -xf "m.$kind" -C "x/$kind" ;;
	esac
	diff -r x/tar x/$kind && (cd "x/$kind/m" && sha256sum --quiet -c SHA256SUMS) && echo "$kind: the same files"
done
sha256sum m.tar m.zip
# stored in one run of bytes, at a page
[ "$(tail -c +4097 m.zip | head -c "$(wc -c <in/tiny.gguf)" | sha256sum)" = "$(sha256sum <in/tiny.gguf)" ] && echo aligned

echo "== the same again: umask, time zone, locale, threads, other times and places of the files, another order"
mkdir there && cp -r in there/in && touch -d 2001-02-03 there/in/*
bundle in/tiny.gguf in/a.txt in/B.txt -o m.tar -f
mv m.tar m1.tar
mv m.zip m1.zip
mv m.tar.gz m1.tar.gz
mv m.tar.zst m1.tar.zst
(umask 077 && cd there && TZ=Asia/Tokyo LC_ALL=C.UTF-8 fox-pack bundle in/tiny.gguf in/B.txt in/a.txt -o ../m.tar -j 1 -q >../out)
cmp m.tar m1.tar && echo same
for kind in zip tar.gz tar.zst; do
	(umask 077 && cd there && TZ=Asia/Tokyo LC_ALL=C.UTF-8 fox-pack bundle in/tiny.gguf in/a.txt -o ../m.$kind -j 3 -q >../out)
	cmp m.$kind m1.$kind && echo same
done
SOURCE_DATE_EPOCH=1735689599 bundle in/tiny.gguf -o t.tar
tar -tvf t.tar --utc | awk '{ print $4, $5 }' | sort -u
SOURCE_DATE_EPOCH=tomorrow bundle in/tiny.gguf -o t.tar -f
SOURCE_DATE_EPOCH=4294967296 bundle in/tiny.gguf -o t.tar -f

echo "== no licence, a licence from elsewhere, a file without hashes"
mkdir bare && mkgguf -raw bare/v2.gguf v2
fox-pack bundle bare/v2.gguf -o b.tar 2>&1 >out | sed 's/^/  /'
tar -xOf b.tar b/README.md | grep -A3 '^## Licence\|^## Hashes'
bundle bare/v2.gguf --license in/LICENSE -o b.tar -f
tar -xOf b.tar b/LICENSE
mkgguf -evil bare/evil.gguf
bundle bare/evil.gguf -o e.tar
tar -xOf e.tar e/README.md | LC_ALL=C grep -c '[[:cntrl:]]'
tar -xOf e.tar e/README.md | sed -n '/^# /p; /^| name/p'

echo "== refused"
ls >before
bundle in/tiny.gguf
bundle in/tiny.gguf -o m
bundle in/tiny.gguf -o m.rar
bundle in/tiny.gguf -o m.tar
bundle -o n.tar
bundle none.gguf -o n.tar
bundle in/tiny.gguf none.txt -o n.tar
bundle in/tiny.gguf in/a.txt there/in/a.txt -o n.tar
cp in/a.txt A.TXT
bundle in/tiny.gguf in/a.txt A.TXT -o n.tar
cp in/a.txt readme.md
bundle in/tiny.gguf readme.md -o n.tar
nl='new
line'
cp in/a.txt "$nl"
bundle in/tiny.gguf "$nl" -o n.tar
bundle in/tiny.gguf --license none -o n.tar
bundle in/tiny.gguf in -o n.tar
bundle in/a.txt -o n.tar
cp in/tiny.gguf self.tar
bundle self.tar -o self.tar -f
cmp self.tar in/tiny.gguf
bundle in/tiny.gguf -o nowhere/n.tar
for at in 300000 200; do
	cp in/tiny.gguf bad.gguf
	printf '?' | dd of=bad.gguf bs=1 seek=$at conv=notrunc 2>/dev/null
	bundle bad.gguf -o n.tar
done
rm -f A.TXT readme.md "$nl" self.tar bad.gguf
ls >after
diff before after | grep -v '> after'
true
