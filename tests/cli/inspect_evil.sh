# A file that tries to steer the terminal: every verb shows its bytes and obeys none. The check itself: no control
# character but newline leaves the tool, in text or in JSON.
mkgguf -evil e.gguf
cp e.gguf "$(printf 'x\033[31m\nfile.gguf')"
fox-inspect e.gguf
fox-inspect keys e.gguf
fox-inspect keys e.gguf tokenizer.chat_template
fox-inspect tensors e.gguf
fox-inspect tok e.gguf
fox-inspect diff e.gguf e.gguf
fox-inspect "$(printf 'x\033[31m\nfile.gguf')" | head -1
fox-inspect "$(printf 'none\033[31m\302\233.gguf')"
echo "exit $?"
fox-inspect tensor e.gguf "$(printf 'w\033[8m')"
echo "exit $?"
for v in '' keys tensors tok memory; do
	[ "$v" = memory ] && set -- -c 4 || set --
	fox-inspect $v e.gguf "$@"
	fox-inspect $v e.gguf "$@" --json
done | LC_ALL=C tr -d '\012\040-\176\200-\377' | wc -c
fox-inspect keys e.gguf --json | grep -c "$(printf '\302\233')"
true
