/* faulty - runs a command in which one system call fails, is cut short, or is the last one.
 *
 *   faulty [-notmp] CALL FAULT N CMD...      Linux 5.9 or later; works on every architecture and under sanitizers
 *       CALL    write (pwrite), reserve (fallocate), fsync, link, rename, read (pread), copy (copy_file_range)
 *       FAULT   EIO ENOSPC EINTR EINVAL ENOMEM: that error in place of the Nth call
 *               short: the Nth write puts one byte            kill, int: that signal at the Nth call
 *       -notmp  opening with O_TMPFILE fails, as on file systems that cannot
 *
 * Exit status: the command's, 128 + n when signal n ended it; 250 when there was no Nth call; 77 when the kernel or a sandbox
 * does not allow it. The calls are held by a seccomp filter and answered here. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "format/base/fox.h"

enum { NEVER_FIRED = 250, SKIP = 77, NONE = -1 };

static const struct {
	const char *name;
	long nr[2];
} calls[] = {
    {"write", {SYS_pwrite64, NONE}},
    {"read", {SYS_pread64, NONE}},
    {"reserve", {SYS_fallocate, NONE}},
    {"copy", {SYS_copy_file_range, NONE}},
    {"fsync", {SYS_fsync, NONE}},
    {"link", {SYS_linkat, NONE}},
#ifdef SYS_renameat
    {"rename", {SYS_renameat, SYS_renameat2}},
#else
    {"rename", {SYS_renameat2, NONE}},
#endif
};

static const struct {
	const char *name;
	int error, signal;
} faults[] = {
    {"EIO", EIO, 0},
    {"ENOSPC", ENOSPC, 0},
    {"EINTR", EINTR, 0},
    {"EINVAL", EINVAL, 0},
    {"ENOMEM", ENOMEM, 0},
    {"short", 0, 0},
    {"kill", 0, SIGKILL},
    {"int", 0, SIGINT},
};

struct plan {
	const long *nr;
	int error, signal;
	unsigned long at, seen;
	bool no_tmpfile, fired;
};

static void die(int code, const char *what)
{
	fprintf(stderr, "faulty: %s: %s\n", what, strerror(errno));
	exit(code);
}

/* In the child: trap the calls, and return the descriptor that tells of them; -1 where that is not allowed. */
static int trap(const struct plan *p)
{
	const long third = p->no_tmpfile ? SYS_openat : p->nr[0], second = p->nr[1] == NONE ? p->nr[0] : p->nr[1];
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)p->nr[0], 3, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)second, 2, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)third, 1, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	};
	struct sock_fprog prog = {FOX_COUNT(code), code};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
}

/* Pass one descriptor over a socket. */
union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

static void send_fd(int to, int fd)
{
	char ok = fd >= 0;
	union control c = {{0}};
	struct iovec io = {&ok, 1};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};
	if (ok) {
		m.msg_control = &c;
		m.msg_controllen = sizeof c;
		c.head = (struct cmsghdr){
		    .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&c.head), &fd, sizeof fd);
	}
	if (sendmsg(to, &m, 0) != 1)
		_exit(SKIP);
}

static int receive_fd(int from)
{
	char ok = 0;
	int fd = -1;
	union control c = {{0}};
	struct iovec io = {&ok, 1};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c};
	if (recvmsg(from, &m, 0) == 1 && ok && m.msg_controllen >= CMSG_LEN(sizeof fd))
		memcpy(&fd, CMSG_DATA(&c.head), sizeof fd);
	return fd;
}

/* Do one byte of the write that the command asked for. */
static bool write_one_byte(const struct seccomp_notif *n)
{
	char byte, path[64];
	struct iovec here = {&byte, 1}, there = {(void *)(uintptr_t)n->data.args[1], 1};
	if (process_vm_readv((pid_t)n->pid, &here, 1, &there, 1, 0) != 1)
		return false;
	snprintf(path, sizeof path, "/proc/%u/fd/%d", n->pid, (int)n->data.args[0]);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && pwrite(fd, &byte, 1, (off_t)n->data.args[3]) == 1;
	if (fd >= 0)
		close(fd);
	return done;
}

/* False: no answer, so that a killed command dies before the call and never after it. */
static bool answer(struct plan *p, const struct seccomp_notif *n, struct seccomp_notif_resp *r, pid_t child)
{
	*r = (struct seccomp_notif_resp){.id = n->id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
	if (p->no_tmpfile && n->data.nr == SYS_openat && (n->data.args[2] & O_TMPFILE) == O_TMPFILE) {
		*r = (struct seccomp_notif_resp){.id = n->id, .error = -EOPNOTSUPP};
		return true;
	}
	if ((n->data.nr != p->nr[0] && n->data.nr != p->nr[1]) || ++p->seen != p->at || p->fired)
		return true;
	p->fired = true;
	if (p->signal)
		kill(child, p->signal);
	else if (p->error)
		*r = (struct seccomp_notif_resp){.id = n->id, .error = -p->error};
	else if (write_one_byte(n))
		*r = (struct seccomp_notif_resp){.id = n->id, .val = 1};
	else
		die(SKIP, "cannot cut a write short");
	return p->signal != SIGKILL;
}

static void serve(struct plan *p, int listener, pid_t child)
{
	struct pollfd poll_fd = {.fd = listener, .events = POLLIN};
	while (poll(&poll_fd, 1, -1) >= 0 || errno == EINTR) {
		struct seccomp_notif n = {0};
		struct seccomp_notif_resp r;
		if (!(poll_fd.revents & POLLIN))
			return; /* the command is gone */
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n))
			continue;
		if (answer(p, &n, &r, child))
			ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &r); /* fails when the caller died: fine */
	}
}

static struct plan read_plan(char **argv)
{
	struct plan p = {.at = strtoul(argv[2], NULL, 10)};
	bool known = false;
	for (size_t i = 0; i < FOX_COUNT(calls); i++)
		if (!strcmp(argv[0], calls[i].name))
			p.nr = calls[i].nr;
	for (size_t i = 0; i < FOX_COUNT(faults); i++)
		if (!strcmp(argv[1], faults[i].name)) {
			p.error = faults[i].error;
			p.signal = faults[i].signal;
			known = true;
		}
	errno = EINVAL;
	if (!p.nr || !known || !p.at)
		die(2, "call, fault or number");
	return p;
}

int main(int argc, char **argv)
{
	bool no_tmpfile = argc > 1 && !strcmp(argv[1], "-notmp");
	int pair[2], status;
	argc -= no_tmpfile, argv += no_tmpfile;
	errno = EINVAL;
	if (argc < 5)
		die(2, "usage: faulty [-notmp] CALL FAULT N CMD...");
	struct plan p = read_plan(argv + 1);
	p.no_tmpfile = no_tmpfile;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		die(3, "socketpair");
	pid_t child = fork();
	if (child < 0)
		die(3, "fork");
	if (!child) {
		int fd = trap(&p);
		send_fd(pair[1], fd);
		if (fd < 0)
			_exit(SKIP);
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		execvp(argv[4], argv + 4);
		_exit(3);
	}
	int listener = receive_fd(pair[0]);
	if (listener >= 0)
		serve(&p, listener, child);
	else
		puts("skip: no seccomp notifications here");
	while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
	}
	if (listener < 0)
		return SKIP;
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return p.fired ? WEXITSTATUS(status) : NEVER_FIRED;
}
