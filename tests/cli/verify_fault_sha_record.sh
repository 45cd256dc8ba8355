# A source file's SHA-256 that it does not have.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
mkfault good.gguf bad.gguf sha-record
fox-verify bad.gguf --source "$FOX_ROOT/tests/demo" -q
