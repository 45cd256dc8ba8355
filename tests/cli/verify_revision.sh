# The snapshot of an HF cache by its name, and a container that says it came from another one.
rev=0123456789abcdef0123456789abcdef01234567
repo=hub/models--fox--demo
mkdir -p $repo/blobs $repo/refs $repo/snapshots/$rev
printf %s $rev >$repo/refs/main
for f in README.md config.json generation_config.json model.safetensors special_tokens_map.json tokenizer.model tokenizer_config.json; do
	sha=$(sha256sum "$FOX_ROOT/tests/demo/$f" | cut -d' ' -f1)
	cp "$FOX_ROOT/tests/demo/$f" $repo/blobs/$sha
	ln -s ../../blobs/$sha $repo/snapshots/$rev/$f
done
export HF_HUB_CACHE="$PWD/hub"
fox-convert -q fox/demo -o good.gguf >/dev/null
fox-verify good.gguf --source fox/demo | grep -e source.revision -e '^proven'
fox-verify good.gguf --source "$FOX_ROOT/tests/demo" | grep -e source.revision -e '^proven'
fox-convert -q "$FOX_ROOT/tests/demo" -o plain.gguf >/dev/null
mkfault plain.gguf same.gguf revision
fox-verify same.gguf --source fox/demo -q && echo "the recorded revision is the source's"
mv $repo/snapshots/$rev $repo/snapshots/76543210$rev && mv $repo/snapshots/76543210$rev $repo/snapshots/7654321089abcdef0123456789abcdef01234567
fox-verify same.gguf --source $repo/snapshots/7654321089abcdef0123456789abcdef01234567 -q
