# What goes into the matrices of a model: which of them share it, and fused ones (phi3: all; bloom: queries, keys, values) once.
. "$FOX_ROOT/tests/family.sh"
for f in phi3 bloom stablelm_parallel; do
	family $f
	head -c 4000 "$FOX_ROOT/tests/demo/heldout.txt" >text
	echo "== $f"
	calibrate good.gguf text 32 | cut -f 1-3 | grep '^blk.[01]'
	rm -rf src good.gguf
done
