# A model in shards: signing its first file lists all, verifying it asks for all, hashes are those of each file by itself.
fox-pack split --help >/dev/null 2>&1 || { echo "skip: fox-pack has no split"; exit 77; }
mkgguf whole.gguf >/dev/null
fox-pack split -q --max-tensors 8 whole.gguf -o m >/dev/null && ls
cp "$FOX_ROOT/tests/fuzz/corpus/sshsig/private" id && chmod 600 id
key="$(cat "$FOX_ROOT/tests/fuzz/corpus/sshsig/public")"
try() { "$@" 2>&1; echo "exit $?"; }
fox-pack sign -q m-00001-of-00003.gguf --key id && sed 's/^[0-9a-f]*/HASH/' SHA256SUMS
sha256sum -c SHA256SUMS
cp SHA256SUMS one && fox-pack sign -q m-*.gguf --key id -f && cmp one SHA256SUMS && echo "all of them: the same"
fox-pack sign -q m-00003-of-00003.gguf m-00001-of-00003.gguf --key id -f && cmp one SHA256SUMS && echo "in any order: the same"
try fox-pack sign -q m-00002-of-00003.gguf --key id -f
fox-verify m-00001-of-00003.gguf --key "$key" | grep signature.file
grep -v 00002 SHA256SUMS >less && mv less SHA256SUMS && fox-pack sign -q SHA256SUMS --key id -f && try fox-verify m-00001-of-00003.gguf --key "$key" -q
fox-inspect hash m-00001-of-00003.gguf --algorithm all >hashes
for m in m-*.gguf; do
	echo "$m: $(grep "$m" hashes | grep -c :) lines of tensors, $(grep "$m" hashes | grep -vc :) of the file"
done
try fox-verify m-00001-of-00003.gguf --manifest hashes -q
grep -v 00002 hashes >less && try fox-verify m-00001-of-00003.gguf --manifest less -q
grep 00002 hashes | sed 's/0000[0-9]-of-/00004-of-/' | cat hashes - >more && fox-verify m-00001-of-00003.gguf --manifest more | grep manifest.file
printf X | dd of=m-00003-of-00003.gguf bs=1 seek=$(($(wc -c <m-00003-of-00003.gguf) - 5)) conv=notrunc 2>/dev/null
fox-verify m-00001-of-00003.gguf --manifest hashes -q | grep -c manifest.hash
cp one SHA256SUMS && fox-pack sign -q SHA256SUMS --key id -f && fox-verify m-00001-of-00003.gguf --key "$key" -q | sed "s/: has.*//" | head -1
