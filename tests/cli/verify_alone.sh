# A container by itself, and every type against its source; the answer does not depend on threads.
for t in bf16 f32 f16 q8_0; do
	fox-convert -q --allow-lossy "$FOX_ROOT/tests/demo" -t $t -o $t.gguf >/dev/null
	fox-verify $t.gguf -q && echo "$t: hashes proven"
	fox-verify $t.gguf --source "$FOX_ROOT/tests/demo" -q && echo "$t: source proven"
	fox-verify $t.gguf --source "$FOX_ROOT/tests/demo" -j 1 >one
	fox-verify $t.gguf --source "$FOX_ROOT/tests/demo" -j 5 | cmp - one && echo "$t: same with 5 threads"
done
show() { fox-verify "$@" >out; code=$?; sed '/^note  source.unproven/,/^ok/{/^ok/!d};s/[0-9]* keys, /N keys, /;s/[0-9]* files have/N files have/;s/[0-9a-f]\{32\}/HASH/g' out; echo "exit $code"; }
show bf16.gguf
show q8_0.gguf --source "$FOX_ROOT/tests/demo"
