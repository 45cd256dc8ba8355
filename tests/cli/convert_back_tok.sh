# Tokenizers there and back: every tokenizer.json and tokenizer.model that the tests have, byte for byte; and in the usual form
# where the source's size is of no help.
demo=$FOX_ROOT/tests/demo golden=$FOX_ROOT/tests/golden
for f in "$golden"/tj_*.json "$golden"/tok_*.model; do
	name=$(basename "$f") as=tokenizer.${f##*.}
	rm -rf tok back && mkdir tok && cp "$f" tok/$as
	fox-convert "$demo" --tokenizer tok --no-llama-pre -q -f -o m.gguf >/dev/null 2>err || { echo "$name is not converted"; continue; }
	fox-convert m.gguf --to hf -q -o back >/dev/null
	cmp tok/$as back/$as && echo "$name"
	fox-verify -q m.gguf --source back --tokenizer tok | grep -v README.md
done
echo "== one file, by its own name"
cp "$golden/tok_uni.model" a.model
fox-convert "$demo" --tokenizer a.model -q -f -o m.gguf >/dev/null && fox-convert m.gguf --to hf -o a >/dev/null
cmp a/tokenizer.model a.model && echo same
cp "$golden/tj_t5.json" b.json
fox-convert "$demo" --tokenizer b.json -q -f -o m.gguf >/dev/null && fox-convert m.gguf --to hf -o b >/dev/null
cmp b/tokenizer.json b.json && echo same
echo "== another layout"
mkdir wide && sed 's/{"version"/{  "version"/' "$golden/tj_qwen2.json" >wide/tokenizer.json
fox-convert "$demo" --tokenizer wide -q -f -o m.gguf >/dev/null && fox-convert m.gguf --to hf -o c >/dev/null
fox-convert "$demo" --tokenizer c -q -o again.gguf >/dev/null
fox-inspect diff m.gguf again.gguf | grep '^[-+~ ]* *tokenizer\|fox.tokenizer\|differ'
echo "== none to make"
bend m.gguf n.gguf drop-key fox.tokenizer.hf && fox-convert n.gguf --to hf -o d -n | grep json
