#!/bin/sh
# Install what building and testing need, where it is missing: by apt as root or through sudo -n, else say what to type.
# usage: setup.sh PKGCONFIG_NAME...
set -u
missing=
for name; do
	pkg-config --exists "$name" 2>/dev/null && continue
	case $name in
	zlib) deb=zlib1g-dev ;;
	libxxhash) deb=libxxhash-dev ;;
	libarchive) deb=libarchive-dev ;;
	jansson) deb=libjansson-dev ;;
	libcrypto) deb=libssl-dev ;;
	libpcre2-8) deb=libpcre2-dev ;;
	libutf8proc) deb=libutf8proc-dev ;;
	cmocka) deb=libcmocka-dev ;;
	*) echo "setup: no Debian package known for '$name'" >&2; exit 3 ;;
	esac
	missing="$missing $deb"
done
command -v pkg-config >/dev/null || missing="$missing pkg-config"
command -v "${CC:-cc}" >/dev/null || missing="$missing gcc libc6-dev"
command -v "${CXX:-g++}" >/dev/null || missing="$missing g++" # compiles kernels/cuda for the CPU, to test it
[ -n "$missing" ] || exit 0
cmd="apt-get install -y --no-install-recommends$missing"
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
	sudo=
elif command -v apt-get >/dev/null && sudo -n true 2>/dev/null; then
	sudo=sudo
else
	echo "setup: missing:$missing" >&2
	echo "setup: type: sudo $cmd" >&2
	exit 3
fi
echo "setup: installing$missing"
DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND
$sudo ${sudo:+-n} $cmd >/dev/null 2>&1 || { $sudo ${sudo:+-n} apt-get update -q >/dev/null && $sudo ${sudo:+-n} $cmd >/dev/null; } || {
	echo "setup: that failed; type: sudo apt-get update && sudo $cmd" >&2
	exit 3
}
