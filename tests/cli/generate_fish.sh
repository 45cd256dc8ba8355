# The completions of every tool are well-formed fish, and what they complete.
command -v fish >/dev/null || { echo "skip: no fish"; exit 77; }
export HOME="$PWD" XDG_CONFIG_HOME="$PWD" XDG_DATA_HOME="$PWD"
bin=$(dirname "$(command -v fox-run)")
for tool in "$bin"/fox-*; do
	"$tool" --generate fish >"${tool##*/}.fish"
	fish -n "${tool##*/}.fish" || echo "$tool: exit $?"
done
PATH=$bin:$PATH fish --no-config -c 'source fox-run.fish; source fox-inspect.fish
	complete -C "fox-run --backend "; complete -C "fox-run --mo"; complete -C "fox-inspect ten"; complete -C "fox-run -j "'
