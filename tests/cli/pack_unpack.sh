# fox-pack unpack: nothing appears that is not proven, and nothing is left of what is not.
unset SOURCE_DATE_EPOCH
umask 022
mkdir in && mkgguf in/tiny.gguf && printf 'The licence.\n' >in/LICENSE && printf 'a\n' >in/a.txt && printf 'b\n' >in/b.txt
for kind in tar tar.gz tar.zst zip; do fox-pack bundle in/tiny.gguf in/a.txt in/b.txt -o m.$kind -q >/dev/null; done
sums() { (cd "$1" && find . -type f ! -name 'SHA256SUMS*' -printf '%P\n' | sort | xargs -d '\n' sha256sum >SHA256SUMS); }
# an archive of the folder t/m as another program makes it
pack() { tar --sort=name -C t -cf t.tar m; }
fresh() { rm -rf t && mkdir t && tar -xf m.tar -C t; }
# unpack, which must fail and leave nothing
bad() {
	ls -A >before
	fox-pack unpack "$@" -q >out 2>err
	echo "$? $(sed 's/^fox-pack unpack: //; s/\(not valid JSON\).*/\1/' err)$(cat out)"
	ls -A | diff before - || echo "left something"
}
touch before out err report
echo "== what bundle writes"
for kind in tar tar.gz tar.zst zip; do
	fox-pack unpack m.$kind -q >report && cat report
	(cd m && sha256sum --quiet -c SHA256SUMS) && cmp m/tiny.gguf in/tiny.gguf && stat -c '%a %F' m m/tiny.gguf
	fox-pack bundle m/tiny.gguf m/a.txt m/b.txt --license m/LICENSE -o again.tar -f -q >/dev/null
	rm -r m
done
fox-pack unpack m.zip -o elsewhere/ -j 1 | head -1 && rm -r elsewhere
(umask 077 && fox-pack unpack m.tar -q >/dev/null && stat -c %a m m/LICENSE && rm -r m)
echo "== list"
fox-pack unpack m.tar.zst --list
echo "== what stands there is not replaced"
mkdir m && bad m.tar
rmdir m && touch m && bad m.tar
rm m && ln -s nowhere m && bad m.tar
rm m
bad m.tar -o in
bad m.tar -o nowhere/m
bad m.tar --list -o x
bad none.tar
bad in/tiny.gguf
bad in

echo "== a byte"
fresh && printf '?' | dd of=t/m/tiny.gguf bs=1 seek=300000 conv=notrunc 2>/dev/null && pack && bad t.tar
sums t/m && pack && bad t.tar
rm t/m/manifest.json && sums t/m && pack && bad t.tar
fresh && printf '?' | dd of=t/m/tiny.gguf bs=1 seek=200 conv=notrunc 2>/dev/null && rm t/m/manifest.json && sums t/m && pack && bad t.tar
for kind in tar zip tar.gz tar.zst; do # in the archive itself: what is said of it is the libraries' business
	at=$(($(wc -c <m.$kind) / 2))
	cp m.$kind t.$kind && printf '??' | dd of=t.$kind bs=1 seek=$at conv=notrunc 2>/dev/null && bad t.$kind | sed 's/^[13] .*/refused/'
done
echo "== a file missing"
fresh && rm t/m/a.txt && pack && bad t.tar
sums t/m && pack && bad t.tar
fresh && rm t/m/SHA256SUMS && pack && bad t.tar
fresh && rm t/m/tiny.gguf && sums t/m && pack && bad t.tar
echo "== a file more"
fresh && echo x >t/m/x && pack && bad t.tar
sums t/m && pack && bad t.tar
fresh && echo x >t/x && tar --sort=name -C t -cf t.tar m x && bad t.tar
fresh && mkdir t/n && echo x >t/n/x && tar --sort=name -C t -cf t.tar m n && bad t.tar
echo "== names swapped"
fresh && mv t/m/a.txt t/m/c && mv t/m/b.txt t/m/a.txt && mv t/m/c t/m/b.txt && pack && bad t.tar
sums t/m && pack && bad t.tar
echo "== cut off"
for kind in tar zip tar.gz tar.zst; do
	size=$(wc -c <m.$kind)
	for n in 0 100 600 $((size / 2)) $((size - 1500)) $((size - 1)); do
		[ "$kind $n" = "tar $((size - 1))" ] && continue # the last byte of the end is not looked at
		head -c $n m.$kind >cut.$kind && fox-pack unpack cut.$kind -q 2>err >out && echo "$kind $n: unpacked" && rm -r m
		[ "$(wc -l <err)" = 1 ] && [ ! -e m ] && [ -z "$(find . -name '*.part')" ] || echo "$kind $n: left something"
	done
	rm cut.$kind
done
echo "== names that leave the folder, links, devices"
fresh && tar --sort=name -C t -cPf t.tar --transform 's,m/b.txt,../b.txt,' m && bad t.tar
tar --sort=name -C t -cPf t.tar --transform 's,m/b.txt,m/../../b.txt,' m && bad t.tar
tar --sort=name -C t -cPf t.tar --transform "s,m/b.txt,/b.txt," m && bad t.tar
ln -s /etc/passwd t/m/link && pack && bad t.tar
fresh && rm t/m/b.txt && ln -s ../in t/m/sub && pack && bad t.tar
fresh && ln t/m/a.txt t/m/z && pack && bad t.tar
fresh && mkfifo t/m/fifo && pack && bad t.tar
fresh && cp t/m/a.txt t/m/A.txt && sums t/m && pack && bad t.tar
fresh && pack && tar -C t -rf t.tar m/a.txt && bad t.tar
printf 'abc' >t/flat && tar --sort=name -C t -cf t.tar flat && bad t.tar
mkdir t/empty && tar --sort=name -C t -cf t.tar empty && bad t.tar
tar -cf t.tar -T /dev/null && bad t.tar

echo "== a manifest that lies"
edit() {
	fresh && sed "$1" t/m/manifest.json >j && mv j t/m/manifest.json
	sums t/m && pack && bad t.tar
}
edit 's/"version": 1/"version": 2/'
edit 's/"bytes": 2,/"bytes": 3,/'
edit 's/"sha256": "[0-9a-f]*"/"sha256": "no"/'
edit 's/"root": "f/"root": "e/'
edit 's/"root": ".*"/"root": 7/'
edit 's/"file": "tiny.gguf"/"file": "a.txt"/'
edit 's/"role": "file"/"role": "model"/'
edit 's/"role": "model"/"role": "file"/'
edit 's/"name": "b.txt"/"name": "a.txt"/'
edit 's/"files"/"file"/'
edit 's/]$//'

echo "== archives of other programs"
fresh && rm t/m/manifest.json && mkdir t/m/sub && cp in/a.txt t/m/sub/ && sums t/m && pack
fox-pack unpack t.tar 2>&1 && ls m m/sub && rm -r m
tar --sort=name -C t -cf t.tar ./m && fox-pack unpack t.tar -q >/dev/null && rm -r m
mkgguf -raw t/m/other.gguf v2 && echo '{}' >t/m/manifest.json && sums t/m && pack
fox-pack unpack t.tar 2>&1 && rm -r m
ls -A
