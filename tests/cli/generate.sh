# --generate: the man page and completions of one tool as they are; of all tools that each option and verb is in each.
for kind in man bash zsh fish; do
	echo "== $kind"
	fox-run --generate $kind fox-convert fox-run fox-verify | sed 's/"fox [0-9][0-9.]*"/"fox VERSION"/'
done
echo "== all tools"
bin=$(dirname "$(command -v fox-run)")
for tool in "$bin"/fox-*; do
	name=${tool##*/}
	for kind in man bash zsh fish; do
		"$tool" --generate $kind >$kind || echo "$name $kind: exit $?"
		"$tool" --generate $kind | cmp - $kind
	done
	sed 's/\\-/-/g' man >man.txt
	# verbs: those with options of their own answer --help themselves
	"$tool" --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p' >verbs
	"$tool" --help >help
	while read -r verb; do
		"$tool" "$verb" --help >>help
		"$tool" "$verb" --generate man >part || echo "$name $verb: exit $?"
		grep -q "^\.TH \"$(echo "$name-$verb" | tr a-z A-Z)\" 1 " part || echo "$name $verb: no title"
		grep -q "^\.SS \"$name $verb\"" man.txt || echo "$name man: no $verb"
		grep -q "^	$verb)" bash && grep -q "^	$verb)" zsh && grep -q " -a $verb -d" fish || echo "$name: $verb is not completed"
	done <verbs
	sed -n 's/^  \(-.,\|   \) --\([a-z0-9-]*\).*/\2/p' help | sort -u >longs
	[ -s longs ] || echo "$name: --help has no options?"
	while read -r long; do
		grep -q "\\\\fB--$long\\\\fR" man.txt || echo "$name man: no --$long"
		grep -q " --$long[' ]" bash || echo "$name bash: no --$long"
		grep -q -- "--$long[]=[}]" zsh || echo "$name zsh: no --$long"
		grep -q " -l $long " fish || echo "$name fish: no --$long"
	done <longs
done
echo "== environment" # what the sources read is told, in the man page and in spec/cli.md
fox-run --generate man | sed -n '/^\.SH ENVIRONMENT/,/^\.SH/p' | sed 's/\\fB/ /' >told
for name in $(cd "$FOX_ROOT" && grep -ho 'getenv("[A-Z_]*")' -r format kernels convert runtime inspect | sed 's/.*"\(.*\)".*/\1/' | sort -u); do
	grep -qw "$name" told || echo "man page: no $name"
done
sed -n 's/^ \([A-Z_, ]*\)\\fR$/\1/p' told | tr -d , | tr ' ' '\n' >names
[ -s names ] || echo "no names?"
while read -r name; do
	sed -n '/^## 5/,/^## 6/p' "$FOX_ROOT/spec/cli.md" | grep -q "^|.*\`$name\`.*|.*|" || echo "spec/cli.md: no $name"
done <names
echo "== errors"
for words in --generate "--generate html" "--generate manual" "--generate man-part"; do
	fox-run $words
	echo "exit $?"
	fox-pack $words
	echo "exit $?"
done
fox-run --generate man >/dev/full
echo "exit $?"
fox-run model --generate man # only as the first word
echo "exit $?"
