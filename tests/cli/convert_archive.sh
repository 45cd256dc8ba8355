# A checkpoint in an archive: the same container as from its folder, proven against the archive, and refusals that name it.
for tool in tar gzip; do
	command -v $tool >/dev/null || { echo "skip: no $tool"; exit 77; }
done
cp -r "$FOX_ROOT/tests/demo" demo
fox-convert demo -t bf16,q8_0 -o 'ref-{type}.gguf' -q >/dev/null || exit 1
tar --format=pax -cf plain.tar demo
tar --format=ustar -C demo -cf - . | gzip -1 >packed # what it is, its bytes say

for src in plain.tar packed; do
	echo "== $src"
	for j in 1 3; do
		fox-convert $src -t bf16,q8_0 -o 'got-{type}.gguf' -j $j -f -q >/dev/null || exit 1
		cmp ref-bf16.gguf got-bf16.gguf && cmp ref-q8_0.gguf got-q8_0.gguf && echo same
	done
	fox-verify got-bf16.gguf --source $src -q && fox-verify got-q8_0.gguf --source $src -q && echo proven
	fox-convert $src -t auto -n -q >/dev/null && echo planned
done
fox-inspect keys -a got-bf16.gguf fox.source.files

echo "== PyTorch, tied and in shards; the tokenizer from another archive"
tar -C "$FOX_ROOT/tests/families" -czf tok.tgz llama2
mkdir bin shards
cp "$FOX_ROOT/tests/torch/llama/config.json" "$FOX_ROOT/tests/torch/llama/pytorch_model.bin" bin/
cp "$FOX_ROOT"/tests/torch/llama/config.json "$FOX_ROOT"/tests/torch/llama/pytorch_model*-* \
	"$FOX_ROOT"/tests/torch/llama/pytorch_model.bin.index.json shards/
for kind in bin shards; do
	fox-convert $kind --name Tiny --tokenizer "$FOX_ROOT/tests/families/llama2" -t bf16 -o $kind.gguf -q >/dev/null
	tar -cf $kind.tar $kind
	tar -czf $kind.tgz $kind
	for src in $kind.tar $kind.tgz; do
		fox-convert $src --name Tiny --tokenizer tok.tgz -t bf16 -o got.gguf -f -q >/dev/null &&
			cmp got.gguf $kind.gguf && fox-verify got.gguf --source $src --tokenizer tok.tgz -q && echo $src
	done
done

echo "== wrong"
cp ref-bf16.gguf keep.gguf
fox-convert plain.tar -o plain.tar -q
fox-convert plain.tar -o plain.tar -f -q
ln -s demo/config.json link && tar -cf link.tar link
fox-convert link.tar -o x.gguf -q
tar -cf two.tar demo ref-bf16.gguf
fox-convert two.tar -o x.gguf -q
head -c 3000000 plain.tar >cut.tar
fox-convert cut.tar -o x.gguf -q
head -c 3000000 packed >cut.gz
fox-convert cut.gz -o x.gguf -q
gzip -c keep.gguf >model.gz
fox-convert model.gz -o x.gguf -q
sed 's/"rope_theta": [0-9.]*/"rope_theta": 7.0/' demo/config.json >c && mv c demo/config.json && tar -czf other.tgz demo
fox-verify keep.gguf --source other.tgz -q
ls x.gguf* 2>/dev/null
exit 0
