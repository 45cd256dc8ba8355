# A Hugging Face cache from repository id to proof: links into blobs/, blobs that have or have not the SHA-256 of their
# names, links that leave the repository.
demo=$FOX_ROOT/tests/demo
rev=0123456789abcdef0123456789abcdef01234567
repo=hf/hub/models--fox--demo
mkdir -p $repo/blobs $repo/refs $repo/snapshots/$rev
printf %s $rev >$repo/refs/main
for f in config.json tokenizer.model model.safetensors; do
	sha=$(sha256sum <"$demo/$f" | cut -c1-64)
	cp "$demo/$f" $repo/blobs/$sha
	ln -s ../../blobs/$sha $repo/snapshots/$rev/$f
done
weights=$repo/blobs/$sha
export HF_HOME=hf
unset HF_HUB_CACHE HUGGINGFACE_HUB_CACHE

echo "== by id, by folder, by snapshot"
fox-convert fox/demo -q
fox-convert $repo -q -o folder.gguf >/dev/null && cmp demo-3.9M-BF16.gguf folder.gguf
fox-convert $repo/snapshots/$rev -q -o snapshot.gguf >/dev/null && cmp folder.gguf snapshot.gguf
fox-inspect folder.gguf | grep revision
fox-verify folder.gguf --source fox/demo -q && echo proven
fox-convert fox/other
echo $?

echo "== a blob that is not what its name says"
printf x | dd of=$weights bs=1 seek=7000000 conv=notrunc status=none
fox-convert fox/demo -q -o bad.gguf
echo $?
fox-convert fox/demo -o unchecked.gguf --name Unchecked --no-source-hash >/dev/null
echo $?
fox-verify folder.gguf --source fox/demo >/dev/null
echo $?

echo "== links out of the repository"
cp "$demo/model.safetensors" outside
ln -sf ../../../../../outside $repo/snapshots/$rev/model.safetensors
fox-convert fox/demo -q -o out.gguf
echo $?
ln -sf "$PWD/$weights" $repo/snapshots/$rev/model.safetensors
fox-convert $repo/snapshots/$rev -q -o out.gguf 2>&1 | sed "s|$PWD|PWD|"
rm $repo/snapshots/$rev/model.safetensors
ln -s ../../blobs/gone $repo/snapshots/$rev/model.safetensors
fox-convert fox/demo -q -o out.gguf
echo $?
ls -A
