# Files that another tool rewrote: fox.* keys copied and out of date, or gone.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
show() { fox-verify "$@" >out; code=$?; sed '/^note  source.unproven/,/^ok/{/^ok/!d};s/[0-9]* keys, /N keys, /;s/[0-9]* files have/N files have/' out; echo "exit $code"; }
for f in foreign-add foreign-drop strip; do
	mkfault good.gguf $f.gguf $f
	echo "== $f"
	show $f.gguf
done
echo "== strip, by its source"
show strip.gguf --source "$FOX_ROOT/tests/demo"
echo "== strip, by its reference"
fox-verify strip.gguf --reference "$FOX_ROOT/tests/demo/reference.npz" | sed '/^  /d;/^Logits/d;/^$/d;s/NMSE [^ ]* over/NMSE X over/;s/[0-9]* keys, /N keys, /;s/[0-9]* files have/N files have/'
