#!/bin/sh
# Two Debian packages, fox (tools) and libfox-dev (library), by dpkg-deb alone: equal builds give equal bytes.
# usage: deb.sh BUILD FOLDER, from the root; the environment of install.sh; MAINTAINER: who answers for the packages;
# DEB_COMPRESS: options of dpkg-deb
set -eu
umask 022
build=$1 folder=$2
command -v dpkg-deb >/dev/null || { echo "deb: dpkg-deb is missing: packages are made on Debian and what descends from it" >&2; exit 3; }
. tests/release/facts.sh
export DPKG_DEB_THREADS_MAX=1 LC_ALL=C TZ=UTC0 # more threads would cut the archive elsewhere
: "${MAINTAINER:=fox maintainers <maintainers@fox.invalid>}"
arch=$(dpkg --print-architecture)
multi=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || ${CC:-cc} -dumpmachine)
mkdir -p "$folder"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

owners() { # the packages that these files are from, as a list for Depends
	for f; do dpkg-query -S "$(realpath "$f")" 2>/dev/null | head -1 | sed 's/:.*//'; done | sort -u | sed ':a;N;$!ba;s/\n/, /g'
}

tool_needs() { # shared libraries of the tools, with versions where dpkg-shlibdeps is there
	if command -v dpkg-shlibdeps >/dev/null; then
		printf 'Source: fox\n\nPackage: fox\nArchitecture: any\n' >"$tmp/debian/control" # the layout that it wants
		mkdir -p "$tmp/debian/fox/DEBIAN"
		(cd "$tmp" && dpkg-shlibdeps -O debian/fox/usr/bin/*) | sed -n 's/^shlibs:Depends=//p'
	else
		owners $(ldd "$tmp"/debian/fox/usr/bin/* | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | sort -u)
	fi
}

library_needs() { # development packages: those that hold the .pc files which fox.pc requires
	set --
	for d in $PC_REQUIRES; do set -- "$@" "$(pkg-config --variable=pcfiledir "$d")/$d.pc"; done
	owners "$@"
}

# finish PACKAGE SECTION DEPENDS SUMMARY: what every package holds, then the package
finish() {
	root=$tmp/debian/$1 doc=$tmp/debian/$1/usr/share/doc/$1
	mkdir -p "$root/DEBIAN" "$doc"
	{
		printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: fox\n\n'
		printf 'Files: *\nCopyright: %s the authors of fox\nLicense: Apache-2.0\n' "$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y)"
		printf ' On Debian systems the text of the Apache License 2.0 is in /usr/share/common-licenses/Apache-2.0.\n'
	} >"$doc/copyright"
	printf 'fox (%s) unstable; urgency=medium\n\n  * Release %s.\n\n -- %s  %s\n' "$fox_version" "$fox_version" "$MAINTAINER" \
		"$(date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$doc/changelog.gz"
	cat >"$root/DEBIAN/control" <<-END
		Package: $1
		Source: fox
		Version: $fox_version
		Architecture: $arch
		Maintainer: $MAINTAINER
		Installed-Size: $(du -k -s --apparent-size "$root" | cut -f1)
		Depends: $3
		Section: $2
		Priority: optional
		Description: $4
		 fox turns a checkpoint of Hugging Face into one GGUF file, quantizes and
		 packages it, shows what is in it, proves that it still is the model that it
		 came from, and runs it on the CPU or a CUDA device.
	END
	(cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$tmp/md5sums"
	mv "$tmp/md5sums" "$root/DEBIAN/md5sums"
	find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
	dpkg-deb --root-owner-group ${DEB_COMPRESS:--Zxz} -b "$root" "$folder/$1_${fox_version}_$arch.deb" >/dev/null
	echo "$folder/$1_${fox_version}_$arch.deb"
}

export PREFIX=/usr STRIP=1 LIBDIR="/usr/lib/$multi" BINDIR= INCLUDEDIR= DATADIR= MANDIR= DOCDIR= PKGCONFIGDIR= \
	BASHCOMPDIR= ZSHCOMPDIR=/usr/share/zsh/vendor-completions FISHCOMPDIR=
DESTDIR=$tmp/debian/fox tests/release/install.sh install "$build" tools
DESTDIR=$tmp/debian/libfox-dev tests/release/install.sh install "$build" library
strip --strip-unneeded -R .comment "$tmp"/debian/fox/usr/bin/*
gzip -9n "$tmp"/debian/fox/usr/share/man/man1/*.1
rm "$tmp/debian/fox/usr/share/doc/fox/LICENSE" # the copyright file says it
finish fox science "$(tool_needs)" "convert, inspect, prove and run language models in GGUF files"
finish libfox-dev libdevel "$(library_needs)" "library of fox: models in GGUF files, static"
