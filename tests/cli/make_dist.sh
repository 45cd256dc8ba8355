# make dist: the tarball holds the tree, and what is unpacked makes the same tarball and builds.
tar --version 2>/dev/null | grep -q GNU || { echo "skip: no GNU tar"; exit 77; }
[ "$FOX_CONFIG" = release ] || { echo "skip: one configuration is enough"; exit 77; }
unset MAKEFLAGS MFLAGS MAKELEVEL SOURCE_DATE_EPOCH
make -C "$FOX_ROOT" --no-print-directory dist DIST="$PWD" | sed "s,$PWD/,,; s,-[0-9.]*\.tar,-VERSION.tar,"
tar -xzf fox-*.tar.gz
cd fox-*/ || exit
if [ -e "$FOX_ROOT/.git" ]; then # else there is no list to compare
	(cd "$FOX_ROOT" && git ls-files) | LC_ALL=C sort >../want
	find . -type f -o -type l | sed 's,^\./,,' | LC_ALL=C sort | cmp - ../want
fi
tar -tvzf ../fox-*.tar.gz | awk '{print $2}' | sort -u
tar -tvzf ../fox-*.tar.gz | awk '{print $4, $5}' | sort -u | wc -l # one time
mkdir build && touch build/x config.mk left.part # what a build leaves does not come along
make dist DIST=../again >/dev/null || echo "exit $?"
cmp ../fox-*.tar.gz ../again/fox-*.tar.gz && echo "the same bytes"
rm -r build config.mk left.part
make CUDA=0 SIMT=0 build/release/format/base/err.o && ls build/release/format/base/err.o
make -n CUDA=0 SIMT=0 bins >/dev/null && echo "bins can be made"
