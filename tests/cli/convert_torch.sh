# PyTorch weights as a source: a small model three times in one folder of tests/torch, as safetensors, as pytorch_model.bin with
# tied, cut, transposed and strided tensors, and in two shards. All three give the same tensors and the same keys.
for kind in st bin shards; do
	mkdir $kind
	cp "$FOX_ROOT/tests/torch/llama/config.json" "$FOX_ROOT"/tests/families/llama2/*token* $kind/
done
cp "$FOX_ROOT/tests/torch/llama/model.safetensors" st/
cp "$FOX_ROOT/tests/torch/llama/pytorch_model.bin" bin/
cp "$FOX_ROOT"/tests/torch/llama/pytorch_model-*.bin "$FOX_ROOT/tests/torch/llama/pytorch_model.bin.index.json" shards/

echo "== the same containers"
for kind in st bin shards; do
	fox-convert $kind --name Tiny -t bf16,q8_0,f32 -o $kind-{type}.gguf -q >/dev/null || exit 1
	for type in bf16 q8_0 f32; do
		fox-verify $kind-$type.gguf --source $kind -q || exit 1
	done
	fox-convert $kind --name Tiny -t bf16 -j 1 -o $kind-one.gguf -q >/dev/null && cmp $kind-one.gguf $kind-bf16.gguf
done
for kind in bin shards; do
	for type in bf16 q8_0 f32; do
		fox-inspect diff st-$type.gguf $kind-$type.gguf | sed -n 's/^\(fox[^ ]*\) .*/\1/p; /differ:/p'
	done
done
fox-inspect keys bin-bf16.gguf fox.source.files
sha256sum bin/pytorch_model.bin | cut -c1-64 >sha
fox-inspect keys -a bin-bf16.gguf fox.source.sha256 | grep -c "$(cat sha)"

echo "== by path"
fox-convert bin/pytorch_model.bin --name Tiny -t bf16 -o path.gguf -q >/dev/null && cmp path.gguf bin-bf16.gguf && echo same

echo "== the plan"
fox-convert bin --name Tiny --dry-run -q -t bf16 | head -13

echo "== safetensors go first"
cp bin/pytorch_model.bin st/
fox-convert st --name Tiny -t bf16 -o first.gguf -q >/dev/null && cmp first.gguf st-bf16.gguf && echo same

echo "== a changed weight"
cp -r bin changed
printf '\377' | dd of=changed/pytorch_model.bin bs=1 seek=9001 conv=notrunc status=none
fox-verify bin-bf16.gguf --source changed -q
echo $?

echo "== what is refused"
for f in legacy tar; do
	cp "$FOX_ROOT/tests/torch/$f.bin" changed/pytorch_model.bin
	fox-convert changed -o no.gguf -q
	echo $?
done
for f in cut system; do
	cp "$FOX_ROOT/tests/fuzz/corpus/torch/$f" changed/pytorch_model.bin
	fox-convert changed -o no.gguf -q
	echo $?
done
rm shards/pytorch_model-00002-of-00002.bin
fox-convert shards -o no.gguf -q
echo $?
[ -e no.gguf ] || echo 'nothing is written'
