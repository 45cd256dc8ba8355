# What needs no file: kernels without any instruction set, the table of an architecture; no colour outside a terminal.
FOX_CPU_DISABLE=all fox-inspect cpu | sed -n '/^type/,$p'
fox-inspect arch llama
mkgguf m.gguf
fox-inspect m.gguf | grep -c "$(printf '\033')"
true
