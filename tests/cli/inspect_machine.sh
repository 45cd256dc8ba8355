# What needs no file: kernels without any instruction set, the table of each architecture; no colour outside a terminal.
FOX_CPU_DISABLE=all fox-inspect cpu | sed -n '/^type/,$p'
fox-inspect arch llama
fox-inspect arch | cut -c1-40
for a in $(fox-inspect arch | sed -n '2,$s/.* \([A-Z][A-Za-z0-9]*\) .*/\1/p'); do
	echo "== $a"
	fox-inspect arch "$a" | grep -E '\?|^tensor|made|apart|transposed|half|1 \+ w|unless|bool|string|context |learned' | sed 's/  */ /g' | sort -u
done
mkgguf m.gguf
fox-inspect m.gguf | grep -c "$(printf '\033')"
true
