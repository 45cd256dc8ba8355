# The JSON report: one document, every finding, the figures.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
show() { fox-verify "$@" --json >out; code=$?; sed 's/[0-9]* keys, /N keys, /;s/[0-9]* files have/N files have/;/source.unproven/s/"text":.*"/"text":X/;s/[0-9a-f]\{32\}/HASH/g;s/offset [0-9]*/offset N/;s/"version": .*/"version": X/' out; echo "exit $code"; }
show good.gguf --source "$FOX_ROOT/tests/demo"
mkfault good.gguf bad.gguf bit-data
show bad.gguf -q
fox-verify good.gguf --reference "$FOX_ROOT/tests/demo/reference.npz" --json | grep -o '"[a-z_0-9]*":' | sort -u
