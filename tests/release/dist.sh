#!/bin/sh
# The source as fox-VERSION.tar.gz: equal trees give equal bytes. In a checkout what git knows is packed, as it lies there;
# elsewhere (an unpacked tarball) everything but what a build makes.  usage: dist.sh FOLDER, from the root
set -eu
. tests/release/facts.sh
name=fox-$fox_version
mkdir -p "$1"
out=$1/$name.tar.gz
list() {
	if [ -n "$checkout" ]; then
		git ls-files -z
	else
		find . \( -path ./build -o -path ./.git -o -name __pycache__ \) -prune -o ! -path ./config.mk ! -name '*.part' \
			\( -type f -o -type l \) -printf '%P\0'
	fi | LC_ALL=C sort -z
}
list | LC_ALL=C tar --null --no-recursion --verbatim-files-from -T - --format=ustar --owner=0 --group=0 --numeric-owner \
	--mtime="@$SOURCE_DATE_EPOCH" --mode=u=rwX,go=rX --transform "s,^,$name/,S" -cf "$out.tmp.tar"
gzip -n <"$out.tmp.tar" >"$out.tmp"
rm "$out.tmp.tar"
mv "$out.tmp" "$out"
echo "$out"
