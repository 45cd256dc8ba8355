# Keys: the list, one value of each shape, all of it with -a, a count with -n.
mkgguf m.gguf
fox-inspect keys m.gguf | sed '/fox\.\(hash\|pad\|version\)/d'
fox-inspect keys m.gguf general.name
fox-inspect keys m.gguf llama.rope.freq_base
fox-inspect keys m.gguf tokenizer.chat_template
fox-inspect keys m.gguf tokenizer.ggml.tokens -n 3
fox-inspect keys m.gguf tokenizer.ggml.tokens | tail -1
fox-inspect keys -a m.gguf tokenizer.ggml.tokens | tail -1
fox-inspect keys -a m.gguf | awk '/ggml.tokens/ { print(length($0) > 2000) }'
fox-inspect keys m.gguf fox.hash.root | awk '{ print length($0) }'
fox-inspect keys m.gguf nix
