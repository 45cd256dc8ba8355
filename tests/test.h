/* test.h - seeded random numbers, scratch files and message checks over cmocka. Include it first. */
#ifndef FOX_TEST_H
#define FOX_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "format/base/err.h"

/* One generator for all tests, so a seed reproduces a failure. */
static inline uint32_t test_rand(uint64_t *s)
{
	*s = *s * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*s >> 33);
}

/* A private folder for this test program, removed by the runner: $TMPDIR or /tmp. */
static inline const char *test_dir(void)
{
	static char dir[256];
	if (!dir[0]) {
		const char *base = getenv("TMPDIR");
		snprintf(dir, sizeof dir, "%s/fox-test-XXXXXX", base ? base : "/tmp");
		if (!mkdtemp(dir))
			abort();
	}
	return dir;
}

/* dir/name for a scratch file; the buffer is reused after 8 calls. */
static inline const char *test_path(const char *name)
{
	static char path[8][512];
	static unsigned turn;
	char *p = path[turn++ % 8];
	snprintf(p, sizeof path[0], "%s/%s", test_dir(), name);
	return p;
}

static inline void test_write(const char *path, const void *bytes, size_t n)
{
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(bytes, 1, n, f) != n || fclose(f))
		abort();
}

/* The call must fail with this code, offset (FOX_NOWHERE: none) and exact text. */
#define assert_fox_err(e, want_code, want_at, want_text)                                                     \
	do {                                                                                                     \
		assert_string_equal((e)->text, want_text);                                                           \
		assert_int_equal((e)->code, want_code);                                                              \
		assert_true((e)->at == (uint64_t)(want_at));                                                         \
	} while (0)

/* The call must succeed; prints the message when it does not. */
#define assert_fox_ok(call, e)                                                                               \
	do {                                                                                                     \
		if ((call) != FOX_OK)                                                                                \
			fail_msg("%s: %s (at %llu)", #call, (e)->text, (unsigned long long)(e)->at);                     \
	} while (0)

#endif
