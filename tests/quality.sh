#!/bin/sh
# What each type costs: a markdown table of errors, perplexity and KL divergence of the demo in every type that fox makes.
# usage: quality.sh BIN_DIR [LLAMA_PERPLEXITY]
#   LLAMA_PERPLEXITY  llama.cpp's program, at the commit that spec/quant.md names: measures the same files, as they are and decoded to f32
# Environment: CALIB  a text to calibrate on. Without one: the first half of the demo's held-out text, and the second half alone
#                     is measured on, so that no figure is of a text that the quantizer has seen
#              CHUNKS windows of it at most; all unless said
#              ROWS   which rows, an extended regular expression of their names; all unless said
# Exit: 0 the table is printed, 1 a file could not be made or measured, 2 usage. It judges nothing.
set -u
export LC_ALL=C
[ $# -ge 1 ] && [ $# -le 2 ] || { echo "usage: quality.sh BIN_DIR [LLAMA_PERPLEXITY]" >&2; exit 2; }
bin=$1 llama=${2:-} ctx=256
demo=$(cd "$(dirname "$0")/demo" && pwd)
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM HUP
die() {
	echo "quality: $*" >&2
	[ ! -s "$dir/said" ] || tail -n 3 "$dir/said" >&2
	exit 1
}

base=$dir/base.gguf exact=$dir/exact.gguf text=$dir/text
cp "$demo/heldout.txt" "$text" || die "no text"
calib=${CALIB:-}
if [ -n "$calib" ]; then
	echo "calibrated on '$(basename "$calib")' ($(wc -c <"$calib") bytes), measured on heldout.txt, windows of $ctx tokens"
else
	calib=$dir/calib half=$(($(wc -l <"$text") / 2))
	head -n $half "$demo/heldout.txt" >"$calib"
	tail -n +$((half + 1)) "$demo/heldout.txt" >"$text"
	echo "calibrated on the first half of heldout.txt, measured on the second, windows of $ctx tokens"
fi
"$bin/fox-convert" -q "$demo" -t bf16 -o "$base" >"$dir/said" 2>&1 || die "cannot convert the demo"

# ---- llama.cpp's side: the mean KL divergence of a file, as it computes and on the values alone

# llama_base MODEL LOGITS
llama_base() { "$llama" -m "$1" -f "$text" -c $ctx --kl-divergence-base "$2" >"$dir/said" 2>&1 || die "llama-perplexity fails on the base"; }
# llama_kld MODEL LOGITS: "value +- error"; its two streams apart, since one cuts into the other's lines
llama_kld() {
	"$llama" -m "$1" -c $ctx --kl-divergence-base "$2" --kl-divergence >"$dir/out" 2>"$dir/said" || die "llama-perplexity fails on $(basename "$1")"
	sed -n 's/^Mean *KLD: *\([0-9.e-]*\)[^0-9.]*\([0-9.e-]*\).*/\1 +- \2/p' "$dir/out" | grep . || die "llama-perplexity tells no divergence"
}
if [ -n "$llama" ]; then
	"$bin/fox-quantize" -q "$base" f32 -o "$exact" >"$dir/said" 2>&1 || die "cannot decode the base"
	llama_base "$base" "$dir/base.kld"
	llama_base "$exact" "$dir/exact.kld"
fi

# ---- a row

# value NAME: of fox-verify's JSON
value() { sed -n "s/^    \"$1\": \\([0-9.e-]*\\),\\{0,1\\}\$/\\1/p" "$dir/json"; }
# told NAME FILE: what fox-quantize reported of an output
told() { awk -v n="$1" -v f="$2" '$1 == "output" { on = $2 == f } on && $1 == n { print $2 }' "$dir/made"; }

# measure NAME FILE PLAIN: a row of the table. PLAIN: the name of the row that it is compared with, or -
measure() {
	"$bin/fox-verify" "$2" --against "$base" --text "$text" --context $ctx --json >"$dir/json" 2>"$dir/said" || die "cannot measure $1"
	kld=$(value kld)
	echo "$1	$kld" >>"$dir/klds"
	plain=$(awk -F'\t' -v n="$3" '$1 == n { print $2 }' "$dir/klds")
	theirs=''
	if [ -n "$llama" ]; then
		"$bin/fox-quantize" -q "$2" f32 --allow-requantize -f -o "$dir/values.gguf" >"$dir/said" 2>&1 || die "cannot decode $1"
		values=$(llama_kld "$dir/values.gguf" "$dir/exact.kld") || exit 1
		asis=$(llama_kld "$2" "$dir/base.kld") || exit 1
		theirs=$(echo "$kld $values" | awk '{ d = $1 - $2; printf " %s | %s |", $2 " +- " $4, d * d <= $4 * $4 + 1e-12 ? "yes" : "no" }')
		theirs="$theirs $asis |"
	fi
	awk -v name="$1" -v bpw="$(told bits/weight "$2")" -v bytes="$(told bytes "$2")" -v err="$(told error "$2")" -v ppl="$(value ppl)" \
		-v kld="$kld" -v se="$(value kld_error)" -v med="$(value kld_median)" -v p99="$(value kld_99)" -v max="$(value kld_max)" \
		-v top="$(value same_top)" -v pse="$(value ppl_error)" -v plain="$plain" -v theirs="$theirs" '
		function sig(v) { return v < 1e-4 ? sprintf("%.7f", v) : sprintf("%.6f", v) }
		BEGIN {
			gain = plain == "" ? "" : sprintf("%.1f %%", 100 * (1 - kld / plain))
			printf("| %s | %.3f | %s | %.3f %% | %.3f +- %.3f | %s +- %s | %s | %.5f | %.4f | %.2f %% | %s |%s\n", name, bpw, bytes,
				100 * err, ppl, pse, sig(kld), sig(se), sig(med), p99, max, 100 * top, gain, theirs)
		}'
}

wanted() { [ -z "${ROWS:-}" ] || echo "$1" | grep -Eq "$ROWS"; }
# row NAME PLAIN TYPE OPTION...: quantize, measure
row() {
	name=$1 plain=$2 type=$3
	shift 3
	wanted "$name" || return 0
	"$bin/fox-quantize" -q "$base" "$type" -f -o "$dir/file.gguf" "$@" >"$dir/made" 2>"$dir/said" || die "cannot make $name"
	measure "$name" "$dir/file.gguf" "$plain"
}

echo
head='| type | bits per weight | bytes | weight error | perplexity | mean KLD | median | 99 % | max | same top | less KLD |'
rule='|---|---|---|---|---|---|---|---|---|---|---|'
[ -z "$llama" ] || head="$head llama.cpp on the values | within its error | llama.cpp as it runs |" rule="$rule---|---|---|"
echo "$head"
echo "$rule"
for t in q8_0 q6_k q5_1 q5_0 q5_k q4_1 q4_0 q4_k iq4_nl nvfp4 iq4_xs mxfp4 q3_k q2_k; do
	row "$t, pure" - $t --pure
done
for t in q5_k_m q5_k_s q5_1 q5_0 q4_k_m q4_k_s q4_1 q4_0 iq4_nl nvfp4 iq4_xs mxfp4 q3_k_l q3_k_m q3_k_s q2_k; do
	row $t - $t
done

# ---- importance and search

# calibrate OPTION...: fox-quantize with the calibration text
calibrate() {
	"$bin/fox-quantize" -q "$base" --calibrate "$calib" --context $ctx ${CHUNKS:+--chunks "$CHUNKS"} "$@" 2>"$dir/said" >"$dir/made" ||
		die "cannot calibrate"
}
# rows_calibrated TYPES TAIL OPTION...: rows of three types made in one run, since they need one calibration
rows_calibrated() {
	types=$1 tail=$2
	shift 2
	wanted "${types%%,*}$tail" || return 0
	calibrate "$types" "$@" --search calibrated -o "$dir/{type}.gguf"
	for t in $(echo "$types" | tr ',' ' '); do
		plain=$t${tail%, calibrated}
		measure "$t$tail" "$dir/$t.gguf" "$plain"
		rm -f "$dir/$t.gguf"
	done
}

# row_imatrix: a row with the importance matrix of the calibration text, made when it is first asked for
row_imatrix() {
	wanted "$1" || return 0
	[ -f "$dir/imatrix.gguf" ] || calibrate --save-imatrix "$dir/imatrix.gguf"
	row "$@" --imatrix "$dir/imatrix.gguf"
}

for t in q4_k q3_k q2_k; do
	row "$t, pure, wide" "$t, pure" $t --pure --search wide
	row_imatrix "$t, pure, imatrix" "$t, pure" $t --pure
	row_imatrix "$t, pure, imatrix, wide" "$t, pure" $t --pure --search wide
done
rows_calibrated q4_k,q3_k,q2_k ', pure, calibrated' --pure
rows_calibrated q4_k_m,q3_k_m,q2_k ', calibrated'
