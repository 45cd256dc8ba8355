# What all of tests/release knows of this tree; read by `.` from its root.
fox_version=$(sed -n 's/^#define FOX_VERSION "\(.*\)"/\1/p' format/base/fox.h)
[ -n "$fox_version" ] || { echo "release: format/base/fox.h has no FOX_VERSION" >&2; exit 3; }

# A checkout of its own, not a folder inside of another project's? One that git will not read is no tarball, but an error.
checkout=
if [ -e .git ]; then
	git rev-parse --git-dir >/dev/null || exit 3
	checkout=yes
fi

# The time that everything made here bears: SOURCE_DATE_EPOCH, else the commit's; without git a file's that came in the tarball.
if [ -n "${SOURCE_DATE_EPOCH:-}" ]; then
	:
elif [ -n "$checkout" ]; then
	SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
else
	SOURCE_DATE_EPOCH=$(stat -c %Y format/base/fox.h)
fi
export SOURCE_DATE_EPOCH
