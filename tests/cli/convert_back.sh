# There and back: each family's checkpoint, and the demo, in its own type (and one of each kind of change in f32), returns byte
# for byte: weights, config, tokenizer. Where names or buffers differ, every tensor is compared; converting it again gives the same.
families=$FOX_ROOT/tests/families
# NAME TYPE: what differs of the folder that comes back
back() {
	src=$families/$1 tok=
	[ $1 = demo ] && src=$FOX_ROOT/tests/demo
	[ $1 = openelm ] && tok="--tokenizer ${src}_tokenizer"
	rm -rf back
	fox-convert -q "$src" $tok -t $2 -o m.gguf -f >/dev/null && fox-convert -q m.gguf --to hf -o back >/dev/null || return
	same=
	for f in back/*; do
		base=$(basename $f)
		if cmp -s $f "$src/$base" || cmp -s $f "${src}_tokenizer/$base"; then same="$same $base"; else echo "$1 $2: $base differs"; fi
	done
	echo "$1 $2: same$same"
}
for name in $(cd "$families" && ls -d */ | tr -d /) demo; do
	[ -f "$families/$name/model.safetensors" ] || [ $name = demo ] || continue
	back $name auto
done
for name in bloom gemma3 llama_bias openelm stablelm; do
	back $name f32
	fox-convert -q back $tok -t f32 -o again.gguf -f >/dev/null
	cmp m.gguf again.gguf && fox-verify -q m.gguf --source back $tok && echo "$name: the same container again"
done
echo "== tensors, where files differ"
for name in gpt2 fox1_instruct; do
	back $name auto
	stcmp "$families/$name" back transformer.
	fox-convert -q back -o again.gguf -f >/dev/null
	fox-inspect diff m.gguf again.gguf | grep -i tensor
done
