#!/bin/sh
# The speed of each tool as ratios against a peer in the same run, on a checkpoint of Fox-1-1.6B's exact shape in tmpfs.
# usage: bench.sh BUILD      BUILD/bin has the tools, BUILD/tests/gen mkfox1 and timeit
# Whole processes are timed, tool and peer in turn; a ratio is the median over the rounds. spec/bench.md says more.
# Environment: FOX_BENCH_DIR     another tmpfs than /dev/shm           FOX_BENCH_ROUNDS  rounds, 5 unless said
#              LLAMA_QUANTIZE    a llama-quantize to compare fox-quantize with, at as many threads
# Exit: 0 every limit is kept (or skipped, by name), 1 one is missed, 3 it could not be measured.
set -u
export LC_ALL=C
[ $# = 1 ] || { echo "usage: bench.sh BUILD" >&2; exit 2; }
bin=$1/bin gen=$1/tests/gen
root=$(cd "$(dirname "$0")/.." && pwd)
shm=${FOX_BENCH_DIR:-/dev/shm}
rounds=${FOX_BENCH_ROUNDS:-5}
need_gb=11 # source 3.3, two outputs 6.7, and what the tools themselves hold
missed=0 skipped=0 dir='' child=''

clean() {
	[ -z "$child" ] || kill "$child" 2>/dev/null
	[ -z "$dir" ] || rm -rf "$dir"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# In the background, so that a signal is acted upon at once and not when the command has ended.
run() {
	"$@" &
	child=$!
	wait "$child"
	code=$?
	child=''
	return $code
}

die() {
	echo "bench: $*" >&2
	exit 3
}

row() { printf '%-48s %10s %10s %10s %7s  %s\n' "$@"; }
told() { row "$1" "$2" - "$3" - ''; }
skip() {
	row "$1" - - - - "skipped: $2"
	skipped=$((skipped + 1))
}
# judge NAME FOX PEER VALUE LIMIT: ok when VALUE <= LIMIT
judge() {
	verdict=$(awk -v v="$4" -v l="$5" 'BEGIN { print v + 0 <= l + 0 ? "ok" : "MISSED" }')
	[ "$verdict" = ok ] || missed=$((missed + 1))
	row "$1" "$2" "$3" "$4" "$5" "$verdict"
}
seconds() { awk -v s="$1" 'BEGIN { if (s < 0.1) printf "%.1f ms", s * 1000; else printf "%.2f s", s }'; }
mib() { awk -v k="$1" 'BEGIN { printf "%.0f", k / 1024 }'; }
ratio() { awk -v r="$1" 'BEGIN { printf "%.2f", r }'; }

# time_it ARGS...: runs timeit; then $s $rss of the command, $s1 $r1 and $s2 $r2 of its peers, and $share
time_it() {
	run "$gen/timeit" "$@" >"$dir/time" || die "a command failed: $*"
	# shellcheck disable=SC2046 # numbers
	set -- $(awk '$1 == "run" { print $2, $3 } $1 == "peer" { print $2, $4 } $1 == "share" { print $2 }' "$dir/time")
	s=$1 rss=$2
	case $# in
	5) s1=$3 r1=$4 share=$5 ;;
	7) s1=$3 r1=$4 s2=$5 r2=$6 share=$7 ;;
	esac
}

# Ticks of all CPUs: busy, all.
cpu_ticks() { awk '$1 == "cpu" { print $2 + $3 + $4 + $7 + $8, $2 + $3 + $4 + $5 + $6 + $7 + $8 + $9 }' /proc/stat; }

# How busy everybody else kept the machine since $began: the tools use every CPU, some peers one, so load raises ratios.
say_others() {
	times >"$dir/times"
	{ echo "$began"; cpu_ticks; tr 'ms' '  ' <"$dir/times"; getconf CLK_TCK; } | awk '
		NR == 1 { busy = -$1; all = -$2 }
		NR == 2 { busy += $1; all += $2 }
		NR > 2 && NF == 4 { own += $1 * 60 + $2 + $3 * 60 + $4 }
		NR > 2 && NF == 1 { others = 100 * (busy - own * $1) / all }
		END {
			if (others < 0)
				others = 0
			noisy = (others > 10) ? ": measure again when they are quiet" : ""
			printf("other programs used %.0f %% of the CPUs meanwhile%s\n", others, noisy)
		}'
}

