# The completions of every tool are well-formed zsh.
command -v zsh >/dev/null || { echo "skip: no zsh"; exit 77; }
bin=$(dirname "$(command -v fox-run)")
for tool in "$bin"/fox-*; do
	"$tool" --generate zsh >_"${tool##*/}"
	zsh -n ./_"${tool##*/}" || echo "$tool: exit $?"
done
