# Recorded ids: all of them given again; each kind of difference shown with its place; files that cannot be judged.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
try() { fox-verify "$@"; echo "exit $?"; }
record() { printf 'fox-tokens 1\n' >r.txt && printf '%s\n' "$@" >>r.txt; }
t=$(printf '\t')
fox-verify good.gguf --tokens "$FOX_ROOT/tests/golden/ids_demo.txt" | grep -v 'structure\|hash'
fox-verify good.gguf --tokens "$FOX_ROOT/tests/golden/ids_demo.txt" --json | sed -n '/"tokens"/,/}/p'
echo "== flags: special tokens as text and as tokens, bos, decoding with and without them"
record "-${t}a<bos>${t}1951 2046 1968 413 2041${t}a<bos>" "special${t}a<bos>${t}1951 2${t}a" \
	"special,add,keep${t}a<bos>${t}2 1951 2${t}<bos>a<bos>" "special,keep${t}a<bos>b${t}1951 2 1968${t}a<bos>b"
try good.gguf -q --tokens r.txt
echo "== faults"
record "-${t}The quick brown fox${t}401 609 714 285 836 1953 291 1952 1981 536 1224" "-${t}a${t}1951"
try good.gguf -q --tokens r.txt
record "-${t}The quick brown fox${t}401 609 714 285 836 1953 291 1952 1981 536${t}The quick brown fob"
try good.gguf -q --tokens r.txt
record "-${t}a\\x1b${t}1951"
try good.gguf -q --tokens r.txt
mkfault good.gguf bad.gguf add-space-prefix
try bad.gguf -q --tokens "$FOX_ROOT/tests/golden/ids_demo.txt"
mkfault good.gguf bad.gguf bos
record "add${t}a${t}2 1951"
try bad.gguf -q --tokens r.txt
echo "== not judged"
record "-${t}a${t}2048"
try good.gguf -q --tokens r.txt 2>&1
record "-${t}a${t}1951" "-${t}a"
try good.gguf -q --tokens r.txt 2>&1
: >r.txt
try good.gguf -q --tokens r.txt 2>&1
record "# nothing"
try good.gguf -q --tokens r.txt 2>&1
try good.gguf -q --tokens nowhere.txt 2>&1
mkgguf other.gguf
record "-${t}a${t}1"
try other.gguf -q --tokens r.txt 2>&1
