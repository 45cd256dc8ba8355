# The published configurations, planned without weights: tensors and parameters are the publishers' own.
for f in "$FOX_ROOT"/tests/families/configs/*.json; do
	rm -rf src && mkdir src && cp "$f" src/config.json
	echo "== $(basename "$f" .json)"
	fox-convert src --dry-run 2>/dev/null | grep -E '^(parameters|tensors|type) '
done
