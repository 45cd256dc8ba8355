#!/bin/sh
# The speed of packaging as ratios against cp and tar in the same run, on a container of Fox-1-1.6B's exact shape in tmpfs.
# usage: bench_pack.sh BUILD      BUILD/bin has the tools, BUILD/tests/gen mkfox1 and timeit
# Whole processes are timed, tool and peer in turn; a ratio is the median over the rounds. spec/bench.md says more.
# Environment: FOX_BENCH_DIR     another tmpfs than /dev/shm           FOX_BENCH_ROUNDS  rounds, 5 unless said
# Exit: 0 every limit is kept (or skipped, by name), 1 one is missed, 3 it could not be measured.
set -u
[ $# = 1 ] || { echo "usage: bench_pack.sh BUILD" >&2; exit 2; }
bin=$1/bin gen=$1/tests/gen
root=$(cd "$(dirname "$0")/.." && pwd)
name=bench_pack
. "$root/tests/bench_lib.sh"
take_place 13 "split, merge, bundle, unpack, compress, expand"
model=$dir/m.gguf set=$dir/s one=$dir/one.gguf copy=$dir/copy.gguf
most=256 # MiB resident

say_machine
make_checkpoint "$dir/src"
run "$bin/fox-convert" "$dir/src" -t bf16 -o "$model" -q --no-source-hash >/dev/null || die "cannot convert the checkpoint"
rm -rf "$dir/src"
bytes=$(wc -c <"$model")
echo "model: $bytes bytes of bf16; $rounds rounds, medians"
echo
row "" fox peer value limit ''
began=$(cpu_ticks)

# pace NAME SECONDS LEAST: GB of the model a second, at least LEAST
pace() {
	v=$(awk -v b="$bytes" -v s="$2" 'BEGIN { printf "%.2f", b / s / 1e9 }')
	verdict=$(awk -v v="$v" -v l="$3" 'BEGIN { print (v + 0 >= l + 0) ? "ok" : "MISSED" }')
	[ "$verdict" = ok ] || missed=$((missed + 1))
	row "$1" "$(seconds "$2")" - "$v" "$3" "$verdict"
}

# ---- shards, against cp of as many bytes

mkdir "$set"
shards="-d $set/m-00001-of-00004.gguf -d $set/m-00002-of-00004.gguf -d $set/m-00003-of-00004.gguf -d $set/m-00004-of-00004.gguf"
# shellcheck disable=SC2086 # words
time_it -n "$rounds" $shards -d "$copy" "$bin/fox-pack" split -s 1G "$model" -o "$set/m" -q -- 1.3 cp --reflink=never "$model" "$copy"
judge "split -s 1G / cp" "$(seconds $s)" "$(seconds $s1)" "$(ratio $r1)" 1.30
judge "split: maximum RSS, MiB" - - "$(mib $rss)" $most
rm -f "$copy"
run "$bin/fox-pack" split -s 1G "$model" -o "$set/m" -q >/dev/null || die "split failed"
[ -e "$set/m-00004-of-00004.gguf" ] || die "split made other files: $(ls "$set")"
rm -f "$one"
time_it -n "$rounds" -d "$one" -d "$copy" "$bin/fox-pack" merge "$set/m-00001-of-00004.gguf" -o "$one" -q -- 1.3 cp --reflink=never "$model" "$copy"
judge "merge / cp" "$(seconds $s)" "$(seconds $s1)" "$(ratio $r1)" 1.30
judge "merge: maximum RSS, MiB" - - "$(mib $rss)" $most
same=1
"$bin/fox-pack" merge "$set/m-00001-of-00004.gguf" -o "$one" -q -f >/dev/null && cmp -s "$model" "$one" && same=0
judge "split and merged: files that differ" - - $same 0
rm -rf "$set" "$one" "$copy"

# ---- archives, against tar

tar=$dir/b.tar
time_it -n "$rounds" -d "$tar" -d "$copy" "$bin/fox-pack" bundle "$model" -o "$tar" -q -- 1.5 tar -cf "$copy" -C "$dir" m.gguf
judge "bundle .tar / tar" "$(seconds $s)" "$(seconds $s1)" "$(ratio $r1)" 1.50
judge "bundle .tar: maximum RSS, MiB" - - "$(mib $rss)" $most
rm -f "$copy" "$tar"
run "$bin/fox-pack" bundle "$model" -o "$tar" -q >/dev/null || die "bundle failed"
time_it -n 1 "$bin/fox-pack" unpack "$tar" -o "$dir/u" -q
told "unpack .tar, with every hash" "$(seconds $s)" -
judge "unpack: maximum RSS, MiB" - - "$(mib $rss)" $most
rm -rf "$dir/u" "$tar"

# ---- planes

packed=$dir/m.gguf.foxz
time_it -n "$rounds" -d "$packed" -d "$copy" -o "$dir/said" "$bin/fox-pack" compress "$model" -o "$packed" -j 2 -q -- 2 cp --reflink=never "$model" "$copy"
pace "compress, 2 threads: GB/s" "$s" 0.40
told "compress / cp" "$(seconds $s)" "$(ratio $r1)"
judge "compress: maximum RSS, MiB" - - "$(mib $rss)" $most
judge "compressed / bytes" - - "$(awk '$1 == "ratio" { print $2 }' "$dir/said")" 0.665
rm -f "$copy"
run "$bin/fox-pack" compress "$model" -o "$packed" -j 2 -q -f >/dev/null || die "compress failed"
time_it -n "$rounds" -d "$one" -d "$copy" "$bin/fox-pack" expand "$packed" -o "$one" -j 2 -q -- 2 cp --reflink=never "$model" "$copy"
pace "expand, 2 threads: GB/s" "$s" 0.75
told "expand / cp" "$(seconds $s)" "$(ratio $r1)"
judge "expand: maximum RSS, MiB" - - "$(mib $rss)" $most
rm -f "$copy"
same=1
"$bin/fox-pack" expand "$packed" -o "$one" -q -f >/dev/null && cmp -s "$model" "$one" && same=0
judge "compressed and expanded: files that differ" - - $same 0
echo
say_others
echo "$missed missed, $skipped skipped"
[ $missed = 0 ]
