/* cuda_test.h - what the checks of kernels/cuda share: a device or the reason there is none, and memory of it. After test.h. */
#ifndef FOX_CUDA_TEST_H
#define FOX_CUDA_TEST_H

#include "kernels/cuda/ops.h"

/* Device 0, open. Without one the program ends with 77, which means skipped. */
static inline struct fox_cuda *cuda_test_open(void)
{
	struct fox_cuda *c;
	struct fox_err e = {0};
	if (fox_cuda_count() == 0) {
		char why[256];
		fox_cuda_describe(why, sizeof why);
		printf("SKIP no CUDA device: %s\n", why);
		exit(77);
	}
	if (fox_cuda_open(&c, 0, &e) != FOX_OK) {
		printf("Bail out! %s\n", e.text);
		exit(1);
	}
	return c;
}

/* Device memory of n bytes. */
static inline void *cuda_test_room(struct fox_cuda *c, size_t n)
{
	void *p;
	struct fox_err e = {0};
	assert_fox_ok(fox_cuda_alloc(c, &p, n, &e), &e);
	return p;
}

/* Device memory with a copy of n bytes; what kernels may read behind a matrix follows, as NaN. */
static inline void *cuda_test_put(struct fox_cuda *c, const void *from, size_t n)
{
	static const struct pad {
		uint8_t byte[FOX_CUDA_PAD];
	} pad = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	void *p = cuda_test_room(c, n + sizeof pad);
	struct fox_err e = {0};
	assert_fox_ok(fox_cuda_upload(c, p, from, n, &e), &e);
	assert_fox_ok(fox_cuda_upload(c, (uint8_t *)p + n, &pad, sizeof pad, &e), &e);
	return p;
}

/* Its content, on the host; the caller frees it. */
static inline void *cuda_test_get(struct fox_cuda *c, const void *from, size_t n)
{
	void *p = malloc(n ? n : 1);
	struct fox_err e = {0};
	assert_non_null(p);
	assert_fox_ok(fox_cuda_fetch(c, p, from, n, &e), &e);
	return p;
}

#endif
