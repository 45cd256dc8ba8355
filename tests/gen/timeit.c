/* timeit.c - runs commands in alternation and tells how long each took: the stopwatch of tests/bench.sh.
 *
 *   timeit [-v] [-n ROUNDS] [-d FILE]... [-o FILE] COMMAND... [-- FACTOR PEER... | --read FACTOR PEER...]...
 *
 * A round runs the command, then every peer once, in the order given: what slows the machine for a while slows both.
 * The FILEs of -d are removed before each run, so that everybody writes new files; but not before a peer after --read,
 * which writes nothing: memory that a virtual machine frees and does not use at once may go back to its host, and who
 * comes next would pay for that. Times are wall seconds of the whole process, memory is the kernel's maximum resident
 * set. Standard output of all goes to /dev/null, or the command's own to the FILE of -o; -v says every single time on standard error. Prints one line for the
 * command, one per peer, then one for all:
 *
 *   run SECONDS MAX_RSS_KIB          median over rounds; maximum over rounds
 *   peer SECONDS MAX_RSS_KIB RATIO   RATIO: median over rounds of command / peer
 *   share X                          median over rounds of command / largest(FACTOR x peer): over 1 misses the limit
 *
 * Exit 0; 1 when a command fails (which, is said); 2 usage. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CMDS = 8, MAX_ROUNDS = 100, MAX_FILES = 16 };

struct cmd {
	char **argv;
	double factor;
	bool reads; /* writes nothing */
	double seconds[MAX_ROUNDS];
	long rss_kib;
};

static struct cmd cmds[MAX_CMDS];
static size_t n_cmds, n_rounds = 5, n_files;
static const char *files[MAX_FILES], *output = "/dev/null";
static bool verbose;

static int usage(void)
{
	fprintf(stderr, "usage: timeit [-v] [-n ROUNDS] [-d FILE]... [-o FILE] COMMAND... "
	                "[-- FACTOR PEER... | --read FACTOR PEER...]...\n");
	return 2;
}

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

static void child(const struct cmd *c)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* who stops the stopwatch stops what it measures */
	int fd = open(c == cmds ? output : "/dev/null", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
		_exit(126);
	execvp(c->argv[0], c->argv);
	_exit(127);
}

static int run_once(struct cmd *c, size_t round)
{
	for (size_t i = 0; i < n_files && !c->reads; i++)
		if (unlink(files[i]) && errno != ENOENT)
			fprintf(stderr, "timeit: cannot remove '%s': %s\n", files[i], strerror(errno));
	double start = now_s();
	pid_t pid = fork();
	if (!pid)
		child(c);
	int status = 0;
	struct rusage use;
	while (pid > 0 && wait4(pid, &status, 0, &use) < 0 && errno == EINTR)
		;
	c->seconds[round] = now_s() - start;
	if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status)) {
		fprintf(stderr, "timeit: '%s' failed with wait status %d\n", c->argv[0], status);
		return 1;
	}
	if (verbose)
		fprintf(stderr, "round %zu: %.3f s wall, %.3f s user, %.3f s system: %s\n", round + 1,
		    c->seconds[round], seconds_of(use.ru_utime), seconds_of(use.ru_stime), c->argv[0]);
	if (use.ru_maxrss > c->rss_kib)
		c->rss_kib = use.ru_maxrss;
	return 0;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(const double *v)
{
	double s[MAX_ROUNDS];
	memcpy(s, v, n_rounds * sizeof *s);
	qsort(s, n_rounds, sizeof *s, by_value);
	return n_rounds % 2 ? s[n_rounds / 2] : (s[n_rounds / 2 - 1] + s[n_rounds / 2]) / 2;
}

static void print(void)
{
	double ratio[MAX_ROUNDS], share[MAX_ROUNDS];
	printf("run %.6f %ld\n", median(cmds[0].seconds), cmds[0].rss_kib);
	for (size_t i = 1; i < n_cmds; i++) {
		for (size_t r = 0; r < n_rounds; r++)
			ratio[r] = cmds[0].seconds[r] / cmds[i].seconds[r];
		printf("peer %.6f %ld %.4f\n", median(cmds[i].seconds), cmds[i].rss_kib, median(ratio));
	}
	for (size_t r = 0; r < n_rounds; r++) {
		double limit = 0;
		for (size_t i = 1; i < n_cmds; i++)
			if (cmds[i].factor * cmds[i].seconds[r] > limit)
				limit = cmds[i].factor * cmds[i].seconds[r];
		share[r] = limit > 0 ? cmds[0].seconds[r] / limit : 0;
	}
	if (n_cmds > 1)
		printf("share %.4f\n", median(share));
}

static bool separates(const char *arg)
{
	return !strcmp(arg, "--") || !strcmp(arg, "--read");
}

/* Cut argv at each separator into commands; a peer begins with its factor. */
static int cut(char **arg)
{
	for (bool reads = false;; arg++) {
		struct cmd *c = &cmds[n_cmds];
		char *end = NULL;
		c->reads = reads;
		c->factor = n_cmds && *arg ? strtod(*arg, &end) : 1;
		if (n_cmds && (!*arg || end == *arg || *end || !(c->factor > 0)))
			return usage();
		c->argv = arg + (n_cmds > 0);
		if (!c->argv[0] || separates(c->argv[0]))
			return usage();
		n_cmds++;
		while (*arg && !separates(*arg))
			arg++;
		if (!*arg)
			return 0;
		if (n_cmds == MAX_CMDS)
			return usage();
		reads = strcmp(*arg, "--") != 0;
		*arg = NULL;
	}
}

int main(int argc, char **argv)
{
	for (int opt; (opt = getopt(argc, argv, "+vn:d:o:")) != -1;) {
		if (opt == 'n')
			n_rounds = strtoul(optarg, NULL, 10);
		else if (opt == 'd' && n_files < MAX_FILES)
			files[n_files++] = optarg;
		else if (opt == 'v')
			verbose = true;
		else if (opt == 'o')
			output = optarg;
		else
			return usage();
	}
	if (optind >= argc || n_rounds < 1 || n_rounds > MAX_ROUNDS)
		return usage();
	if (cut(argv + optind))
		return 2;
	for (size_t r = 0; r < n_rounds; r++)
		for (size_t i = 0; i < n_cmds; i++)
			if (run_once(&cmds[i], r))
				return 1;
	print();
	return 0;
}
