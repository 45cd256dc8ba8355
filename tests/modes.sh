#!/bin/sh
# What each arithmetic costs, per type: NMSE of the demo's logits against its float64 reference, exact and fast, and the limits that
# fox-verify holds them to. The table of spec/verify.md 5.1.
# usage: tests/modes.sh BIN [TYPE...]     BIN has the tools; FOX_CPU_DISABLE takes instruction sets away
set -eu
bin=$1 root=$(cd "$(dirname "$0")/.." && pwd)
shift
[ $# -gt 0 ] || set -- f32 f16 bf16 q8_0 q6_k q5_k q5_1 q5_0 q4_k q4_1 q4_0 iq4_nl iq4_xs q3_k q2_k mxfp4 nvfp4
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$bin/fox-run" --version | sed -n 's/^cpu: //p'
echo '| type | exact | limit | fast | limit |'
echo '|---|---|---|---|---|'
for t; do
	"$bin/fox-convert" -q "$root/tests/demo" -t "$t" -f --allow-lossy -o "$dir/x.gguf" >"$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }
	row="| $t"
	for mode in exact fast; do
		"$bin/fox-verify" "$dir/x.gguf" --reference "$root/tests/demo/reference.npz" --mode $mode --json >"$dir/json" || true
		for key in nmse nmse_limit; do
			row="$row | $(printf %.2e "$(sed -n "s/^ *\"$key\": \(.*\),\$/\1/p" "$dir/json")")"
		done
	done
	echo "$row |"
done
