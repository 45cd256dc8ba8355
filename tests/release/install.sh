#!/bin/sh
# Install the tools (with man pages and completions) and the library (with headers and fox.pc), or take them away again: one
# list of files serves both.  usage: install.sh install|uninstall BUILD [tools|library], from the root
# in the environment: DESTDIR, PREFIX and the folders below; BINS, the tools built; PC_REQUIRES and PC_LIBS, what libfox needs
set -eu
umask 022
action=$1 build=$2 part=${3:-all}
. tests/release/facts.sh
DESTDIR=${DESTDIR:-}
: "${PREFIX:=/usr/local}"
: "${BINDIR:=$PREFIX/bin}" "${LIBDIR:=$PREFIX/lib}" "${INCLUDEDIR:=$PREFIX/include}" "${DATADIR:=$PREFIX/share}"
: "${MANDIR:=$DATADIR/man}" "${DOCDIR:=$DATADIR/doc/fox}" "${PKGCONFIGDIR:=$LIBDIR/pkgconfig}"
: "${BASHCOMPDIR:=$DATADIR/bash-completion/completions}" "${ZSHCOMPDIR:=$DATADIR/zsh/site-functions}"
: "${FISHCOMPDIR:=$DATADIR/fish/vendor_completions.d}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# put FILE DESTINATION [MODE]
put() {
	if [ "$action" = uninstall ]; then
		rm -f "$DESTDIR$2"
	else
		mkdir -p "$(dirname "$DESTDIR$2")"
		install -m "${3:-644}" "$1" "$DESTDIR$2"
	fi
}

# make KIND TOOL: the tool's page or completion in $tmp/out, which uninstalling does without
make_doc() {
	[ "$action" = uninstall ] || "$build/bin/$2" --generate "$1" $names >"$tmp/out"
}

tools() {
	names=
	for t in $BINS; do names="$names ${t##*/}"; done
	for t in $names; do
		put "$build/bin/$t" "$BINDIR/$t" 755
		make_doc man "$t"
		put "$tmp/out" "$MANDIR/man1/$t.1"
		make_doc bash "$t"
		put "$tmp/out" "$BASHCOMPDIR/$t"
		make_doc zsh "$t"
		put "$tmp/out" "$ZSHCOMPDIR/_$t"
		make_doc fish "$t"
		put "$tmp/out" "$FISHCOMPDIR/$t.fish"
	done
	for f in README.md LICENSE spec/*.md; do put "$f" "$DOCDIR/$f"; done
}

# One archive of what the build keeps in two. Names that its files share among themselves and that do not begin with fox_ are
# put under fox_in_, so that a program may use them.
make_archive() {
	printf 'CREATE %s\nADDLIB %s\nADDLIB %s\nSAVE\nEND\n' "$tmp/libfox.a" "$build/libfox.a" "$CULIB" | ar -M
	nm -g --defined-only "$build/libfox.a" 2>/dev/null | awk 'NF == 3 && $3 !~ /^(fox_|_|\.)/ {print $3, "fox_in_" $3}' | sort -u >"$tmp/names"
	objcopy -D --redefine-syms="$tmp/names" "$tmp/libfox.a"
	[ -z "${STRIP:-}" ] || strip -D --strip-debug "$tmp/libfox.a"
	ranlib -D "$tmp/libfox.a"
}

# There is only a static library, so what it needs is needed by who links it: Requires and Libs, not their .private forms.
make_pc() {
	# blanks and quotes in a path: pkg-config would take them for the shell's
	escaped() { printf '%s\n' "$1" | sed "s/[\\\\ \"']/\\\\&/g"; }
	rel() { case $1 in "$PREFIX"/*) echo "\${prefix}$(escaped "${1#"$PREFIX"}")" ;; *) escaped "$1" ;; esac }
	cat <<-END
		prefix=$(escaped "$PREFIX")
		libdir=$(rel "$LIBDIR")
		includedir=$(rel "$INCLUDEDIR")

		Name: fox
		Description: reads, writes, quantizes and runs models in GGUF files
		Version: $fox_version
		${PC_REQUIRES:+Requires: $PC_REQUIRES}
		Libs: -L\${libdir} -lfox $PC_LIBS
		Cflags: -I\${includedir}/fox
	END
}

library() {
	if [ "$action" = install ]; then
		make_archive
		make_pc | sed '/^$/{N;/\n$/D}' >"$tmp/fox.pc"
	fi
	put "$tmp/libfox.a" "$LIBDIR/libfox.a"
	put "$tmp/fox.pc" "$PKGCONFIGDIR/fox.pc"
	for f in $(tests/release/public.sh); do put "$f" "$INCLUDEDIR/fox/$f"; done
}

case $part in
tools) tools ;;
library) library ;;
all) tools && library ;;
esac
if [ "$action" = uninstall ]; then # the folders that are fox's own, if nobody put a thing into them
	for d in "$DESTDIR$INCLUDEDIR/fox" "$DESTDIR$DOCDIR"; do
		[ ! -d "$d" ] || find "$d" -depth -type d -empty -delete
	done
fi
