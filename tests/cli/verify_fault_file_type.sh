# A file type that the tensors do not have.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
mkfault good.gguf bad.gguf file-type
fox-verify bad.gguf --source "$FOX_ROOT/tests/demo" -q
