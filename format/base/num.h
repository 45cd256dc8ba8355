/* num.h - arithmetic on untrusted sizes, and bytes to numbers. static inline only.
 *
 * Every size that comes out of a file goes through fox_add / fox_mul. The load and store functions
 * are the only casts from bytes; none needs alignment. */
#ifndef FOX_NUM_H
#define FOX_NUM_H

#include <string.h>

#include "format/base/fox.h"

/* *out = a + b; false (and *out unspecified) when it does not fit 64 bits. */
static inline bool fox_add(uint64_t *out, uint64_t a, uint64_t b)
{
	return !__builtin_add_overflow(a, b, out);
}

/* *out = a * b; false (and *out unspecified) when it does not fit 64 bits. */
static inline bool fox_mul(uint64_t *out, uint64_t a, uint64_t b)
{
	return !__builtin_mul_overflow(a, b, out);
}

/* *out = x rounded up to a multiple of `to` (a power of two); false when it does not fit. */
static inline bool fox_align_up(uint64_t *out, uint64_t x, uint64_t to)
{
	uint64_t sum;
	if (!fox_add(&sum, x, to - 1))
		return false;
	*out = sum & ~(to - 1);
	return true;
}

static inline bool fox_is_pow2(uint64_t x)
{
	return x && !(x & (x - 1));
}

static inline uint16_t fox_load16(const void *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap16(v);
#endif
	return v;
}

static inline uint32_t fox_load32(const void *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap32(v);
#endif
	return v;
}

static inline uint64_t fox_load64(const void *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

static inline void fox_store16(void *p, uint16_t v)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap16(v);
#endif
	memcpy(p, &v, sizeof v);
}

static inline void fox_store32(void *p, uint32_t v)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap32(v);
#endif
	memcpy(p, &v, sizeof v);
}

static inline void fox_store64(void *p, uint64_t v)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	memcpy(p, &v, sizeof v);
}

static inline float fox_load_f32(const void *p)
{
	uint32_t bits = fox_load32(p);
	float f;
	memcpy(&f, &bits, sizeof f);
	return f;
}

static inline double fox_load_f64(const void *p)
{
	uint64_t bits = fox_load64(p);
	double d;
	memcpy(&d, &bits, sizeof d);
	return d;
}

static inline void fox_store_f32(void *p, float f)
{
	uint32_t bits;
	memcpy(&bits, &f, sizeof bits);
	fox_store32(p, bits);
}

static inline void fox_store_f64(void *p, double d)
{
	uint64_t bits;
	memcpy(&bits, &d, sizeof bits);
	fox_store64(p, bits);
}

#endif
