#!/bin/sh
# CLI tests: NAME.sh runs in an empty directory with the tools on PATH and $FOX_ROOT the repository; its stdout, stderr and
# exit status must equal NAME.out, NAME.err (absent = empty) and NAME.exit (absent = 0). Exit 77 with a line "skip: why" skips.
# usage: run.sh [NAME.sh...]     UPDATE=1 rewrites the expectations
set -u
here=$(cd "$(dirname "$0")" && pwd)
FOX_ROOT=${FOX_ROOT:-$(cd "$here/../.." && pwd)}
export FOX_ROOT LC_ALL=C
[ $# -gt 0 ] || set -- "$here"/[!r]*.sh
tmp=$(mktemp -d) || exit 3
trap 'rm -rf "$tmp"' EXIT
bad=0
for t; do
	t=$(cd "$(dirname "$t")" && pwd)/$(basename "$t")
	name=${t%.sh}
	mkdir "$tmp/w"
	(cd "$tmp/w" && sh "$t") >"$tmp/out" 2>"$tmp/err" </dev/null
	code=$?
	if [ $code = 77 ]; then
		echo "skip  cli/$(basename "$name"): $(grep '^skip: ' "$tmp/out")"
		rm -rf "$tmp/w"
		continue
	fi
	if [ -n "${UPDATE:-}" ]; then
		rm -f "$name.out" "$name.err" "$name.exit"
		[ -s "$tmp/out" ] && cp "$tmp/out" "$name.out"
		[ -s "$tmp/err" ] && cp "$tmp/err" "$name.err"
		[ $code = 0 ] || echo $code >"$name.exit"
	fi
	want=$(cat "$name.exit" 2>/dev/null || echo 0)
	for s in out err; do [ -f "$name.$s" ] && cp "$name.$s" "$tmp/want.$s" || : >"$tmp/want.$s"; done
	if cmp -s "$tmp/out" "$tmp/want.out" && cmp -s "$tmp/err" "$tmp/want.err" && [ "$code" = "$want" ]; then
		echo "ok    cli/$(basename "$name")"
	else
		echo "FAIL  cli/$(basename "$name"): exit $code, want $want"
		bad=1
		diff -u "$tmp/want.out" "$tmp/out"
		diff -u "$tmp/want.err" "$tmp/err"
	fi
	chmod -R u+w "$tmp/w" && rm -rf "$tmp/w"
done
exit $bad
