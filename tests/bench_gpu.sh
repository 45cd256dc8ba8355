#!/bin/sh
# What a CUDA device makes of Fox-1-1.6B's exact shape: bf16, Q8_0 and Q4_K_M, prompts and decoding at several depths, in per cent
# of what the device's own copies move. Prints fox-bench's table. Under 8 minutes on a machine with 16 CPUs.
# usage: bench_gpu.sh BUILD      BUILD/bin has the tools, BUILD/tests/gen mkfox1
# Environment: FOX_BENCH_DIR     another tmpfs than /dev/shm
# Exit: 0 measured, 77 there is no device (or no room, by name), 3 it could not be measured.
set -u
[ $# = 1 ] || { echo "usage: bench_gpu.sh BUILD" >&2; exit 2; }
bin=$1/bin gen=$1/tests/gen
root=$(cd "$(dirname "$0")/.." && pwd)
name=bench_gpu
. "$root/tests/bench_lib.sh"
"$bin/fox-run" --version | grep '^cuda: '
"$bin/fox-run" --version | grep -q '^cuda: none' && { echo "bench-gpu: skipped, there is no CUDA device"; exit 77; }

take_place 10 "bf16, q8_0, q4_k_m"
say_machine
make_checkpoint "$dir/src"
run "$bin/fox-convert" "$dir/src" -o "$dir/fox-1-bf16.gguf" -t bf16 --no-source-hash -q >/dev/null || die "cannot convert"
rm -rf "$dir/src"
for t in q8_0 q4_k_m; do
	run "$bin/fox-quantize" "$dir/fox-1-bf16.gguf" $t -o "$dir/fox-1-$t.gguf" -q >/dev/null || die "cannot quantize to $t"
done
echo
run "$bin/fox-bench" --backend cuda -p 128,512,2048 -n 128 -d 0,4096 -r 5 -q "$dir"/fox-1-*.gguf || die "fox-bench failed"
echo
echo "# memory: bf16, an f16 cache of 8192 positions and one of 512, batches of 8"
for depth in 8064 384; do
	run "$bin/fox-bench" --backend cuda -b 8 -p 0 -n 128 -d $depth -r 1 -q "$dir/fox-1-bf16.gguf" || die "fox-bench failed"
done
