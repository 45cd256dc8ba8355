#!/bin/sh
# The speed of each tool as ratios against a peer in the same run, on a checkpoint of Fox-1-1.6B's exact shape in tmpfs.
# usage: bench.sh BUILD      BUILD/bin has the tools, BUILD/tests/gen mkfox1 and timeit
# Whole processes are timed, tool and peer in turn; a ratio is the median over the rounds. spec/bench.md says more.
# Environment: FOX_BENCH_DIR     another tmpfs than /dev/shm           FOX_BENCH_ROUNDS  rounds, 5 unless said
#              LLAMA_QUANTIZE    a llama-quantize to compare fox-quantize with, at as many threads
# Exit: 0 every limit is kept (or skipped, by name), 1 one is missed, 3 it could not be measured.
set -u
[ $# = 1 ] || { echo "usage: bench.sh BUILD" >&2; exit 2; }
bin=$1/bin gen=$1/tests/gen
root=$(cd "$(dirname "$0")/.." && pwd)
name=bench
. "$root/tests/bench_lib.sh"
need_gb=11 # source 3.3, two outputs 6.7, and what the tools themselves hold

# ---- the place

names="convert without SHA-256, convert with SHA-256, memory, same bytes, parameters, verify, inspect, quantize, run"
take_place $need_gb "$names"
src=$dir/src out=$dir/out.gguf out2=$dir/out2.gguf copy=$dir/copy
mkdir "$copy" || die "cannot make a folder in '$dir'"

# ---- the checkpoint

say_machine
make_checkpoint "$src"
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

q=$dir/q.gguf q2=$dir/q2.gguf
# a peer that copies nothing but bytes: what reading, hashing and writing cost
time_it -n "$rounds" -d "$q" -d "$q2" "$bin/fox-quantize" "$out" copy -o "$q" -q -- 1.3 cp --reflink=never "$out" "$q2"
judge "quantize copy / cp" "$(seconds $s)" "$(seconds $s1)" "$(ratio $r1)" 1.30
rm -f "$q" "$q2"
quantize_rows "$out" q8_0 q4_0 q6_k q4_k_m
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
