#!/bin/sh
# Install what building and testing need, where it is missing: by apt as root or through sudo -n, else say what to type.
# usage: setup.sh PKGCONFIG_NAME...
#        setup.sh --peers COMMAND...   programs that tests compare with: without one its tests are skipped, which is told once
set -u
missing= peers=
[ "${1:-}" != --peers ] || peers=build/peers.tried
for name; do
	if [ -n "$peers" ]; then
		[ "$name" = --peers ] || command -v "$name" >/dev/null || case $name in
		xz) missing="$missing xz-utils" ;;
		ssh-keygen) missing="$missing openssh-client" ;;
		bsdtar) missing="$missing libarchive-tools" ;;
		dpkg-deb) missing="$missing dpkg" ;;
		*) missing="$missing $name" ;;
		esac
		continue
	fi
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
if [ -z "$peers" ]; then
	command -v pkg-config >/dev/null || missing="$missing pkg-config"
	command -v "${CC:-cc}" >/dev/null || missing="$missing gcc libc6-dev"
	command -v "${CXX:-g++}" >/dev/null || missing="$missing g++" # compiles kernels/cuda for the CPU, to test it
elif [ -n "$missing" ]; then
	[ ! -e "$peers" ] || exit 0 # not again at every run
	mkdir -p build && : >"$peers"
fi
[ -n "$missing" ] || exit 0
cmd="apt-get install -y --no-install-recommends$missing"
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
	sudo=
elif command -v apt-get >/dev/null && sudo -n true 2>/dev/null; then
	sudo=sudo
elif [ -n "$peers" ]; then
	echo "setup: without$missing some comparisons are skipped; type: sudo $cmd"
	exit 0
else
	echo "setup: missing:$missing" >&2
	echo "setup: type: sudo $cmd" >&2
	exit 3
fi
echo "setup: installing$missing"
DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND
$sudo ${sudo:+-n} $cmd >/dev/null 2>&1 || { $sudo ${sudo:+-n} apt-get update -q >/dev/null && $sudo ${sudo:+-n} $cmd >/dev/null; } || {
	[ -z "$peers" ] || { echo "setup: that failed: without them some comparisons are skipped" && exit 0; }
	echo "setup: that failed; type: sudo apt-get update && sudo $cmd" >&2
	exit 3
}
