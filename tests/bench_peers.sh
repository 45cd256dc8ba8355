#!/bin/sh
# fox-bench against llama-bench in turns, same file, same threads: decoding and a prompt of 512, on BF16, Q8_0, Q4_0 and Q4_K_M of
# Fox-1-1.6B's exact shape in tmpfs; and fox-quantize against llama-quantize.
# usage: bench_peers.sh BUILD      BUILD/bin has the tools, BUILD/tests/gen mkfox1 and timeit
# A ratio is fox / peer of one round, a row the median over the rounds. spec/bench.md 5
# Environment: LLAMA_BENCH       the llama-bench                  LLAMA_QUANTIZE  a llama-quantize
#              FOX_BENCH_BF16    a bf16 container in place of the generated one
#              FOX_BENCH_DIR     another tmpfs than /dev/shm      FOX_BENCH_ROUNDS  rounds, 5 unless said
#              FOX_CPU_DISABLE   holds for fox alone: llama.cpp's instruction sets are those of its build
# Exit: 0 every limit is kept (or skipped, by name), 1 one is missed, 2 usage, 3 it could not be measured.
set -u
[ $# = 1 ] || { echo "usage: bench_peers.sh BUILD" >&2; exit 2; }
bin=$1/bin gen=$1/tests/gen
root=$(cd "$(dirname "$0")/.." && pwd)
name=bench_peers
. "$root/tests/bench_lib.sh"
[ -x "${LLAMA_BENCH:-}" ] || { echo "$name: LLAMA_BENCH names no program: make bench-peers LLAMA_BENCH=path" >&2; exit 2; }
threads=$(nproc)

# The least ratio that fox promises. $cpu: what fox-run --version says of this machine
decode_limit() { case $1 in bf16) echo 1.2 ;; q8_0) echo 1.5 ;; q4_0) echo 2.0 ;; q4_k_m) echo 1.6 ;; esac; }
prompt_limit() {
	case $cpu in
	*amx*) [ "$1" = bf16 ] && echo 8 || echo 6 ;;
	*avx512*) case $1 in q8_0|q4_k_m) echo 2 ;; bf16) echo 1.3 ;; *) echo 1.2 ;; esac ;;
	*) echo 1.2 ;;
	esac
}

# The values of a key in a file of JSON, in their order.
values() { sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" "$2"; }
nth() { sed -n "$1p"; }
median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

measure_fox() {
	run "$bin/fox-bench" "$1" -p 512 -n 64 -r 1 -t "$threads" -o json -q >"$dir/fox" 2>"$dir/log" || die "fox-bench failed: $(cat "$dir/log")"
	values tokens_per_s "$dir/fox" | paste -s -d ' ' - >>"$dir/fox-rates"
}
measure_llama() {
	run "$LLAMA_BENCH" -m "$1" -p 512 -n 64 -r 1 -t "$threads" -o json >"$dir/llama" 2>"$dir/log" || die "llama-bench failed: $(tail -1 "$dir/log")"
	values avg_ts "$dir/llama" | paste -s -d ' ' - >>"$dir/llama-rates"
}

# least NAME FOX PEER VALUE LIMIT CEILING: ok when VALUE >= LIMIT; CEILING: what 100 % of the bandwidth would give, or nothing
least() {
	verdict=$(awk -v v="$4" -v l="$5" 'BEGIN { print (v + 0 >= l + 0) ? "ok" : "MISSED" }')
	if [ "$verdict" = MISSED ]; then
		missed=$((missed + 1))
		[ -z "$6" ] || verdict="MISSED; ceiling of this machine: $(ratio "$6")"
	fi
	row "$1" "$2" "$3" "$4" "$5" "$verdict"
}

# rows TYPE FILE
rows() {
	: >"$dir/fox-rates"
	: >"$dir/llama-rates"
	: >"$dir/reads"
	for i in $(seq "$rounds"); do
		if [ $((i % 2)) = 1 ]; then
			measure_fox "$2"
			measure_llama "$2"
		else
			measure_llama "$2"
			measure_fox "$2"
		fi
		echo "$(values bytes_per_token "$dir/fox" | nth 1) $(values bandwidth "$dir/fox" | nth 1)" >>"$dir/reads"
	done
	paste -d ' ' "$dir/fox-rates" "$dir/llama-rates" "$dir/reads" >"$dir/all" # fox prompt, decode; peer prompt, decode; bytes, bandwidth
	f=$(awk '{ print $2 }' "$dir/all" | median) p=$(awk '{ print $4 }' "$dir/all" | median)
	r=$(awk '{ print $2 / $4 }' "$dir/all" | median) c=$(awk '{ print $6 / $5 / $4 }' "$dir/all" | median)
	least "decode, $1: tokens/s" "$(ratio "$f")" "$(ratio "$p")" "$(ratio "$r")" "$(decode_limit "$1")" "$c"
	row "  % of the bandwidth of $(awk '{ print $6 / 1e9 }' "$dir/all" | median) GB/s" \
		"$(awk '{ print 100 * $2 * $5 / $6 }' "$dir/all" | median | xargs printf %.0f)" \
		"$(awk '{ print 100 * $4 * $5 / $6 }' "$dir/all" | median | xargs printf %.0f)" - - ''
	f=$(awk '{ print $1 }' "$dir/all" | median) p=$(awk '{ print $3 }' "$dir/all" | median)
	least "prompt of 512, $1: tokens/s" "$(ratio "$f")" "$(ratio "$p")" "$(awk '{ print $1 / $3 }' "$dir/all" | median | xargs printf %.2f)" \
		"$(prompt_limit "$1")" ''
}

need_gb=8 # source 3.3, its container 3.3, and what the tools themselves hold
[ -z "${FOX_BENCH_BF16:-}" ] || need_gb=3
take_place $need_gb "decode, prompt, quantize"
say_machine
cpu=$("$bin/fox-run" --version | sed -n 's/^cpu: //p')
echo "fox: $cpu"
bf16=${FOX_BENCH_BF16:-$dir/bf16.gguf}
if [ -z "${FOX_BENCH_BF16:-}" ]; then
	make_checkpoint "$dir/src"
	run "$bin/fox-convert" "$dir/src" -o "$bf16" -t bf16 --no-source-hash -q >/dev/null || die "cannot convert the checkpoint"
	rm -rf "$dir/src"
fi
began=$(cpu_ticks)
for t in bf16 q8_0 q4_0 q4_k_m; do
	file=$bf16
	if [ $t != bf16 ]; then
		file=$dir/peers-$t.gguf
		run "$bin/fox-quantize" "$bf16" $t -o "$file" -q >/dev/null || die "cannot quantize to $t"
	fi
	if [ $t = bf16 ]; then
		run "$LLAMA_BENCH" -m "$file" -p 1 -n 0 -r 1 -t "$threads" -o json >"$dir/llama" 2>"$dir/log" || die "llama-bench failed: $(tail -1 "$dir/log")"
		echo "peer: llama.cpp $(values build_commit "$dir/llama"), build $(values build_number "$dir/llama"), $(values backends "$dir/llama"), as it was built"
		echo "$threads threads; $rounds rounds, medians of fox / peer"
		echo
		row "" fox peer value limit ''
	fi
	rows $t "$file"
	[ $t = bf16 ] || rm -f "$file"
done
quantize_rows "$bf16" q8_0 q4_0 q4_k_m
echo
say_others
echo "$missed missed, $skipped skipped"
[ $missed = 0 ]
