# Standard streams that are full or closed: an error and exit 3, never a silent 0; and no file takes their numbers.
demo=$FOX_ROOT/tests/demo
fox-convert "$demo" -q -o demo.gguf >/dev/null
for stream in full closed; do
	echo "stdout $stream"
	for line in "fox-convert --help" "fox-convert --version" "fox-convert $demo -q -n" \
		"fox-quantize --help" "fox-quantize demo.gguf q4_0 -n" "fox-quantize demo.gguf q4_0 -q -f -o q.gguf" \
		"fox-inspect --help" "fox-inspect --version" "fox-inspect demo.gguf" "fox-inspect keys --json demo.gguf" \
		"fox-verify --help" "fox-verify --version" "fox-verify demo.gguf" "fox-verify --json demo.gguf" \
		"fox-run --help" "fox-run --version" "fox-run demo.gguf -q -p a -n 2"; do
		case $stream in
		full) $line >/dev/full 2>err ;;
		closed) $line >&- 2>err ;;
		esac
		echo "$? $(cat err)"
	done
done

echo "all closed"
fox-convert "$demo" -o closed.gguf <&- >&- 2>&-
echo "$?"
cmp demo.gguf closed.gguf && echo "same bytes"
fox-run demo.gguf -q -f - <&- 2>err
echo "$? $(cat err)"
