#!/bin/sh
# Everything that can be checked on a real CUDA device: kernels against sums in double, whole models against the CPU, every
# family against its float64 reference, in exact and in fast arithmetic; then the kernels again under compute-sanitizer.
# usage: check_gpu.sh BUILD      after `make gpu-tests bins`; `make check-gpu` does both
# Environment: FOX_SANITIZER=0   leaves compute-sanitizer out
# Exit: 0 all is well, 1 something is not, 77 there is no device.
set -u
[ $# = 1 ] || { echo "usage: check_gpu.sh BUILD" >&2; exit 2; }
build=$1 bad=0
cd "$(dirname "$0")/.." || exit 3
tmp=$(mktemp -d) || exit 3
trap 'rm -rf "$tmp"' EXIT INT TERM
export TMPDIR="$tmp" LC_ALL=C

"$build/bin/fox-run" --version | grep '^cuda: '
"$build/bin/fox-run" --version | grep -q '^cuda: none' && { echo "check-gpu: skipped, there is no CUDA device"; exit 77; }

fail() {
	echo "FAIL  $1"
	cat "$tmp/log"
	bad=1
}

# ---- kernels and models
for t in "$build"/gpu/check_*; do
	case $t in *.o|*.d) continue ;; esac
	name=gpu/${t##*/}
	if "$t" >"$tmp/log" 2>&1; then echo "ok    $name: $(grep -c ' OK ' "$tmp/log")"; else fail "$name"; fi
done

# ---- families: exact, with the operation that is off named where one is; then fast
FOX_BACKEND=cuda tests/families.sh "$build/bin" || bad=1

# ---- the demo speaks as on the CPU, and says the same twice
"$build/bin/fox-convert" -q tests/demo -o "$tmp/m.gguf" -t bf16 >/dev/null || exit 3
for mode in exact fast; do
	say() { "$build/bin/fox-run" "$tmp/m.gguf" --mode $mode -p 'HACKER, n.' -n 64 --ids -q "$@"; }
	say --backend cpu >"$tmp/cpu" && say --backend cuda >"$tmp/cuda" && say --backend cuda >"$tmp/again" 2>"$tmp/log"
	if cmp "$tmp/cuda" "$tmp/again" >>"$tmp/log" 2>&1; then echo "ok    demo: $mode repeats"; else fail "demo: $mode does not repeat"; fi
	if cmp "$tmp/cpu" "$tmp/cuda" >"$tmp/log" 2>&1; then echo "ok    demo: $mode says what the CPU says"
	elif [ $mode = exact ]; then fail "demo: exact differs from the CPU"
	else echo "note  demo: fast takes another turn than the CPU's: $(cat "$tmp/log")"; fi
done

# ---- under the sanitizer: memory of kernels and models, races of kernels
sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null)
if [ "${FOX_SANITIZER:-1}" = 0 ] || [ -z "$sanitizer" ]; then
	echo "skip  compute-sanitizer: $([ -z "$sanitizer" ] && echo "not found" || echo "FOX_SANITIZER=0")"
else
	for tool in memcheck racecheck; do
		for t in "$build"/gpu/check_*; do
			case $t in *.o|*.d|*/check_model) continue ;; esac
			name=$tool/${t##*/}
			if timeout 600 "$sanitizer" --tool $tool --error-exitcode 9 "$t" >"$tmp/log" 2>&1; then echo "ok    $name"; else fail "$name"; fi
		done
	done
	t=$build/gpu/check_model
	if timeout 600 "$sanitizer" --tool memcheck --error-exitcode 9 "$t" >"$tmp/log" 2>&1; then echo "ok    memcheck/check_model"; else fail memcheck/check_model; fi
fi
[ $bad = 0 ] && echo "check-gpu: all is well"
exit $bad
