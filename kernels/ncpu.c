/* ncpu.c - affinity and cgroup quota. A file that cannot be read means no limit. */
#include "kernels/ncpu.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned fox_cpu_quota(const char *text)
{
	char *end;
	long long quota = strtoll(text, &end, 10);
	if (end == text || quota <= 0)
		return 0; /* "max", or -1 in v1 */
	const char *rest = end;
	long long period = strtoll(rest, &end, 10);
	if (end == rest || period <= 0)
		return 0;
	long long n = quota / period + (quota % period != 0);
	return n > UINT_MAX ? 0 : (unsigned)n;
}

static bool read_line(const char *path, char *out, size_t cap)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return false;
	bool ok = fgets(out, (int)cap, f) != NULL;
	fclose(f);
	return ok;
}

static unsigned smaller(unsigned a, unsigned b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* v2: the tightest cpu.max on the way from our group up to the root of what we see. */
static unsigned quota_v2(char *group)
{
	char path[640], text[96];
	unsigned quota = 0;
	for (;;) {
		snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
		if (read_line(path, text, sizeof text))
			quota = smaller(quota, fox_cpu_quota(text));
		char *slash = strrchr(group, '/');
		if (!slash)
			return quota;
		*slash = 0;
	}
}

static unsigned quota_v1(void)
{
	char quota[48], period[40], both[96];
	if (!read_line("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", quota, sizeof quota) ||
	    !read_line("/sys/fs/cgroup/cpu/cpu.cfs_period_us", period, sizeof period))
		return 0;
	quota[strcspn(quota, "\n")] = 0;
	snprintf(both, sizeof both, "%s %s", quota, period);
	return fox_cpu_quota(both);
}

static unsigned quota_cpus(void)
{
	char line[512];
	unsigned quota = quota_v1();
	FILE *f = fopen("/proc/self/cgroup", "re");
	if (!f)
		return quota;
	while (fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "0::/", 4)) {
			char *group = line + 3;
			if (!strcmp(group, "/"))
				group[0] = 0;
			quota = smaller(quota, quota_v2(group));
		}
	}
	fclose(f);
	return quota;
}

static unsigned affinity_cpus(void)
{
	/* The set of machines with more CPUs than the mask holds is asked for with a larger mask. */
	for (int cpus = 1024; cpus <= 1 << 18; cpus *= 8) {
		cpu_set_t *set = CPU_ALLOC(cpus);
		size_t bytes = CPU_ALLOC_SIZE(cpus);
		if (!set)
			return 1;
		CPU_ZERO_S(bytes, set);
		int n = sched_getaffinity(0, bytes, set) ? 0 : CPU_COUNT_S(bytes, set);
		CPU_FREE(set);
		if (n > 0)
			return (unsigned)n;
	}
	return 1;
}

unsigned fox_cpu_count(void)
{
	unsigned n = smaller(affinity_cpus(), quota_cpus());
	return n ? n : 1;
}
