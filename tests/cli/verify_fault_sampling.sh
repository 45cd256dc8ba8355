# A setting that generation_config.json does not have.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
mkfault good.gguf bad.gguf sampling
fox-verify bad.gguf --source "$FOX_ROOT/tests/demo" -q