# ---- the place

names="convert without SHA-256, convert with SHA-256, memory, same bytes, parameters, verify, inspect, quantize, run"
[ "$(stat -f -c %T "$shm" 2>/dev/null)" = tmpfs ] || {
	echo "skipped, all of it ($names): '$shm' is no tmpfs; FOX_BENCH_DIR names another"
	exit 0
}
free_kb=$(df -Pk "$shm" | awk 'NR == 2 { print $4 }')
ram_kb=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)
[ "$ram_kb" -lt "$free_kb" ] && free_kb=$ram_kb
[ "$free_kb" -ge $((need_gb * 1000000)) ] || {
	echo "skipped, all of it ($names): needs $need_gb GB in '$shm' and in memory, $((free_kb / 1000000)) GB are free"
	exit 0
}
dir=$(mktemp -d "$shm/fox-bench.XXXXXX") || die "cannot make a folder in '$shm'"
src=$dir/src out=$dir/out.gguf out2=$dir/out2.gguf copy=$dir/copy
mkdir "$copy" || die "cannot make a folder in '$dir'"

# ---- the checkpoint

echo "machine: $(nproc) CPUs, $(awk -F': *' '/^model name/ { print $2; exit }' /proc/cpuinfo); load $(cut -d' ' -f1 /proc/loadavg)"
run "$gen/mkfox1" "$src" "$root/tests/demo/tokenizer.model" >"$dir/params" || die "cannot write the checkpoint"
[ "$(cat "$dir/params")" = 1665271808 ] || die "mkfox1 wrote $(cat "$dir/params") parameters, not Fox-1's 1665271808"
a=model-00001-of-00002.safetensors b=model-00002-of-00002.safetensors
echo "source: $(cat "$src"/*.safetensors | wc -c) bytes of bf16 in 2 shards, 256000 tokens; $rounds rounds, medians"
echo
row "" fox peer value limit ''
began=$(cpu_ticks)

# ---- conversion

cp_cmd="cp --reflink=never $src/$a $src/$b $copy/"
cp --reflink=never /dev/null "$copy/x" 2>/dev/null || cp_cmd="cp $src/$a $src/$b $copy/" # a cp that knows no reflinks
writes="-d $out -d $copy/$a -d $copy/$b"
# shellcheck disable=SC2086 # words
{
	time_it -n "$rounds" $writes "$bin/fox-convert" "$src" -o "$out" -t bf16 --no-source-hash -q -- 1.3 $cp_cmd
	judge "convert to bf16, --no-source-hash / cp" "$(seconds $s)" "$(seconds $s1)" "$(ratio $r1)" 1.30
	if command -v openssl >/dev/null; then
		time_it -n "$rounds" $writes "$bin/fox-convert" "$src" -o "$out" -t bf16 -q -- 1.3 $cp_cmd \
			--read 1.15 openssl dgst -sha256 "$src/$a" "$src/$b"
		row "convert to bf16 / cp" "$(seconds $s)" "$(seconds $s1)" "$(ratio $r1)" 1.30 'one of these two:'
		row "convert to bf16 / openssl dgst -sha256" "$(seconds $s)" "$(seconds $s2)" "$(ratio $r2)" 1.15 'next row'
		judge "convert to bf16 / larger of the two limits" "$(seconds $s)" - "$(ratio $share)" 1.00
	else
		skip "convert to bf16 / openssl dgst -sha256" "openssl is not installed"
	fi
	rm -f "$copy/$a" "$copy/$b" "$out"
	for j in 1 2 16; do
		o=$out
		[ $j = 2 ] && o=$out2
		[ $j = 16 ] && rm -f "$out"
		time_it -n 1 -o "$dir/said" "$bin/fox-convert" "$src" -o "$o" -t bf16 -j $j
		judge "convert to bf16, -j $j: maximum RSS, MiB" - - "$(mib $rss)" 256
		if [ $j = 2 ]; then
			same=1
			cmp -s "$out" "$out2" && same=0
			judge "convert to bf16, -j 1 and -j 2: files that differ" - - $same 0
			rm -f "$out2"
		fi
	done
} 2>"$dir/notes" || { cat "$dir/notes" >&2; exit 3; }
params=$(awk '$1 == "parameters" { gsub(",", "", $2); print $2 }' "$dir/said")
off=$((params > 1665271808 ? params - 1665271808 : 1665271808 - params))
judge "parameters printed, off by" "$params" - $off 0

