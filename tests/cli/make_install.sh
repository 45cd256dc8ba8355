# make install into a folder of its own; a program that is compiled against it; make uninstall.
command -v pkg-config >/dev/null || { echo "skip: no pkg-config"; exit 77; }
[ "$FOX_CONFIG" = release ] || { echo "skip: a build for tests is not installed"; exit 77; }
build=$(cd "$(dirname "$(command -v fox-run)")/.." && pwd)
unset MAKEFLAGS MFLAGS MAKELEVEL
make_release() { # without building anything
	make -C "$FOX_ROOT" --no-print-directory -o all B="$build" PREFIX=/opt/fox DESTDIR="$PWD/stage" "$@" || echo "make $*: exit $?"
}
make_release install
at=$PWD/stage/opt/fox
for tool in "$build"/bin/fox-*; do
	t=${tool##*/}
	cmp "$tool" "$at/bin/$t"
	[ -x "$at/bin/$t" ] || echo "$t is not executable"
	"$at/bin/$t" --help >/dev/null || echo "$t: exit $?"
	[ -s "$at/share/bash-completion/completions/$t" ] || echo "$t: no bash completion"
	[ -s "$at/share/zsh/site-functions/_$t" ] || echo "$t: no zsh completion"
	[ -s "$at/share/fish/vendor_completions.d/$t.fish" ] || echo "$t: no fish completion"
	grep -q '^\.SH "SEE ALSO"' "$at/share/man/man1/$t.1" || echo "$t: no man page, or one that knows no other"
done
[ -s "$at/share/doc/fox/LICENSE" ] && [ -s "$at/share/doc/fox/spec/cli.md" ] || echo "no documents"

echo "== library"
export PKG_CONFIG_PATH="$at/lib/pkgconfig"
pkg() { pkg-config --define-variable=prefix="$at" "$@" fox; }
[ "$(pkg-config --modversion fox)" = "$(fox-run --version | sed -n '1s/.* //p')" ] || echo "fox.pc has another version"
pkg-config --cflags fox | grep -q -- '-I/opt/fox/include/fox' || echo "fox.pc does not know where it is"
nm -g --defined-only "$at/lib/libfox.a" 2>/dev/null | awk 'NF == 3 && $3 !~ /^(fox_|_|\.|DW\.)/ {print "outside of fox_: " $3}' | head -5
# public headers need no others, and the private ones stay at home
(cd "$at/include/fox" && find . -name '*.h' | sed 's,^\./\(.*\),#include "\1",' | LC_ALL=C sort -r) >all.c
[ "$(wc -l <all.c)" -gt 20 ] || echo "few headers"
${CC:-cc} -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only $(pkg --cflags) all.c || echo "headers: exit $?"
grep -E 'gguf_writer|_in\.h|opt_doc' all.c
cp "$FOX_ROOT/tests/release/consumer.c" .
${CC:-cc} -std=c11 -Wall -Wextra -Werror consumer.c $(pkg --cflags --libs) -o consumer || echo "consumer: exit $?"
fox-convert "$FOX_ROOT/tests/demo" -q -o demo.gguf >/dev/null
./consumer demo.gguf 'Once upon a time' 8 >ids
fox-run demo.gguf -q -p 'Once upon a time' -n 8 --ids --mode exact --backend cpu | cmp - ids && echo "$(wc -l <ids) ids as fox-run's"

# a prefix with a blank and a quote: what pkg-config prints is for the shell to read
odd="/opt/a fox's"
make_release PREFIX="$odd" DESTDIR="$PWD/odd" install
eval "set -- $(PKG_CONFIG_PATH="$PWD/odd$odd/lib/pkgconfig" pkg-config --cflags fox)"
printf '%s\n' "$@" | grep -Fqx -- "-I$odd/include/fox" || echo "fox.pc is split at blanks: $*"
make_release PREFIX="$odd" DESTDIR="$PWD/odd" uninstall
find odd -type f

echo "== uninstall"
touch "$at/share/doc/fox/mine"
make_release uninstall
find stage -type f | sort
