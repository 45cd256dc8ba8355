# Sourced by tests/cli: `family NAME` puts that family's checkpoint into src/ and the good container made of it into good.gguf.
# Families whose tokenizer plays no part borrow a tokenizer.model, so that these tests say nothing of tokenizers.
family() {
	mkdir src && cp "$FOX_ROOT/tests/families/$1"/*.json "$FOX_ROOT/tests/families/$1"/*.safetensors src/ || exit 3
	rm -f src/tokenizer*.json src/vocab.json src/special_tokens_map.json src/added_tokens.json src/generation_config.json
	bend "$FOX_ROOT/tests/families/openelm_tokenizer/tokenizer.model" src/tokenizer.model pieces 320 || exit 3
	fox-convert -q src -t "${2:-auto}" -o good.gguf >/dev/null || exit 3
	fox-verify good.gguf --source src -q || exit 3
}
