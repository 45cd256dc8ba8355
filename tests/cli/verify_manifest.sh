# A manifest of llama-gguf-hash against a model: every line, and every tensor.
cp "$FOX_ROOT/tests/fuzz/corpus/inspect/llama.gguf" .
cp "$FOX_ROOT/tests/fuzz/corpus/manifest/hashes" all
try() { fox-verify "$@" 2>&1; echo "exit $?"; }
try llama.gguf --manifest all
fox-verify llama.gguf --manifest all --json | grep -v '"version"' | head -8
echo "# one kind, one thread, the whole file alone, another folder, another name"
for a in xxh64 sha1 sha256 uuid; do grep "^$a" all >one && try llama.gguf --manifest one -q -j1; done
grep 'sha1.*gguf$' all >one && try llama.gguf --manifest one -q
sed 's/llama.gguf/some folder\/&/' all >one && try llama.gguf --manifest one -q
cp llama.gguf renamed.gguf && fox-verify renamed.gguf --manifest all | grep manifest.file
sed 's/llama.gguf/other.gguf/' all | cat all - >one && fox-verify llama.gguf --manifest one | grep manifest
echo "# what is wrong"
try renamed.gguf --manifest one -q
grep ':' all | grep -v ':c$' >one && try llama.gguf --manifest one -q
grep -v ':c$' all >one && fox-verify llama.gguf --manifest one | grep manifest.missing
sed 's/:c$/:cc/' all >one && try llama.gguf --manifest one -q
sed 's/6b8f469ad185ba2c/6b8f469ad185ba2d/' all >one && try llama.gguf --manifest one -q
sed 's/^\(uuid  *.......\)./\10/' all >one && cmp -s all one || try llama.gguf --manifest one -q
cp llama.gguf bent.gguf && printf X | dd of=bent.gguf bs=1 seek=7000 conv=notrunc 2>/dev/null
try bent.gguf --manifest all -q
echo "# not judged"
sed '3s/sha256/sha512/' all >one && try llama.gguf --manifest one -q
sed '3s/sha256/xxh64/' all >one && try llama.gguf --manifest one -q
: >one && try llama.gguf --manifest one -q
try llama.gguf --manifest absent -q
sha256sum llama.gguf >one && try llama.gguf --manifest one -q