# ---- verification and inspection

if command -v xxhsum >/dev/null; then
	time_it -n "$rounds" "$bin/fox-verify" "$out" -- 1.2 xxhsum -q -H128 "$out"
	judge "verify / xxhsum -H128" "$(seconds $s)" "$(seconds $s1)" "$(ratio $r1)" 1.20
else
	skip "verify / xxhsum -H128" "xxhsum is not installed"
fi
time_it -n 20 "$bin/fox-inspect" "$out"
judge "inspect, ms" - - "$(awk -v s="$s" 'BEGIN { printf "%.1f", s * 1000 }')" 50
time_it -n 1 "$bin/fox-verify" "$out" --source "$src"
told "verify --source" "$(seconds $s)" -
told "verify --source: maximum RSS, MiB" - "$(mib $rss)"

# ---- quantization

# the least that llama-quantize must take for each second of fox-quantize, as the limit of the ratio fox / llama-quantize
limit_of() { case $1 in q4_k_m) echo 0.125 ;; *) echo 0.167 ;; esac; }
q=$dir/q.gguf q2=$dir/q2.gguf
# a peer that copies nothing but bytes: what reading, hashing and writing cost
time_it -n "$rounds" -d "$q" -d "$q2" "$bin/fox-quantize" "$out" copy -o "$q" -q -- 1.3 cp --reflink=never "$out" "$q2"
judge "quantize copy / cp" "$(seconds $s)" "$(seconds $s1)" "$(ratio $r1)" 1.30
rm -f "$q" "$q2"
for t in q8_0 q4_0 q6_k q4_k_m; do
	if [ -n "${LLAMA_QUANTIZE:-}" ]; then
		time_it -n "$rounds" -d "$q" -d "$q2" "$bin/fox-quantize" "$out" $t -o "$q" -q \
			-- "$(limit_of $t)" "$LLAMA_QUANTIZE" "$out" "$q2" $t "$(nproc)" 2>"$dir/llama"
		judge "quantize to $t / llama-quantize" "$(seconds $s)" "$(seconds $s1)" "$(awk -v r="$r1" 'BEGIN { printf "%.3f", r }')" "$(limit_of $t)"
	else
		time_it -n 1 "$bin/fox-quantize" "$out" $t -o "$q" -q
		told "quantize to $t" "$(seconds $s)" -
	fi
	rm -f "$q" "$q2"
done
[ -n "${LLAMA_QUANTIZE:-}" ] || skip "quantize / llama-quantize" "LLAMA_QUANTIZE names none"
time_it -n 1 "$bin/fox-quantize" "$out" q4_0,q4_k_m -o "$dir/q-{type}.gguf" -q
judge "quantize to two types: maximum RSS, MiB" - - "$(mib $rss)" 256
rm -f "$dir"/q-*.gguf

# ---- the run

# tokens a second, from the line of statistics
decode() {
	run "$bin/fox-run" "$1" -p 'The quick brown fox' -n 16 >/dev/null 2>"$dir/stats" || die "fox-run failed: $(cat "$dir/stats")"
	sed -n 's/.*text: [0-9]* tokens, \([0-9.]*\) a second.*/\1/p' "$dir/stats"
}
told "run bf16: tokens a second" - "$(decode "$out")"
rm -f "$out"
time_it -n 1 -o "$dir/said" "$bin/fox-convert" "$src" -o "$out" -t q8_0 -q
told "convert to q8_0" "$(seconds $s)" -
told "convert to q8_0: maximum RSS, MiB" - "$(mib $rss)"
told "run q8_0: tokens a second" - "$(decode "$out")"
echo
say_others
echo "$missed missed, $skipped skipped"
[ $missed = 0 ]
