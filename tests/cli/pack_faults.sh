# What fox-pack writes is whole or not at all, whatever call fails, is cut short, or is the process's last.
export ASAN_OPTIONS=detect_leaks=0:"${ASAN_OPTIONS:-}"
unset SOURCE_DATE_EPOCH
mkdir in && mkgguf in/tiny.gguf && printf 'The licence.\n' >in/LICENSE && printf 'a\n' >in/a.txt
fox-pack bundle in/tiny.gguf in/a.txt -o m.tar -q >/dev/null
tool() {
	case $verb in
	tar | zip) "$@" fox-pack bundle in/tiny.gguf in/a.txt -j 1 -q -o out/m.$verb >/dev/null 2>err ;;
	oci) "$@" fox-pack oci in/tiny.gguf in/a.txt -j 1 -q -o out/m >/dev/null 2>err ;;
	unpack) "$@" fox-pack unpack m.tar -j 1 -q -o out/m >/dev/null 2>err ;;
	esac
}
state() {
	[ -n "$(ls out)" ] || { echo nothing && return; }
	diff -r out whole-$verb >/dev/null 2>&1 && echo whole || echo BROKEN
}
# CALL FAULT NUMBERS: one line per kind of outcome; which of the calls it was does not matter
each() {
	for n in $3; do
		rm -rf out && mkdir out
		tool faulty $1 $2 "$n"
		code=$?
		[ $code = 250 ] && break
		lines=$(wc -l <err)
		state=$(state)
		left=$(find out -mindepth 1 -maxdepth 1 -name '.*' | sed 's/\.[0-9]*\.part$/.PID.part/; s/^out\///')
		echo "$verb $1 $2: exit $code, $state, $lines lines${left:+, left $left}"
		if [ -n "$left" ]; then
			tool env
			[ "$(ls -A out | wc -l)" = 1 ] && [ "$(state)" = whole ] || echo "not taken away: $(ls -A out)"
		fi
	done | sort -u
}
verb=tar
mkdir out
tool faulty write EIO 1
[ $? = 77 ] && echo 'skip: no seccomp notifications here' && exit 77
for verb in tar zip oci unpack; do
	rm -rf out && mkdir out && tool env || exit 3
	mv out whole-$verb
	# folders are made by name, archives without one where the file system can: what SIGKILL leaves differs
	for fault in ENOSPC short EINTR int; do each write $fault '1 3 6 12'; done
	each fsync EIO '1 2 6 9 10 11 12'
	each rename EIO '1 4 8'
	for fault in ENOSPC EINTR; do
		each reserve $fault '1 3' | grep -v 'exit 3, nothing, 1 lines$\|exit 0, whole, 0 lines$'
	done
	rm -rf out && mkdir out
	(ulimit -f 300 && tool env)
	echo "$verb, files of 150 kB at most: exit $?, $(state), $(wc -l <err) lines, $(ls -A out | wc -l) left"
done
for verb in oci unpack; do
	each write kill '1 3 6'
	each fsync kill '2 8 9 10 11 12'
	each rename kill '1 6'
done
true
