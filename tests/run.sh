#!/bin/sh
# Run every test of a build: unit and kernel programs, fuzz corpora, command lines, families, house rules; as many at once as
# there are CPUs. Output only of what fails; the last line is "N passed, N failed, N skipped".
# usage: run.sh BUILD CONFIG
# Environment: FOX_TEST_JOBS  how many at once
set -u
build=$1 config=$2
cd "$(dirname "$0")/.." || exit 3
bin=$(cd "$build" && pwd)
# results are the CPU's; kernels/cuda is run by tests/simt, and on a device by make check-gpu
export CUDA_VISIBLE_DEVICES= FOX_ROOT="$PWD" FOX_CONFIG="$config" CMOCKA_MESSAGE_OUTPUT=TAP LC_ALL=C PATH="$bin/bin:$bin/tests/gen:$PATH"

# ---- one job: what it did to stdout, as lines "ok", "FAIL", "skip"; the counts to $tmp/counts
# A program that speaks TAP: its cases are counted; dying without a verdict counts as one failure.
tap() {
	"$1" >"$log" 2>&1
	code=$?
	# some versions of cmocka call a skipped case "ok", some "not ok"
	s=$(grep -c '^\(not \)\?ok [0-9].*# SKIP' "$log")
	p=$(grep '^ok [0-9]' "$log" | grep -vc '# SKIP') f=$(grep '^not ok [0-9]' "$log" | grep -vc '# SKIP')
	[ $code -eq 0 ] || [ "$f" -gt 0 ] || f=1
	[ $((p + s + f)) -gt 0 ] || f=1
	if [ "$f" -gt 0 ]; then
		echo "FAIL  $2: exit $code"
		cat "$log"
	else
		echo "ok    $2: $p"
	fi
	sed -n 's/^SKIP /skip  /p' "$log" # the tests say why themselves
}

# A program or script that prints such lines itself; printing none is a failure.
lines() {
	"$@" >"$log" 2>&1
	p=$(grep -c '^ok ' "$log") f=$(grep -c '^FAIL ' "$log") s=$(grep -c '^skip ' "$log")
	[ $((p + s + f)) -gt 0 ] || { f=1 && echo "FAIL  $*"; }
	cat "$log"
}

corpus() {
	p=0 f=0
	if "$build/tests/fuzz/fuzz_$1" tests/fuzz/corpus/"$1"/* >"$log" 2>&1; then
		p=1
		echo "ok    fuzz/$1: $(ls tests/fuzz/corpus/"$1" | wc -l) inputs"
	else
		f=1
		echo "FAIL  fuzz/$1"
		cat "$log"
	fi
}

lint() {
	p=0 f=0
	if tests/lint.sh "$build" >"$log" 2>&1; then
		p=1
		echo "ok    lint"
	else
		f=1
		echo "FAIL  lint"
	fi
	grep -v '^lint: clean' "$log"
}

if [ $# -gt 2 ]; then
	tmp=$3 kind=$4 name=$5 s=0
	export TMPDIR="$tmp/$kind-$(basename "$name")"
	mkdir "$TMPDIR" && log=$TMPDIR/log || exit 3
	case $kind in
	unit) tap "$build/tests/$name" "$name" ;;
	simt) tap "$build/simt/$name" "simt/$name" ;;
	fuzz) corpus "$name" ;;
	cli) lines tests/cli/run.sh "tests/cli/$name" ;;
	family) lines tests/families.sh "$bin/bin" "$name" ;;
	cuda) FOX_BACKEND=cuda lines tests/families.sh "$bin/simt/bin" "$name" ;; # by the CUDA backend, its kernels on this CPU
	lint) lint ;;
	esac >"$TMPDIR.said"
	echo "$p $f $s" >>"$tmp/counts"
	cat "$TMPDIR.said" # whole, so that jobs do not mix
	rm -rf "$TMPDIR"
	exit 0
fi

# ---- the list of jobs, long ones first
tmp=$(mktemp -d) || exit 3
trap 'rm -rf "$tmp"' EXIT INT TERM
{
	for t in "$build"/simt/check_* "$build"/simt/t_cuda; do
		case $t in *.o|*.d) continue ;; esac
		[ -f "$t" ] && echo "simt ${t##*/}"
	done
	for t in "$build"/tests/kernels/check_* "$build"/tests/unit/t_*; do
		case $t in *.o|*.d) continue ;; esac
		t=${t#"$build"/tests/}
		[ -f "tests/$t.c" ] && [ -f "$build/tests/$t" ] && echo "unit $t"
	done
	for t in tests/cli/[!r]*.sh; do echo "cli ${t##*/}"; done
	for t in tests/families/*/model.safetensors; do
		t=${t%/*}
		echo "family ${t##*/}"
		[ "$config" = release ] && [ -x "$bin/simt/bin/fox-verify" ] && echo "cuda ${t##*/}"
	done
	for t in tests/fuzz/fuzz_*.c; do
		t=${t##*/fuzz_}
		echo "fuzz ${t%.c}"
	done
	[ "$config" = release ] && echo "lint tree"
} >"$tmp/jobs"
: >"$tmp/counts"
xargs -P "${FOX_TEST_JOBS:-$(nproc)}" -L 1 tests/run.sh "$build" "$config" "$tmp" <"$tmp/jobs"
[ "$(wc -l <"$tmp/counts")" -eq "$(wc -l <"$tmp/jobs")" ] || echo "FAIL  a test did not come to its end" >"$tmp/lost"
awk -v lost="$([ -f "$tmp/lost" ] && echo 1 || echo 0)" '{p += $1; f += $2; s += $3} END {print p + 0, f + lost, s + 0}' "$tmp/counts" >"$build/tests.count"
[ -f "$tmp/lost" ] && cat "$tmp/lost"
read -r pass fail skip <"$build/tests.count"
echo "$pass passed, $fail failed, $skip skipped"
[ "$fail" -eq 0 ]
