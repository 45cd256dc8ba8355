# Sourced by tests/cli/*_faults*.sh: every call that puts a tool's output down fails once, is cut short, or is the process's
# last. tool: fox-quantize, of in.gguf; fox-pack, its $verb of $in with $more; else fox-convert. writes: numbers of calls. The old file stays whole or the new one is, and nothing else is left but the documented .part after SIGKILL,
# which the next run takes away. mode: empty, or -notmp for a file system without O_TMPFILE.
export ASAN_OPTIONS=detect_leaks=0:"${ASAN_OPTIONS:-}"
convert() {
	case ${tool:-} in
	fox-pack) "$@" fox-pack $verb "$in" ${more:-} -q -f -o out/o.gguf >/dev/null 2>err ;;
	fox-quantize) "$@" fox-quantize in.gguf q8_0 -j 1 -q -f -o out/o.gguf >/dev/null 2>err ;;
	*) "$@" fox-convert "$FOX_ROOT/tests/demo" -t bf16 -j 1 -q -f -o out/o.gguf >/dev/null 2>err ;;
	esac
}

state() {
	cmp -s out/o.gguf old && echo old && return
	cmp -s out/o.gguf new && echo new || echo BROKEN
}

# CALL FAULT NUMBERS: one line per kind of outcome; which of the many writes it was does not matter
each() {
	for n in $3; do
		rm -rf out && mkdir out && cp old out/o.gguf
		convert faulty $mode $1 $2 "$n"
		code=$?
		[ $code = 250 ] && break
		left=$(find out -type f ! -name o.gguf | sed 's/\.[0-9]*\.part$/.PID.part/; s/^out\///')
		echo "$1 $2: exit $code, $(state), $(grep -c . err) lines${left:+, left $left}"
		if [ -n "$left" ]; then
			convert env
			[ "$(ls -A out)" = o.gguf ] && cmp -s out/o.gguf new || echo "not taken away: $(ls -A out)"
		fi
	done | uniq
}

mkdir out
convert faulty $mode write EIO 1
[ $? = 77 ] && echo 'skip: no seccomp notifications here' && exit 77
convert env || exit 3
cp out/o.gguf new
echo 'the old file' >old
for fault in EIO ENOSPC short EINTR kill int; do each write $fault "${writes:-1 2 3 21 40 56 57 58 59 60 61 62 63 64 65 66 67 68}"; done
for call in fsync link rename; do
	for fault in EIO ENOSPC EINTR kill; do each $call $fault '1 2 3'; done
done
# on tmpfs nothing is reserved: only a wrong outcome is printed
for fault in EIO ENOSPC EINTR kill; do
	each reserve $fault 1 | grep -v 'exit 3, old, 1 lines$\|exit 0, new, 0 lines$\|exit 137, old, 0 lines'
done
true
