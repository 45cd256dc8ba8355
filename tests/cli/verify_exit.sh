# Exit statuses: 1 disproven or cut, 2 usage, 3 unreadable, 4 unsupported. Nothing on standard output unless judged.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
try() { fox-verify "$@"; echo "exit $?"; }
export HF_HUB_CACHE=/nowhere/hub
head -c -800000 good.gguf >cut.gguf
head -c -8 good.gguf >tail.gguf
cp good.gguf more.gguf && echo >>more.gguf
echo FUGG >magic.gguf
: >empty.gguf
mkgguf -raw big.gguf be
for f in cut tail; do try $f.gguf -q 2>&1 | sed "s/offset [0-9]*/offset N/"; done
for f in more magic empty absent; do try $f.gguf -q 2>&1; done
try big.gguf --source "$FOX_ROOT/tests/demo" -q 2>&1
mkfault good.gguf future.gguf profile
try future.gguf -q 2>&1
try 2>&1
try good.gguf good.gguf 2>&1
try good.gguf --max-nmse -0.5 2>&1
try good.gguf --max-nmse nan 2>&1
try good.gguf --nix 2>&1
try good.gguf --source nowhere 2>&1
mkdir bare && try good.gguf --source bare 2>&1
try good.gguf --reference nowhere.npz 2>&1
try good.gguf --reference good.gguf 2>&1
try good.gguf --reference "$FOX_ROOT/tests/demo/model.safetensors" 2>&1 | sed 's/: .*model/: model/'
# what is disproven stays so when a later check cannot judge
mkfault good.gguf bad.gguf bit-data
try bad.gguf --source nowhere -q 2>&1 | sed "s/offset [0-9]*/offset N/"
