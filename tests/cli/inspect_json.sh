# Every verb speaks JSON; the version and what the runtime decides (scratch) are left out of the comparison.
mkgguf m.gguf bf16
tidy() { sed -e 's/"version": "[^"]*"/"version": "-"/' -e 's/"fox_version": "[^"]*"/"fox_version": "-"/' \
	-e 's/\("\(scratch\|total\)_bytes":\)[0-9]*/\1-/g'; }
fox-inspect m.gguf --json | tidy
fox-inspect --json keys m.gguf general.name | tidy
fox-inspect --json keys m.gguf tokenizer.ggml.scores -n 3 | tidy
fox-inspect --json tensor m.gguf output_norm.weight -n 4 | tidy
fox-inspect --json memory m.gguf -c 64 | tidy
fox-inspect --json tok m.gguf -e 'the fox' | tidy
fox-inspect --json tensors m.gguf | tidy | head -8 | cut -c 1-100
fox-inspect --json diff m.gguf m.gguf | tidy
fox-inspect --json arch | tidy | head -6 | cut -c 1-60
