# Archives as the tools of users make them: zstd and xz behind tar, zip deflated, stored and through a pipe.
for tool in tar zstd xz zip; do
	command -v $tool >/dev/null || { echo "skip: no $tool"; exit 77; }
done
mkdir m
cp "$FOX_ROOT"/tests/families/llama2/*.json "$FOX_ROOT"/tests/families/llama2/model.safetensors \
	"$FOX_ROOT"/tests/families/llama2/tokenizer.model m/
fox-convert m --name M -t f32 -o ref.gguf -q >/dev/null || exit 1
tar -cf - m | zstd -q >m.tar.zst
tar -cf - m | zstd -q -19 --long=26 >long.tar.zst
tar -cf - m | xz -9 >m.tar.xz
zip -qr m.zip m
zip -q0r stored.zip m
zip -qr - m | cat >pipe.zip
for src in m.tar.zst long.tar.zst m.tar.xz m.zip stored.zip pipe.zip; do
	fox-convert $src --name M -t f32 -o got.gguf -f -q >/dev/null && cmp ref.gguf got.gguf &&
		fox-verify got.gguf --source $src -q && echo "$src"
done
tar -cf - m | xz --lzma2=dict=96MiB >wide.tar.xz
fox-convert wide.tar.xz -o x.gguf -q
zip -qP secret locked.zip m/config.json
fox-convert locked.zip -o x.gguf -q 2>&1 | sed 's/offset [0-9]*: //'
exit 0
