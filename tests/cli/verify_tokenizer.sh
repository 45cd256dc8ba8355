# A tokenizer.json from another place, as --tokenizer names it: proven, and each fault found.
demo="$FOX_ROOT/tests/demo"
try() { echo "== $1"; shift; fox-verify bad.gguf --source "$demo" --tokenizer tok -q "$@" 2>&1; echo "exit $?"; cp m.gguf bad.gguf; write; }
words="(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\\\\\r\\\\\\\\n\\\\\\\\p{L}\\\\\\\\p{N}]?\\\\\\\\p{L}+|\\\\\\\\p{N}| ?[^\\\\\\\\s\\\\\\\\p{L}\\\\\\\\p{N}]+[\\\\\\\\r\\\\\\\\n]*|\\\\\\\\s*[\\\\\\\\r\\\\\\\\n]+|\\\\\\\\s+(?!\\\\\\\\S)|\\\\\\\\s+"
write() {
	mkdir -p tok
	sed "s/WORDS/$words/" >tok/tokenizer.json <<-'END'
	{"version": "1.0", "truncation": null, "padding": null,
	 "added_tokens": [{"id": 5, "content": "<|end|>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}],
	 "normalizer": {"type": "NFC"},
	 "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
	  {"type": "Split", "pattern": {"Regex": "WORDS"}, "behavior": "Isolated", "invert": false},
	  {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false}]},
	 "post_processor": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false},
	 "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false},
	 "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "", "end_of_word_suffix": "",
	  "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
	  "vocab": {"a": 0, "b": 1, "c": 2, "ab": 3, "bc": 4}, "merges": ["a b", "b c"]}}
	END
	echo '{"eos_token": "<|end|>", "add_bos_token": false}' >tok/tokenizer_config.json
}
edit() { sed "$1" tok/tokenizer.json >t && mv t tok/tokenizer.json; }
fault() { mkfault m.gguf bad.gguf "$1"; }
write
fox-convert -q "$demo" --tokenizer tok -o m.gguf >/dev/null 2>convert.err || cat convert.err
cp m.gguf bad.gguf
try "as it is"
fox-verify m.gguf --source "$demo" --tokenizer tok | grep 'source.\(tokenizer\|file\|carried\)'
fox-convert -q "$demo" --tokenizer tok/tokenizer.json -o one.gguf >/dev/null 2>&1
fox-verify one.gguf --source "$demo" --tokenizer tok/tokenizer.json -q && echo "one file"
echo "== another tokenizer"
fox-verify m.gguf --source "$demo" -q | sed 's/[0-9]* \(bytes\|pieces\)/N \1/' | head -n 12
edit 's/"a": 0, "b": 1/"b": 0, "a": 1/'
try "pieces exchanged"
edit 's/"a b", "b c"/"b c", "a b"/'
try "merges exchanged"
edit 's/"id": 5/"id": 6/;s/"bc": 4/"bc": 4, "abc": 5/'
try "another vocabulary"
edit 's/"special": true/"special": false/;s/<|end|>/end/'
try "an added token"
edit 's/{1,3}//;s/"Isolated"/"Removed"/'
try "another pre-tokenizer"
for f in bos pre merges token-type hf; do fault $f; try "fault: $f"; done
echo "== not judged"
echo '{' >tok/tokenizer.json; try "no JSON"
echo '{"model": {"type": "BPE"}}' >tok/tokenizer.json; try "no vocabulary"
edit 's/, "merges": \[.*\]/, "merges": ["a"]/'; try "fewer merges"
fox-verify m.gguf --tokenizer tok 2>&1
echo "exit $?"
fox-verify m.gguf --source "$demo" --tokenizer nowhere 2>&1 | sed "s/'[^']*hub'/CACHE/"
echo "== Unigram, a tokenizer.model alone"
cp "$FOX_ROOT/tests/golden/tok_uni.model" uni.model
fox-convert -q "$demo" --tokenizer uni.model -o uni.gguf >/dev/null 2>&1
fox-verify uni.gguf --source "$demo" --tokenizer uni.model | grep source.tokenizer
cp "$FOX_ROOT/tests/golden/tok_unibytes.model" uni.model
fox-verify uni.gguf --source "$demo" --tokenizer uni.model -q | sed -n '/charsmap\|tokenizer.spm\|add_space/p'
