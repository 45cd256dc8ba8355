# Where a conversion goes: names, folders, what is in the way, and never over an input.
demo=$FOX_ROOT/tests/demo
mkdir src && cp "$demo"/*.json "$demo/tokenizer.model" "$demo/model.safetensors" src
convert() {
	fox-convert src -q "$@" >out
	code=$?
	echo "$code $(sed -n 's/^output  *//p' out)"
}
echo "== names"
convert
convert --name 'A/b: {type}'
convert -o 'x-{type}-{TYPE}-{other}.gguf'
convert -t q8_0 -o '{TYPE}.gguf'
mkdir dir
convert -o dir
convert -o dir/
convert -o dir/ -f
convert -o none/
convert -o none/x
convert -o ''
convert -o -
echo "== in the way"
convert -o x-bf16-BF16-{other}.gguf
ln -s nowhere link
convert -o link -f
mkfifo fifo
convert -o fifo -f
convert -o /dev/null -f
echo "== over an input"
convert -o src/model.safetensors
ln src/model.safetensors hard
for name in src/model.safetensors src/./model.safetensors src/config.json src/tokenizer.model src/generation_config.json hard; do
	convert -o $name -f
done
cmp src/model.safetensors "$demo/model.safetensors" && cmp src/config.json "$demo/config.json" && echo untouched
echo "== mode"
(umask 077 && convert -o closed.gguf)
ls -l closed.gguf | cut -c1-10
cmp closed.gguf dir/*.gguf && echo "same bytes"
echo "== dry run"
convert -o dry.gguf -n
rm src/model.safetensors src/tokenizer.model src/*_config.json
fox-convert src -n -t q8_0 | tail -9 | grep -v '^disk'
convert
ls
