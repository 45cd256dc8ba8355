# lintian finds no error in the package of the tools.
command -v dpkg-deb >/dev/null && command -v lintian >/dev/null || { echo "skip: no dpkg-deb, or no lintian"; exit 77; }
[ "$FOX_CONFIG" = release ] || { echo "skip: a build for tests is not packed"; exit 77; }
build=$(cd "$(dirname "$(command -v fox-run)")/.." && pwd)
unset MAKEFLAGS MFLAGS MAKELEVEL
DEB_COMPRESS='-Zgzip -z1' make -C "$FOX_ROOT" --no-print-directory -o all B="$build" deb DIST="$PWD" >/dev/null || echo "exit $?"
lintian --allow-root --fail-on error fox_*.deb >said 2>&1 || cat said
