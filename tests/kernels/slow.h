/* slow.h - what the kernels are checked against: number formats written the long way round, and the ISA
 * subsets of this machine. Shares nothing with kernels/half.h, which is itself under test. */
#ifndef FOX_TEST_SLOW_H
#define FOX_TEST_SLOW_H

#include <math.h>

#include "kernels/kernels.h"

/* The next subset of this machine's ISA bits after *isa, in rising order; false after the last. Starts with
 * the empty set when *first. */
static inline bool next_subset(uint32_t *isa, bool *first)
{
	uint32_t all = fox_cpu_isa();
	*isa = *first ? 0 : (*isa - all) & all;
	bool more = *first || *isa != 0;
	*first = false;
	return more;
}

static inline uint32_t slow_bits(float f)
{
	uint32_t b;
	memcpy(&b, &f, sizeof b);
	return b;
}

static inline float slow_float(uint32_t b)
{
	float f;
	memcpy(&f, &b, sizeof f);
	return f;
}

/* A 16-bit format with `digits` bits of fraction and an exponent bias, as the standard's formula. Not for
 * NaN. */
static inline double slow_widen(uint32_t h, int digits, int bias)
{
	int exponent = (int)((h & 0x7fff) >> digits), fraction = (int)(h & ((1u << digits) - 1));
	double sign = h & 0x8000 ? -1 : 1;
	if (exponent == (int)(0x7fffu >> digits))
		return sign * INFINITY;
	if (exponent == 0)
		return sign * ldexp(fraction, 1 - bias - digits);
	return sign * ldexp(fraction + (1 << digits), exponent - bias - digits);
}

/* The nearest value of that format, ties to even: rint at the scale of the value's last place. */
static inline uint16_t slow_narrow(float f, int digits, int bias)
{
	uint32_t inf = 0x7fffu >> digits << digits, sign = slow_bits(f) >> 16 & 0x8000;
	if (isnan(f)) /* quiet, with the top of its payload */
		return (uint16_t)(sign | inf | 1u << (digits - 1) | (slow_bits(f) & 0x7fffff) >> (23 - digits));
	if (isinf(f))
		return (uint16_t)(sign | inf);
	double v = fabs((double)f);
	int e = v > 0 ? ilogb(v) : 1 - bias;
	if (e < 1 - bias)
		e = 1 - bias;
	double steps =
	    rint(ldexp(v, digits - e)); /* < 2^digits below the normal range, else up to 2^(digits + 1) */
	double code = ldexp(e - (1 - bias), digits) + steps;
	return (uint16_t)(sign | (code > inf ? inf : (uint32_t)code));
}

static inline uint32_t slow_f16_to_f32(uint16_t h)
{
	if ((h & 0x7fff) > 0x7c00)
		return (uint32_t)(h & 0x8000) << 16 | 0x7fc00000 | (uint32_t)(h & 0x3ff) << 13;
	return slow_bits((float)slow_widen(h, 10, 15));
}

static inline uint32_t slow_bf16_to_f32(uint16_t h)
{
	if ((h & 0x7fff) > 0x7f80) /* payload kept as it is */
		return (uint32_t)h << 16;
	return slow_bits((float)slow_widen(h, 7, 127));
}

static inline uint16_t slow_f32_to_f16(float f)
{
	return slow_narrow(f, 10, 15);
}

static inline uint16_t slow_f32_to_bf16(float f)
{
	return slow_narrow(f, 7, 127);
}

/* The i-th of 512 * per f32: every sign and exponent, mantissas at the edges first, then random. */
static inline float every_exponent(size_t i, size_t per, uint64_t *seed)
{
	static const uint32_t edge[] = {0, 1, 0x7fffff, 0x400000, 0x3fffff, 0x400001, 0x1000, 0xfff, 0x1001,
	    0x3000, 0x2fff, 0x3001, 0x8000, 0x7fff, 0x8001, 0x18000, 0x17fff, 0x18001, 0x7fe000, 0x7fefff,
	    0x7ff000, 0x7f7fff, 0x7f8000};
	uint32_t low = i % per < FOX_COUNT(edge) ? edge[i % per] : test_rand(seed) & 0x7fffff;
	return slow_float((uint32_t)(i / per) << 23 | low);
}

#endif
