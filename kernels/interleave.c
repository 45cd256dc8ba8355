/* interleave.c - loops that compilers turn into vector code: one per width, and planes named one by one. */
#include "kernels/interleave.h"

#include "format/base/num.h"

static void split2(uint8_t *restrict p0, uint8_t *restrict p1, const uint8_t *restrict src, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint16_t x = fox_load16(src + 2 * i), r = (uint16_t)(x << 1 | x >> 15);
		p0[i] = (uint8_t)(r >> 8);
		p1[i] = (uint8_t)r;
	}
}

static void join2(uint8_t *restrict dst, const uint8_t *restrict p0, const uint8_t *restrict p1, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint16_t r = (uint16_t)(p0[i] << 8 | p1[i]);
		fox_store16(dst + 2 * i, (uint16_t)(r >> 1 | r << 15));
	}
}

static void split4(uint8_t *const *plane, const uint8_t *restrict src, size_t n)
{
	uint8_t *restrict p0 = plane[0], *restrict p1 = plane[1], *restrict p2 = plane[2],
	                  *restrict p3 = plane[3];
	for (size_t i = 0; i < n; i++) {
		uint32_t x = fox_load32(src + 4 * i), r = x << 1 | x >> 31;
		p0[i] = (uint8_t)(r >> 24);
		p1[i] = (uint8_t)(r >> 16);
		p2[i] = (uint8_t)(r >> 8);
		p3[i] = (uint8_t)r;
	}
}

static void join4(uint8_t *restrict dst, const uint8_t *const *plane, size_t n)
{
	const uint8_t *restrict p0 = plane[0], *restrict p1 = plane[1], *restrict p2 = plane[2],
	                        *restrict p3 = plane[3];
	for (size_t i = 0; i < n; i++) {
		uint32_t r = (uint32_t)p0[i] << 24 | (uint32_t)p1[i] << 16 | (uint32_t)p2[i] << 8 | p3[i];
		fox_store32(dst + 4 * i, r >> 1 | r << 31);
	}
}

/* f64 and i64 are rare in models: no care is taken of them. */
static void split8(uint8_t *const *plane, const uint8_t *src, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t x = fox_load64(src + 8 * i), r = x << 1 | x >> 63;
		for (unsigned k = 0; k < 8; k++)
			plane[k][i] = (uint8_t)(r >> (56 - 8 * k));
	}
}

static void join8(uint8_t *dst, const uint8_t *const *plane, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t r = 0;
		for (unsigned k = 0; k < 8; k++)
			r = r << 8 | plane[k][i];
		fox_store64(dst + 8 * i, r >> 1 | r << 63);
	}
}

void fox_planes_split(uint8_t *const *plane, const uint8_t *src, size_t n, unsigned width)
{
	switch (width) {
	case 1:
		memcpy(plane[0], src, n);
		return;
	case 2:
		split2(plane[0], plane[1], src, n);
		return;
	case 4:
		split4(plane, src, n);
		return;
	default:
		split8(plane, src, n);
	}
}

void fox_planes_join(uint8_t *dst, const uint8_t *const *plane, size_t n, unsigned width)
{
	switch (width) {
	case 1:
		memcpy(dst, plane[0], n);
		return;
	case 2:
		join2(dst, plane[0], plane[1], n);
		return;
	case 4:
		join4(dst, plane, n);
		return;
	default:
		join8(dst, plane, n);
	}
}
