# fox-pack sign and fox-verify --key, without another's help: what is written, what is refused, every part changed.
cp -r "$FOX_ROOT/tests/fuzz/corpus/sshsig" v && cp "$FOX_ROOT/tests/fuzz/corpus/minisign/public" v/minisign
cp v/private id && chmod 600 id && cp v/public id.pub
cp "$FOX_ROOT/tests/fuzz/corpus/inspect/llama.gguf" model.gguf # another tool's: without --key nothing says what its bytes should be
mkdir sub && printf 'notes\n' >sub/notes.txt
try() { "$@" 2>&1; echo "exit $?"; }
verify() { fox-verify "$@" 2>&1 | grep -v '^ok    struct'; }
echo "# what it writes"
try fox-pack sign sub/notes.txt model.gguf sub/notes.txt -o SHA256SUMS --key id
cat SHA256SUMS SHA256SUMS.sig
verify model.gguf --key id.pub
verify SHA256SUMS --key "$(cat id.pub)"
fox-verify SHA256SUMS --key id.pub --json | grep -v '"version"'
echo "# the same again, in another order, by one thread; a list that is there"
mkdir again && cp -r model.gguf sub again
fox-pack sign -q -j1 again/model.gguf again/sub/notes.txt --key id && cmp SHA256SUMS again/SHA256SUMS && cmp SHA256SUMS.sig again/SHA256SUMS.sig && echo same
rm again/SHA256SUMS.sig && try fox-pack sign again/SHA256SUMS --key id && cmp SHA256SUMS.sig again/SHA256SUMS.sig && echo same
echo "# refused"
try fox-pack sign model.gguf --key id
try fox-pack sign SHA256SUMS --key id
try fox-pack sign model.gguf --key id -o again/sub/SUMS
try fox-pack sign SHA256SUMS model.gguf --key id -f
try fox-pack sign model.gguf.sig --key id
: >model.gguf.sig && try fox-pack sign model.gguf.sig --key id -f -o model.gguf
cp v/private_encrypted locked && chmod 600 locked && try fox-pack sign model.gguf --key locked -o x
cp id open && chmod 644 open && try fox-pack sign model.gguf --key open -o x
try fox-pack sign model.gguf --key id.pub -o x
try fox-pack sign model.gguf --key absent -o x
try fox-pack sign sub --key id -o x
try fox-pack sign
try fox-pack nothing
echo nonsense >again/SHA256SUMS && try fox-pack sign again/SHA256SUMS --key id
ls x* sub/SHA* 2>/dev/null
echo "# without a key"
try fox-pack sign model.gguf -o plain
echo "# every part changed"
try fox-verify SHA256SUMS --key v/allowed -q
try fox-verify SHA256SUMS --key v/allowed -q --signer me@example.org
try fox-verify SHA256SUMS --key v/allowed -q --signer you@example.org
head -1 v/allowed | sed 's/20991231235959/20231231/' >past && try fox-verify SHA256SUMS --key past -q
head -1 v/allowed | sed 's/20200101Z/20981231/' >future && try fox-verify SHA256SUMS --key future -q
head -1 v/allowed | sed 's/fox,f\*/file/' >space && try fox-verify SHA256SUMS --key space -q
sed -n 's/^ca cert-authority //p' v/allowed >other.pub && try fox-verify SHA256SUMS --key other.pub -q
try fox-verify SHA256SUMS --key v/minisign -q
try fox-verify SHA256SUMS --key v/public_rsa -q
try fox-verify SHA256SUMS --key id.pub --signature v/sig_file -q
try fox-verify SHA256SUMS --key id.pub --signature v/sig_sha512 -q
try fox-verify SHA256SUMS --key id.pub --signature v/sig_rsa -q
try fox-verify SHA256SUMS --key id.pub --signature v/bound -q
try fox-verify SHA256SUMS --key id.pub --signature sub/notes.txt -q
sed s/lsT1277/lsT1278/ SHA256SUMS.sig >bent && try fox-verify SHA256SUMS --key id.pub --signature bent -q
sed s/U1NIU0lH/U1NIU0lA/ SHA256SUMS.sig >magic && try fox-verify SHA256SUMS --key id.pub --signature magic -q
head -3 SHA256SUMS.sig >cut && try fox-verify SHA256SUMS --key id.pub --signature cut -q
: >empty && try fox-verify SHA256SUMS --key id.pub --signature empty -q
sed 's/notes/n0tes/' SHA256SUMS >bent && try fox-verify bent --key id.pub --signature SHA256SUMS.sig -q
cp model.gguf renamed.gguf && try fox-verify renamed.gguf --key id.pub -q
echo more >>sub/notes.txt && try fox-verify SHA256SUMS --key id.pub -q
rm sub/notes.txt && try fox-verify SHA256SUMS --key id.pub -q
try fox-verify model.gguf --key id.pub -q
printf X | dd of=model.gguf bs=1 seek=7000 conv=notrunc 2>/dev/null
try fox-verify model.gguf --key id.pub -q
try fox-verify again/model.gguf --key id.pub --sums SHA256SUMS -q
try fox-verify again/model.gguf --key id.pub
try fox-verify plain --key id.pub -q
try fox-verify SHA256SUMS --key absent -q
try fox-verify SHA256SUMS --key id.pub --source "$FOX_ROOT/tests/demo"
try fox-verify model.gguf --sums SHA256SUMS
