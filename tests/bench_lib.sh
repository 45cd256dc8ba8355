# bench_lib.sh - what bench.sh and bench_peers.sh share: the folder in tmpfs and its end, rows and verdicts, times, the checkpoint.
# Sourced with $bin, $gen, $root and $name set.  Environment: FOX_BENCH_DIR, FOX_BENCH_ROUNDS
export LC_ALL=C
shm=${FOX_BENCH_DIR:-/dev/shm}
rounds=${FOX_BENCH_ROUNDS:-5}
missed=0 skipped=0 dir='' child=''

clean() {
	[ -z "$child" ] || kill "$child" 2>/dev/null
	[ -z "$dir" ] || rm -rf "$dir"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# In the background, so that a signal is acted upon at once and not when the command has ended.
run() {
	"$@" &
	child=$!
	wait "$child"
	code=$?
	child=''
	return $code
}

die() {
	echo "$name: $*" >&2
	exit 3
}

row() { printf '%-48s %10s %10s %10s %7s  %s\n' "$@"; }
told() { row "$1" "$2" - "$3" - ''; }
skip() {
	row "$1" - - - - "skipped: $2"
	skipped=$((skipped + 1))
}
# judge NAME FOX PEER VALUE LIMIT: ok when VALUE <= LIMIT
judge() {
	verdict=$(awk -v v="$4" -v l="$5" 'BEGIN { print v + 0 <= l + 0 ? "ok" : "MISSED" }')
	[ "$verdict" = ok ] || missed=$((missed + 1))
	row "$1" "$2" "$3" "$4" "$5" "$verdict"
}
seconds() { awk -v s="$1" 'BEGIN { if (s < 0.1) printf "%.1f ms", s * 1000; else printf "%.2f s", s }'; }
mib() { awk -v k="$1" 'BEGIN { printf "%.0f", k / 1024 }'; }
ratio() { awk -v r="$1" 'BEGIN { printf "%.2f", r }'; }

# time_it ARGS...: runs timeit; then $s $rss of the command, $s1 $r1 and $s2 $r2 of its peers, and $share
time_it() {
	run "$gen/timeit" "$@" >"$dir/time" || die "a command failed: $*"
	# shellcheck disable=SC2046 # numbers
	set -- $(awk '$1 == "run" { print $2, $3 } $1 == "peer" { print $2, $4 } $1 == "share" { print $2 }' "$dir/time")
	s=$1 rss=$2
	case $# in
	5) s1=$3 r1=$4 share=$5 ;;
	7) s1=$3 r1=$4 s2=$5 r2=$6 share=$7 ;;
	esac
}

# Ticks of all CPUs: busy, all.
cpu_ticks() { awk '$1 == "cpu" { print $2 + $3 + $4 + $7 + $8, $2 + $3 + $4 + $5 + $6 + $7 + $8 + $9 }' /proc/stat; }

# How busy everybody else kept the machine since $began: the tools use every CPU, some peers one, so load raises ratios.
say_others() {
	times >"$dir/times"
	{ echo "$began"; cpu_ticks; tr 'ms' '  ' <"$dir/times"; getconf CLK_TCK; } | awk '
		NR == 1 { busy = -$1; all = -$2 }
		NR == 2 { busy += $1; all += $2 }
		NR > 2 && NF == 4 { own += $1 * 60 + $2 + $3 * 60 + $4 }
		NR > 2 && NF == 1 { others = 100 * (busy - own * $1) / all }
		END {
			if (others < 0)
				others = 0
			noisy = (others > 10) ? ": measure again when they are quiet" : ""
			printf("other programs used %.0f %% of the CPUs meanwhile%s\n", others, noisy)
		}'
}

# take_place GB NAMES: makes $dir; where there is no room, says what of NAMES is skipped, and that is all
take_place() {
	[ "$(stat -f -c %T "$shm" 2>/dev/null)" = tmpfs ] || {
		echo "skipped, all of it ($2): '$shm' is no tmpfs; FOX_BENCH_DIR names another"
		exit 0
	}
	free_kb=$(df -Pk "$shm" | awk 'NR == 2 { print $4 }')
	ram_kb=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)
	[ "$ram_kb" -lt "$free_kb" ] && free_kb=$ram_kb
	[ "$free_kb" -ge $(($1 * 1000000)) ] || {
		echo "skipped, all of it ($2): needs $1 GB in '$shm' and in memory, $((free_kb / 1000000)) GB are free"
		exit 0
	}
	dir=$(mktemp -d "$shm/fox-bench.XXXXXX") || die "cannot make a folder in '$shm'"
}

say_machine() {
	echo "machine: $(nproc) CPUs, $(awk -F': *' '/^model name/ { print $2; exit }' /proc/cpuinfo); load $(cut -d' ' -f1 /proc/loadavg)"
}

# make_checkpoint DIR: Fox-1-1.6B's exact shape
make_checkpoint() {
	run "$gen/mkfox1" "$1" "$root/tests/demo/tokenizer.model" >"$dir/params" || die "cannot write the checkpoint"
	[ "$(cat "$dir/params")" = 1665271808 ] || die "mkfox1 wrote $(cat "$dir/params") parameters, not Fox-1's 1665271808"
}

# the least that llama-quantize must take for each second of fox-quantize, as the limit of the ratio fox / llama-quantize
limit_of() { case $1 in q4_k_m) echo 0.125 ;; *) echo 0.167 ;; esac; }

# quantize_rows FILE TYPE...: fox-quantize, against the llama-quantize that LLAMA_QUANTIZE names
quantize_rows() {
	q=$dir/q.gguf q2=$dir/q2.gguf
	from=$1
	shift
	for t; do
		if [ -n "${LLAMA_QUANTIZE:-}" ]; then
			time_it -n "$rounds" -d "$q" -d "$q2" "$bin/fox-quantize" "$from" $t -o "$q" -q \
				-- "$(limit_of $t)" "$LLAMA_QUANTIZE" "$from" "$q2" $t "$(nproc)" 2>"$dir/llama"
			judge "quantize to $t / llama-quantize" "$(seconds $s)" "$(seconds $s1)" "$(awk -v r="$r1" 'BEGIN { printf "%.3f", r }')" "$(limit_of $t)"
		else
			time_it -n 1 "$bin/fox-quantize" "$from" $t -o "$q" -q
			told "quantize to $t" "$(seconds $s)" -
		fi
		rm -f "$q" "$q2"
	done
	[ -n "${LLAMA_QUANTIZE:-}" ] || skip "quantize / llama-quantize" "LLAMA_QUANTIZE names none"
}
