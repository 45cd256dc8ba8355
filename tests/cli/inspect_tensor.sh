# Tensors: the list; values and statistics of one, with NaN, Inf and -0; of a quantised one.
mkgguf m.gguf q8_0
mkgguf n.gguf f32 nan
fox-inspect tensors m.gguf | sed 's/ *[0-9]*$//'
fox-inspect tensor n.gguf blk.0.ffn_norm.weight | sed '/offset/d'
fox-inspect tensor m.gguf blk.1.attn_k.weight -n 6 | sed '/offset/d'
fox-inspect tensor -n 0 m.gguf output_norm.weight | tail -1
fox-inspect tensor m.gguf blk.7.attn_k.weight
