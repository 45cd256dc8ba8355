#!/bin/sh
# Every family's reference checkpoint, in every type that holds its values: converted, proven against its source, and run
# against float64 logits. One line a family: "ok NAME: NMSE of the logits by type and reference" or "FAIL NAME: what".
# usage: families.sh BIN [NAME...]
# Environment: FOX_BACKEND  cpu (unless said) or cuda: where the logits are computed. The container and its proof against the
#              source are the CPU's either way, and are left out for cuda: what is looked at there is arithmetic.
set -u
bin=$1 bad=0 backend=${FOX_BACKEND:-cpu} kind=family
[ "$backend" = cpu ] || kind=family-$backend
shift
here=$(cd "$(dirname "$0")/families" && pwd)
tmp=$(mktemp -d) || exit 3
trap 'rm -rf "$tmp"' EXIT

# The types that lose nothing of a dtype.
types() {
	case $(sed -n 's/.*"\(torch_\)\{0,1\}dtype": *"\([a-z0-9]*\)".*/\2/p' "$1/config.json") in
	bfloat16) echo f32 bf16 ;;
	float16) echo f32 f16 ;;
	*) echo f32 ;;
	esac
}

family() {
	dir=$here/$1 tok= told=
	[ -f "$dir/tokenizer.model" ] || [ -f "$dir/tokenizer.json" ] || [ -f "$dir/vocab.json" ] || tok=$here/$1_tokenizer
	for type in $(types "$dir"); do
		"$bin/fox-convert" -q "$dir" ${tok:+--tokenizer "$tok"} -t "$type" -o "$tmp/m.gguf" --force >"$tmp/log" 2>&1 ||
			{ echo "FAIL $kind/$1: cannot convert to $type" && cat "$tmp/log"; return 1; }
		[ "$backend" != cpu ] || "$bin/fox-verify" -q "$tmp/m.gguf" --source "$dir" ${tok:+--tokenizer "$tok"} >"$tmp/log" 2>&1 ||
			{ echo "FAIL $kind/$1: $type is not proven against its source" && cat "$tmp/log"; return 1; }
		for ref in "$dir"/reference*.npz; do
			"$bin/fox-verify" --json "$tmp/m.gguf" --backend "$backend" --reference "$ref" >"$tmp/log" 2>&1 ||
				{ echo "FAIL $kind/$1: $type against $(basename "$ref")" && cat "$tmp/log"; return 1; }
			told="$told $type $(sed -n 's/^    "nmse": \([0-9.e-]*\),$/\1/p' "$tmp/log" | xargs printf '%.2e')"
		done
	done
	echo "ok    $kind/$1:$told"
}

[ $# -gt 0 ] || set -- $(cd "$here" && ls -d */ | tr -d /)
for name in "$@"; do
	[ -f "$here/$name/model.safetensors" ] || continue
	family "$name" || bad=1
done
exit $bad
