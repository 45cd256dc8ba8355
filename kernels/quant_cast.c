#include "kernels/quant.h"

#include <assert.h>
#include <string.h>

#include "format/base/num.h"
#include "kernels/half.h"

#define F32_INF 0x7f800000u

enum { CHUNK = 2048 }; /* elements: source and result stay in the first-level cache between the two passes */

/* The magnitudes, as f32 bits, at which a type's range ends. Between them nothing is lost. */
struct limits {
	uint32_t to_zero; /* largest that becomes 0: half the smallest subnormal, a tie that goes to even */
	uint32_t to_inf;  /* smallest that becomes Inf: half a step above the largest finite value */
};

static struct limits limits_of(enum fox_type type)
{
	switch (type) {
	case FOX_F16:
		return (struct limits){0x33000000, 0x477ff000}; /* 2^-25, 65520 */
	case FOX_BF16:
		return (struct limits){0x00008000, 0x7f7f8000}; /* 2^-134, 2^128 - 2^119 */
	default:
		return (struct limits){0, F32_INF};
	}
}

/* Branch-free, so that the compiler makes vectors of it. n <= CHUNK, so 32 bits hold each count. */
static void count(const float *src, size_t n, struct limits lim, struct fox_cast_report *r)
{
	uint32_t nan = 0, special = 0, above = 0, below = 0, zero = 0;
	for (size_t i = 0; i < n; i++) {
		int32_t abs = (int32_t)(fox_f32_bits(src[i]) & 0x7fffffff);
		nan += abs > (int32_t)F32_INF;
		special += abs >= (int32_t)F32_INF;
		above += abs >= (int32_t)lim.to_inf;
		below += abs <= (int32_t)lim.to_zero;
		zero += abs == 0;
	}
	r->n_nan += nan;
	r->n_inf += special - nan;
	r->n_overflow += above - special;
	r->n_underflow += below - zero;
}

/* A block of q8_0 stands and falls with its scale. special: the chunk holds NaN or Inf, so every block is
 * looked at. */
static void count_q8_0(
    const uint8_t *out, const float *src, size_t n, bool special, struct fox_cast_report *r)
{
	for (size_t b = 0; b < n / 32; b++) {
		uint16_t d = fox_load16(out + b * sizeof(struct fox_q8_0));
		struct limits lim = {0, F32_INF};
		if (d == 0)
			lim.to_zero = F32_INF - 1;
		else if (d == 0x7c00)
			lim.to_inf = 0;
		else if (!special)
			continue;
		count(src + b * 32, 32, lim, r);
	}
}

/* Most chunks lose nothing, which their extremes tell in one quick pass. */
static void account(const struct fox_kernels *k, enum fox_type type, const uint8_t *out, const float *src,
    size_t n, struct fox_cast_report *r)
{
	struct limits lim = limits_of(type);
	uint32_t lo, hi;
	k->range(src, n, &lo, &hi);
	if (type == FOX_Q8_0)
		count_q8_0(out, src, n, hi >= F32_INF, r);
	else if (lo <= lim.to_zero || hi >= lim.to_inf)
		count(src, n, lim, r);
}

void fox_cast(enum fox_type type, void *dst, const float *src, size_t n, struct fox_cast_report *report)
{
	const struct fox_kernels *k = fox_kernels();
	const struct fox_type_info *info = fox_type_info(type);
	assert(info && k->encode[type] && n % info->elems == 0);
	uint8_t *out = dst;
	while (n > 0) {
		size_t step = n < CHUNK ? n : CHUNK;
		k->encode[type](out, src, step);
		if (report)
			account(k, type, out, src, step, report);
		n -= step, src += step, out += step / info->elems * info->bytes;
	}
}

bool fox_cast_is_exact(enum fox_type type, const float *src, size_t n)
{
	assert(type == FOX_F32 || type == FOX_F16 || type == FOX_BF16);
	if (type == FOX_F32)
		return true;
	const struct fox_kernels *k = fox_kernels();
	uint16_t narrow[512];
	float back[512];
	for (size_t step; n > 0; n -= step, src += step) {
		step = n < FOX_COUNT(back) ? n : FOX_COUNT(back);
		k->encode[type](narrow, src, step);
		k->decode[type](back, narrow, step);
		if (memcmp(back, src, step * sizeof *src))
			return false;
	}
	return true;
}
