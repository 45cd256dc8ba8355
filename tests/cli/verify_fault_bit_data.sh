# One bit of a tensor.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
mkfault good.gguf bad.gguf bit-data
fox-verify bad.gguf -q >out || echo "exit $?" >>out
fox-verify bad.gguf --source "$FOX_ROOT/tests/demo" -q >>out || echo "exit $?" >>out
sed "s/offset [0-9]*/offset N/" out
