/* ncpu.h - how many threads are worth starting here. */
#ifndef FOX_NCPU_H
#define FOX_NCPU_H

#include "format/base/fox.h"

/*
 * fox_cpu_count - CPUs this process may use: its affinity mask, cut to its cgroup's CPU quota (rounded up);
 * at least 1
 *
 * source sched_getaffinity(2); cgroups(7): cpu.max of every group from ours to the root (v2),
 * cpu.cfs_quota_us (v1)
 */
unsigned fox_cpu_count(void);

/* The quota that a cpu.max text states ("200000 100000", "max 100000"), in CPUs rounded up; 0: none or
 * ill-formed. */
unsigned fox_cpu_quota(const char *text);

#endif
