#!/bin/sh
# The whole path on the embedded checkpoint: convert, quantize, inspect, verify, run. Stops at the first thing that fails.
# usage: demo.sh BINDIR
set -eu
bin=$1
cd "$(dirname "$0")/.."
out=${bin%/bin}/demo
mkdir -p "$out"
step() {
	printf '\n$ %s\n' "$*"
	tool=$1
	shift
	"$bin/$tool" "$@"
}
step fox-convert tests/demo --name "Fox demo" -o "$out/{type}.gguf" --force
step fox-convert tests/demo --name "Fox demo" -t q8_0 -o "$out/{type}.gguf" --force --quiet
step fox-quantize "$out/bf16.gguf" q4_k_m -o "$out/{type}.gguf" --force
step fox-inspect "$out/bf16.gguf"
step fox-verify "$out/bf16.gguf" --source tests/demo --reference tests/demo/reference.npz
step fox-verify "$out/q8_0.gguf" --source tests/demo --reference tests/demo/reference.npz --quiet
step fox-run "$out/bf16.gguf" -p "HACKER, n." -n 96 --temp 0.7 --top-p 0.9 --seed 3
step fox-run "$out/q4_k_m.gguf" -p "HACKER, n." -n 32 --temp 0.7 --top-p 0.9 --seed 3
printf '\n\nThe demo checkpoint is one file now, proven and running: %s\n' "$out/bf16.gguf"
