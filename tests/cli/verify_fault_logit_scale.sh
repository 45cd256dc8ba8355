# A key of the architecture that config.json knows nothing of.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
mkfault good.gguf bad.gguf logit-scale
fox-verify bad.gguf --source "$FOX_ROOT/tests/demo" -q
