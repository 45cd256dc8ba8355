# Archives with a signature inside: fox-pack bundle --key, fox-pack unpack --key.
unset SOURCE_DATE_EPOCH
cp "$FOX_ROOT/tests/fuzz/corpus/sshsig/private" id && chmod 600 id
cp "$FOX_ROOT/tests/fuzz/corpus/sshsig/public" id.pub
cp "$FOX_ROOT/tests/fuzz/corpus/minisign/public" other.pub
mkgguf tiny.gguf
try() {
	"$@" -q >out 2>err
	echo "$? $(cat err)$(sed -n 's/^signed by */signed by /p' out)"
	rm -rf m
}
fox-pack bundle tiny.gguf --key id -o m.tar -q | grep files
tar -tf m.tar | tail -1
fox-pack bundle tiny.gguf --key id -o again.zip -q >/dev/null && mv m.tar first.tar && fox-pack bundle tiny.gguf -j 1 --key id -o m.tar -q >/dev/null && cmp m.tar first.tar && echo 'the same again'
fox-pack unpack m.tar -q >/dev/null && fox-verify m/tiny.gguf -q && fox-verify m/SHA256SUMS --key id.pub -q && (cd m && sha256sum --quiet -c SHA256SUMS) && echo verified
if command -v ssh-keygen >/dev/null; then
	echo "me $(cut -d' ' -f1,2 id.pub)" >allowed
	ssh-keygen -Y verify -n fox -f allowed -I me -s m/SHA256SUMS.sig <m/SHA256SUMS >/dev/null 2>&1 || echo 'ssh-keygen does not verify it'
fi
rm -rf m allowed
try fox-pack unpack m.tar
try fox-pack unpack m.tar --key id.pub
try fox-pack unpack again.zip --key "$(cat id.pub)" -o m
try fox-pack unpack m.tar --key other.pub
try fox-pack unpack m.tar --key absent.pub
try fox-pack unpack m.tar --signer me
try fox-pack unpack m.tar --list --key id.pub
fox-pack bundle tiny.gguf -o plain.tar -q >/dev/null
try fox-pack unpack plain.tar --key id.pub -o m
echo "== changed"
change() { tar -xf m.tar && eval "$1" && (cd m && sha256sum $(ls | grep -v SHA256SUMS) >../sums) && eval "$2" && tar --sort=name -cf t.tar m && rm -r m && try fox-pack unpack t.tar --key id.pub; }
change 'echo x >>m/README.md && rm m/manifest.json' 'cp sums m/SHA256SUMS'
change 'true' 'sed "s/^\(.\{80\}\)./\1A/;3q" m/SHA256SUMS.sig >s && mv s m/SHA256SUMS.sig'
change 'true' 'mv m/SHA256SUMS.sig m/SHA256SUMS.minisig'
echo "== refused"
try fox-pack bundle tiny.gguf --key absent -o n.tar
try fox-pack bundle tiny.gguf --key id.pub -o n.tar
ls
