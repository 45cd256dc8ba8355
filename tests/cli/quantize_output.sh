# fox-quantize: the command line, the report, the dry run, and what is refused.
demo=$FOX_ROOT/tests/demo
fox-convert "$demo" -q -t bf16,q8_0 -o 'm-{type}.gguf' >/dev/null
quantize() {
	fox-quantize "$@" -q >out
	code=$?
	echo "$code $(sed -n 's/^output  *//p' out | tr '\n' ' ')"
}
echo "== the report"
fox-quantize m-bf16.gguf q4_k_m -q | grep -v 'blk.[1-5]'
echo "== the plan"
fox-quantize m-bf16.gguf q8_0,q4_k_m -o 'plan-{type}.gguf' -n | grep -v 'blk.[1-5]\|^disk\|^memory'
ls
echo "== names"
quantize m-bf16.gguf q5_k_s
quantize m-bf16.gguf Q5_K_M -o 'x-{type}-{TYPE}.gguf'
mkdir dir
quantize m-bf16.gguf q6_k,q8_0 -o dir
quantize m-bf16.gguf q6_k,q8_0 -o x.gguf
quantize m-bf16.gguf q6_k -o -
quantize m-bf16.gguf q8_0
quantize m-bf16.gguf bf16 -f
quantize m-bf16.gguf q8_0 -f
echo "== options"
show() { fox-quantize m-bf16.gguf -n -q "$@" | sed -n 's/^\(token_embd\|blk.0.attn_v\|blk.0.ffn_down\)[^>]*> \([a-z0-9_]*\).*/\1 \2/p' | tr '\n' ' '; echo; }
show q4_k_m
show q4_k_m --pure
show q4_k_m --token-embedding-type f16 --tensor-type 'ffn_down=q5_1' --tensor-type 'ATTN_V=Q8_0'
printf '# rules\nffn_.*=iq4_nl\nattn=q5_0 # and more\n' >rules
show q4_k_m --tensor-type-file rules
echo "== refused"
quantize
quantize m-bf16.gguf
quantize m-bf16.gguf q8_0 -t q4_0
quantize m-bf16.gguf q8_0 q4_0
quantize m-bf16.gguf q4_9
quantize m-bf16.gguf q8_0,q8_0
quantize m-bf16.gguf iq2_xs
quantize m-bf16.gguf q4_0 --tensor-type 'ffn'
quantize m-bf16.gguf q4_0 --imatrix none
quantize m-bf16.gguf q4_0 --tensor-type-file rules -o rules -f
quantize m-bf16.gguf q4_0 --exclude-weights ffn
quantize m-q8_0.gguf q4_0
cp "$demo/config.json" .
quantize config.json q4_0
quantize none.gguf q4_0
quantize dir q4_0
mkgguf -raw be.gguf be
quantize be.gguf q8_0
mkfault m-bf16.gguf bad.gguf bit-data
quantize bad.gguf q8_0 -o bad-out.gguf
mkgguf nan.gguf f32 nan
quantize nan.gguf q8_0
quantize nan.gguf q8_0 --allow-nonfinite
echo "== again, when asked for"
quantize m-q8_0.gguf q4_0 --allow-requantize -o again.gguf
fox-inspect keys again.gguf | grep -c requantized
mkgguf -raw v2.gguf v2
quantize v2.gguf q8_0
fox-verify v2-Q8_0.gguf -q | tail -1
ls
