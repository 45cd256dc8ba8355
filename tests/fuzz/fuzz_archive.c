/* fuzz_archive.c - any bytes as an archive: refused with a reason, or every member is as long as it says. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "format/archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What lies in the file as it is reads the same there. */
static void check_plain(
    const struct fox_file *f, const struct fox_archive_entry *e, const uint8_t *p, size_t n)
{
	struct fox_err err = {0};
	uint8_t *same = malloc(n + !n);
	if (same && e->plain && (fox_file_read(f, e->at, same, n, &err) || memcmp(same, p, n)))
		abort();
	free(same);
}

static enum fox_status read_all(struct fox_archive *a, const struct fox_archive_entry *e, struct fox_err *err)
{
	static uint8_t buf[1 << 16];
	uint64_t n = 0;
	size_t got = 1;
	enum fox_status s = FOX_OK;
	for (bool first = true; !s && got; first = false) {
		if (!(s = fox_archive_read(a, buf, sizeof buf, &got, err)) && first)
			check_plain(fox_archive_file(a), e, buf, got);
		n += got;
	}
	if (!s && n != e->bytes)
		abort();
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fox_err err = {0};
	struct fox_archive *a;
	struct fox_archive_entry e;
	char path[64];
	bool more = true;
	int fd = memfd_create("archive", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	enum fox_status s = fox_archive_open(&a, path, &err);
	for (size_t i = 0; !s && more; i++) {
		s = fox_archive_next(a, &e, &more, &err);
		if (!s && more && i % 2 == 0)
			s = read_all(a, &e, &err);
	}
	if (s && (s != err.code || !err.text[0]))
		abort();
	fox_archive_close(a);
	close(fd);
	return 0;
}
