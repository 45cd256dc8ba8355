#!/bin/sh
# Run every test of a build: unit and kernel programs, fuzz corpora, command lines, house rules. Output only of what fails;
# the last line is "N passed, N failed, N skipped".  usage: run.sh BUILD CONFIG
set -u
build=$1 config=$2
cd "$(dirname "$0")/.." || exit 3
bin=$(cd "$build" && pwd)
tmp=$(mktemp -d) || exit 3
trap 'rm -rf "$tmp"' EXIT INT TERM
# results are the CPU's; kernels/cuda is run by tests/simt, and on a device by make check-gpu
export CUDA_VISIBLE_DEVICES=
export TMPDIR="$tmp" FOX_ROOT="$PWD" CMOCKA_MESSAGE_OUTPUT=TAP LC_ALL=C
pass=0 fail=0 skip=0

# A program that speaks TAP: its cases are counted; dying without a verdict counts as one failure.
tap() {
	name=${1#"$build"/} name=${name#tests/}
	log=$tmp/log
	"$@" >"$log" 2>&1
	code=$?
	# some versions of cmocka call a skipped case "ok", some "not ok"
	s=$(grep -c '^\(not \)\?ok [0-9].*# SKIP' "$log")
	p=$(grep '^ok [0-9]' "$log" | grep -vc '# SKIP') f=$(grep '^not ok [0-9]' "$log" | grep -vc '# SKIP')
	[ $code -eq 0 ] || [ "$f" -gt 0 ] || f=1
	[ $((p + s + f)) -gt 0 ] || f=1
	pass=$((pass + p)) fail=$((fail + f)) skip=$((skip + s))
	if [ "$f" -gt 0 ]; then
		echo "FAIL  $name: exit $code"
		cat "$log"
	else
		echo "ok    $name: $p"
	fi
	sed -n 's/^SKIP /skip  /p' "$log" # the tests say why themselves
}

for t in "$build"/tests/unit/t_* "$build"/tests/kernels/check_*; do
	case $t in *.o|*.d) continue ;; esac
	[ -f "$t" ] && [ -f "tests/${t#"$build"/tests/}.c" ] && tap "$t"
done

# the CUDA kernels, compiled for this CPU by tests/simt
for t in "$build"/simt/check_* "$build"/simt/t_cuda; do
	case $t in *.o|*.d) continue ;; esac
	[ -f "$t" ] && tap "$t"
done

for f in "$build"/tests/fuzz/fuzz_*; do
	case $f in *.o|*.d) continue ;; esac
	noun=${f##*/fuzz_}
	[ -f "tests/fuzz/fuzz_$noun.c" ] || continue
	if [ -d "tests/fuzz/corpus/$noun" ] && "$f" tests/fuzz/corpus/"$noun"/* >"$tmp/log" 2>&1; then
		pass=$((pass + 1))
		echo "ok    fuzz/$noun: $(ls tests/fuzz/corpus/"$noun" | wc -l) inputs"
	else
		fail=$((fail + 1))
		echo "FAIL  fuzz/$noun"
		cat "$tmp/log"
	fi
done

PATH="$bin/bin:$bin/tests/gen:$PATH" FOX_CONFIG="$config" tests/cli/run.sh >"$tmp/cli" 2>&1
pass=$((pass + $(grep -c '^ok ' "$tmp/cli"))) fail=$((fail + $(grep -c '^FAIL ' "$tmp/cli"))) skip=$((skip + $(grep -c '^skip ' "$tmp/cli")))
cat "$tmp/cli"

tests/families.sh "$bin/bin" >"$tmp/families" 2>&1
pass=$((pass + $(grep -c '^ok ' "$tmp/families"))) fail=$((fail + $(grep -c '^FAIL ' "$tmp/families")))
cat "$tmp/families"

if [ "$config" = release ]; then
	if tests/lint.sh "$build" >"$tmp/log" 2>&1; then
		pass=$((pass + 1))
		echo "ok    lint"
	else
		fail=$((fail + 1))
		echo "FAIL  lint"
	fi
	grep -v '^lint: clean' "$tmp/log"
fi
echo "$pass $fail $skip" >"$build/tests.count"
echo "$pass passed, $fail failed, $skip skipped"
[ $fail -eq 0 ]
