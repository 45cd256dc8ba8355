/* t_huffman.c - planes of bytes against their definition, and streams of literals against zlib, both ways. */
#include "tests/test.h"

#include <zlib.h>

#include "format/base/num.h"
#include "format/deflate.h"
#include "kernels/huffman.h"
#include "kernels/interleave.h"

/* ---- planes */

static uint64_t number(const uint8_t *p, unsigned width)
{
	uint64_t v = 0;
	for (unsigned k = 0; k < width; k++)
		v |= (uint64_t)p[k] << 8 * k;
	return v;
}

static void check_split(size_t n, unsigned width, size_t offset)
{
	uint64_t seed = n + width;
	uint8_t *mem = malloc(n * width + 8), *back = malloc(n * width + 8), *plane[FOX_PLANES_MAX] = {NULL};
	uint8_t *src = mem + offset;
	for (size_t i = 0; i < n * width; i++)
		src[i] = (uint8_t)test_rand(&seed);
	for (unsigned k = 0; k < width; k++)
		plane[k] = malloc(n + !n); /* exact: a sanitizer sees one byte too far */
	fox_planes_split(plane, src, n, width);
	for (size_t i = 0; i < n; i++) {
		uint64_t x = number(src + i * width, width), r = width == 1 ? x : x << 1 | x >> (8 * width - 1);
		for (unsigned k = 0; k < width; k++)
			assert_int_equal(plane[k][i], (uint8_t)(r >> 8 * (width - 1 - k)));
	}
	fox_planes_join(back + offset, (const uint8_t *const *)plane, n, width);
	assert_memory_equal(back + offset, src, n * width);
	for (unsigned k = 0; k < width; k++)
		free(plane[k]);
	free(mem), free(back);
}

static void test_planes(void **state)
{
	(void)state;
	for (unsigned width = 1; width <= 8; width *= 2)
		for (size_t n = 0; n < 70; n++)
			check_split(n, width, n % 3);
	check_split(10007, 2, 1);
	check_split(10007, 4, 1);
}

/* ---- streams */

/* n bytes of a kind, each with another distribution. */
static void fill(uint8_t *p, size_t n, unsigned kind)
{
	uint64_t seed = n * 16 + kind;
	for (size_t i = 0; i < n; i++) {
		uint32_t r = test_rand(&seed);
		switch (kind) {
		case 0: /* one value */
			p[i] = 7;
			break;
		case 1: /* halving: what exponents look like, codes of all lengths */
			p[i] = (uint8_t)(120 - __builtin_ctz(r | 1u << 30));
			break;
		case 2: /* two values */
			p[i] = r & 1 ? 255 : 0;
			break;
		case 3: /* all values, equally often */
			p[i] = (uint8_t)r;
			break;
		case 4: /* as often as Fibonacci's numbers, which makes the longest codes */
			p[i] = (uint8_t)(255 - (i * 1.61803398875 - (size_t)(i * 1.61803398875) < 0.618
			                               ? 0
			                               : __builtin_ctz(r | 1u << 20)));
			break;
		default: /* sums of two: a triangle */
			p[i] = (uint8_t)((r & 63) + (r >> 8 & 63));
		}
	}
}

static size_t zlib_deflate(uint8_t *dst, size_t room, const uint8_t *src, size_t n, int level, int strategy)
{
	z_stream z = {0};
	assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, -15, 9, strategy), Z_OK);
	z.next_in = (uint8_t *)src, z.avail_in = (uInt)n, z.next_out = dst, z.avail_out = (uInt)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return room - z.avail_out;
}

/* Both decoders on a copy of exactly its size; true when they make n bytes of it. Where fox's does, zlib's must. */
static bool decode(
    struct fox_inflate *z, uint8_t *out, size_t n, const uint8_t *stream, size_t n_stream, bool *by_fox)
{
	uint8_t *src = malloc(n_stream + !n_stream), *a = malloc(n + !n), *b = malloc(n + !n);
	memcpy(src, stream, n_stream);
	*by_fox = fox_huffman_inflate(a, n, src, n_stream);
	bool ok = fox_inflate_run(z, b, n, src, n_stream);
	if (*by_fox && (!ok || memcmp(a, b, n)))
		fail_msg("fox reads a stream of %zu bytes for %zu that zlib does not", n_stream, n);
	if (ok)
		memcpy(out, b, n);
	free(src), free(a), free(b);
	return ok;
}

static void check_round(struct fox_inflate *z, size_t n, unsigned kind)
{
	size_t room = 2 * n + 400;
	uint8_t *src = malloc(n), *out = malloc(n), *to = malloc(room + FOX_HUFFMAN_SLACK), *zs = malloc(room);
	bool by_fox;
	fill(src, n, kind);
	size_t m = fox_huffman_deflate(to, room, src, n), k = zlib_deflate(zs, room, src, n, 1, Z_HUFFMAN_ONLY);
	assert_true(m > 0);
	assert_true(decode(z, out, n, to, m, &by_fox));
	assert_true(by_fox);
	assert_memory_equal(out, src, n);
	assert_true(
	    m <= k + k / 100 + 80); /* zlib makes a block of 32 Ki literals, or uses fixed codes or none */
	assert_true(decode(z, out, n, zs, k, &by_fox));
	assert_memory_equal(out, src, n);
	/* just room enough, and a byte too little: then nothing is written */
	uint8_t *exact = malloc(m + FOX_HUFFMAN_SLACK);
	assert_int_equal(fox_huffman_deflate(exact, m, src, n), m);
	assert_memory_equal(exact, to, m);
	memset(exact, 0xa5, m);
	assert_int_equal(fox_huffman_deflate(exact, m - 1, src, n), 0);
	for (size_t i = 0; i < m; i++)
		assert_int_equal(exact[i], 0xa5);
	/* another size than it has, in and out */
	assert_false(decode(z, out, n - 1, to, m, &by_fox));
	assert_false(by_fox);
	assert_false(decode(z, out, n, to, m - 1, &by_fox));
	assert_false(by_fox);
	to[m] = 0;
	assert_false(decode(z, out, n, to, m + 1, &by_fox));
	assert_false(by_fox);
	free(src), free(out), free(to), free(zs), free(exact);
}

