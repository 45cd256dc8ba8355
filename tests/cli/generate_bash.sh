# The completions of every tool in bash: well-formed, and what they complete.
command -v bash >/dev/null || { echo "skip: no bash"; exit 77; }
bin=$(dirname "$(command -v fox-run)")
for tool in "$bin"/fox-*; do
	"$tool" --generate bash >"${tool##*/}.bash"
	bash -n "${tool##*/}.bash" || echo "$tool: exit $?"
done
cat >try.bash <<'END'
try() {
	tool=$1
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	_${tool/-/_} "$tool" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
	echo "$*: $(printf '<%s>' "${COMPREPLY[@]}")"
}
for f in fox-*.bash; do . ./$f; done
mkdir files && cd files && touch 'keys of mine.gguf' # files that complete
complete -p fox-run
try fox-run --ba
try fox-run --back
try fox-run --backend ''
try fox-run --backend c
try fox-run --backend =
try fox-run --backend = cu
try fox-run model.gguf --kv ''
try fox-run -j ''
try fox-run -p ''
try fox-run model.gguf ''
try fox-inspect ke
try fox-inspect ''
touch 'a*.gguf' abc.gguf
try fox-inspect 'a*'
try fox-inspect keys --a
try fox-pack --h
verb=$(fox-pack --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z]\)\([a-z-]*\) .*/\1 \2/p' | head -1)
set -- $verb
if [ $# = 2 ]; then # verbs come after the tool: those that there are complete as the rest do
	try fox-pack "$1" | grep -q "<$1$2>" || echo "fox-pack $1 does not complete to $1$2"
	try fox-pack "$1$2" --h | grep -q '<--help>' || echo "fox-pack $1$2 does not complete --help"
fi
END
bash try.bash
