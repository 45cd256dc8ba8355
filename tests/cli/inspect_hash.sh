# Hashes of tensor data. fuzz/corpus/manifest/hashes is what llama-gguf-hash --all --uuid (as vendored by llama-cpp-python 0.3.36) wrote of the file.
cp "$FOX_ROOT/tests/fuzz/corpus/inspect/llama.gguf" .
want=$FOX_ROOT/tests/fuzz/corpus/manifest/hashes
fox-inspect hash llama.gguf --algorithm all | cmp - "$want" && echo "all: llama-gguf-hash's bytes"
fox-inspect hash llama.gguf | cat - >one && grep '^xxh64' "$want" | cmp - one && echo "xxh64: likewise"
for a in xxh64 sha1 sha256 uuid; do
	fox-inspect hash --algorithm $a ./llama.gguf >one
	grep "^$a" "$want" | sed 's/llama.gguf/.\/&/' | cmp - one && echo "$a: likewise, the name as given"
done
fox-inspect hash llama.gguf --json --algorithm uuid | grep -v '"version"'
fox-inspect hash llama.gguf --json | grep -v '"version"' | tail -5
try() { fox-inspect "$@"; echo "exit $?"; }
try hash llama.gguf --algorithm md5
try keys llama.gguf --algorithm sha1
try hash
head -c 7000 llama.gguf >cut.gguf
try hash cut.gguf
cp llama.gguf "$(printf 'two\nlines.gguf')" && try hash "$(printf 'two\nlines.gguf')"
fox-inspect hash llama.gguf >/dev/full
echo "exit $?"