static void test_streams(void **state)
{
	(void)state;
	struct fox_inflate *z = fox_inflate_open();
	for (unsigned kind = 0; kind < 6; kind++) {
		for (size_t n = 1; n < 130; n++)
			check_round(z, n, kind);
		check_round(z, 4096, kind);
		check_round(z, 70001, kind);
		check_round(z, 262144, kind);
	}
	fox_inflate_close(z);
}

/* The rarest symbol of Fibonacci's counts has a code of as many bits as there are symbols: the limit holds, and the code is
 * whole. */
static void test_longest_codes(void **state)
{
	(void)state;
	struct fox_inflate *z = fox_inflate_open();
	size_t n = 0, a = 1, b = 1, room = 1 << 20;
	uint8_t *src = malloc(room), *to = malloc(room + FOX_HUFFMAN_SLACK), *out = malloc(room);
	bool by_fox;
	for (unsigned s = 0; s < 25; s++) {
		memset(src + n, (int)s, a);
		n += a;
		size_t next = a + b;
		a = b, b = next;
	}
	size_t m = fox_huffman_deflate(to, room, src, n);
	assert_true(m > 0 && m < n / 2);
	assert_true(decode(z, out, n, to, m, &by_fox) && by_fox);
	assert_memory_equal(out, src, n);
	fox_inflate_close(z);
	free(src), free(to), free(out);
}

/* What other programs may write is left to zlib. */
static void test_other_streams(void **state)
{
	(void)state;
	struct fox_inflate *z = fox_inflate_open();
	uint8_t src[20000], to[40000], out[20000];
	bool by_fox;
	fill(src, sizeof src, 1);
	/* literals alone; but zlib gives distances a bit each although there are none */
	size_t m = zlib_deflate(to, sizeof to, src, sizeof src, 1, Z_HUFFMAN_ONLY);
	assert_true(decode(z, out, sizeof src, to, m, &by_fox));
	assert_false(by_fox);
	/* with matches */
	m = zlib_deflate(to, sizeof to, src, sizeof src, 9, Z_DEFAULT_STRATEGY);
	assert_true(decode(z, out, sizeof src, to, m, &by_fox));
	assert_false(by_fox);
	/* stored */
	m = zlib_deflate(to, sizeof to, src, sizeof src, 0, Z_DEFAULT_STRATEGY);
	assert_true(decode(z, out, sizeof src, to, m, &by_fox));
	assert_false(by_fox);
	fox_inflate_close(z);
}

/* Every bit of a head and some of the rest the other way round, and every length: never more than zlib takes. */
static void test_damaged(void **state)
{
	(void)state;
	struct fox_inflate *z = fox_inflate_open();
	uint8_t src[300], to[1000], out[300];
	bool by_fox;
	unsigned taken = 0;
	for (unsigned kind = 0; kind < 6; kind++) {
		fill(src, sizeof src, kind);
		size_t m = fox_huffman_deflate(to, sizeof to - FOX_HUFFMAN_SLACK, src, sizeof src);
		for (size_t bit = 0; bit < 8 * m; bit++) {
			to[bit / 8] ^= (uint8_t)(1u << bit % 8);
			taken += decode(z, out, sizeof src, to, m, &by_fox) && by_fox;
			to[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		for (size_t k = 0; k < m; k++)
			assert_false(decode(z, out, sizeof src, to, k, &by_fox));
	}
	assert_true(taken > 100); /* most bits of literals give others: of the same length */
	fox_inflate_close(z);
}

static void test_deflate(void **state)
{
	(void)state;
	struct fox_deflate *d = fox_deflate_open();
	struct fox_inflate *z = fox_inflate_open();
	uint8_t src[5000], to[6000], out[5000];
	for (unsigned kind = 0; kind < 6; kind++) {
		fill(src, sizeof src, kind);
		size_t m = fox_deflate_run(d, to, sizeof to, src, sizeof src);
		assert_true(m > 0);
		assert_true(fox_inflate_run(z, out, sizeof out, to, m));
		assert_memory_equal(out, src, sizeof src);
		assert_int_equal(fox_deflate_run(d, to, m - 1, src, sizeof src), 0);
	}
	fox_deflate_close(d);
	fox_inflate_close(z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_planes),
	    cmocka_unit_test(test_streams),
	    cmocka_unit_test(test_longest_codes),
	    cmocka_unit_test(test_other_streams),
	    cmocka_unit_test(test_damaged),
	    cmocka_unit_test(test_deflate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
