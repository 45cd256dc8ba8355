# make deb: two packages, whole and in order; the tools run from what is unpacked.
command -v dpkg-deb >/dev/null || { echo "skip: no dpkg-deb"; exit 77; }
[ "$FOX_CONFIG" = release ] || { echo "skip: a build for tests is not packed"; exit 77; }
build=$(cd "$(dirname "$(command -v fox-run)")/.." && pwd)
unset MAKEFLAGS MFLAGS MAKELEVEL
make_deb() {
	DEB_COMPRESS='-Zgzip -z1' make -C "$FOX_ROOT" --no-print-directory -o all B="$build" SOURCE_DATE_EPOCH=1700000000 deb DIST="$PWD/$1" || echo "exit $?"
}
make_deb one | sed "s,.*/,,; s/_[0-9.]*_[a-z0-9]*\./_VERSION_ARCH./"
make_deb two >/dev/null
for f in one/*.deb; do cmp "$f" "two/${f##*/}" && echo "the same bytes"; done
for f in one/*.deb; do
	dpkg-deb -c "$f" | awk '{print $2}' | sort -u
	dpkg-deb -x "$f" tree
	dpkg-deb -e "$f" control
	sed -n 's/^\(Package\|Section\): */\1 /p' control/control
	grep -ow 'libc6\|libarchive-dev' control/control | uniq
	(cd tree && md5sum --quiet -c ../control/md5sums) || echo "md5sums: exit $?"
done
gzip -dc tree/usr/share/man/man1/fox-run.1.gz | grep -c '^\.TH'
find tree -newermt '2023-11-14 22:13:21 UTC' ! -type d | head -3
tree/usr/bin/fox-convert "$FOX_ROOT/tests/demo" -q -o demo.gguf >/dev/null && tree/usr/bin/fox-verify -q demo.gguf && echo "runs"
