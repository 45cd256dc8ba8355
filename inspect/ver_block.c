/* ver_block.c - where in a block each number stands. */
#include "inspect/ver_block.h"

#include <math.h>

#include "format/base/num.h"
#include "inspect/verify.h"

#define F16_HALF_STEP 0x1p-25  /* of subnormals, 2^-24 apart */
#define E4M3_HALF_STEP 0x1p-10 /* of subnormals, 2^-9 apart */

/* Integers: ranges of all linear types are parts of it. */
static const int8_t line[256] = {-128, -127, -126, -125, -124, -123, -122, -121, -120, -119, -118, -117, -116,
    -115, -114, -113, -112, -111, -110, -109, -108, -107, -106, -105, -104, -103, -102, -101, -100, -99, -98,
    -97, -96, -95, -94, -93, -92, -91, -90, -89, -88, -87, -86, -85, -84, -83, -82, -81, -80, -79, -78, -77,
    -76, -75, -74, -73, -72, -71, -70, -69, -68, -67, -66, -65, -64, -63, -62, -61, -60, -59, -58, -57, -56,
    -55, -54, -53, -52, -51, -50, -49, -48, -47, -46, -45, -44, -43, -42, -41, -40, -39, -38, -37, -36, -35,
    -34, -33, -32, -31, -30, -29, -28, -27, -26, -25, -24, -23, -22, -21, -20, -19, -18, -17, -16, -15, -14,
    -13, -12, -11, -10, -9, -8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66,
    67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92,
    93, 94, 95, 96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114,
    115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127};

/* ggml-common.h kvalues_iq4nl */
static const int8_t nl[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

/* E2M1 doubled, rising; two codes stand for 0. */
static const int8_t fp4[15] = {-12, -8, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8, 12};
static const uint8_t fp4_rank[16] = {7, 8, 9, 10, 11, 12, 13, 14, 7, 6, 5, 4, 3, 2, 1, 0};

static double half_at(const uint8_t *p)
{
	return fox_ver_f16(fox_load16(p));
}

static uint8_t nibble(const uint8_t *q, uint32_t half, uint32_t i)
{
	return i < half ? q[i] & 15 : q[i - half] >> 4;
}

/* One group of 32 in nibbles; high: the fifth bits, or NULL. */
static void legacy(struct fox_ver_group *g, const uint8_t *q, const uint8_t *high)
{
	g->n = 32;
	g->early = true;
	for (uint32_t i = 0; i < 32; i++)
		g->rank[i] = (uint8_t)(nibble(q, 16, i) | (high ? (high[i / 8] >> i % 8 & 1) << 4 : 0));
}

static void linear(struct fox_ver_group *g, double d, double units_a, double dmin, double units_b, int lowest,
    uint32_t n_values)
{
	g->a = d * units_a, g->b = dmin * units_b;
	g->early = false;
	g->step_a = F16_HALF_STEP * fabs(units_a), g->step_b = F16_HALF_STEP * fabs(units_b);
	g->value = line + 128 + lowest;
	g->n_values = n_values;
}

static uint32_t q8_0(const uint8_t *p, struct fox_ver_group *g)
{
	linear(g, half_at(p), 1, 0, 0, -128, 256);
	g->n = 32;
	g->early = true;
	for (uint32_t i = 0; i < 32; i++)
		g->rank[i] = (uint8_t)(p[2 + i] + 128); /* modulo 256: two's complement from -128 on */
	return 1;
}

static uint32_t q4_0(const uint8_t *p, struct fox_ver_group *g)
{
	linear(g, half_at(p), 1, 0, 0, -8, 16);
	legacy(g, p + 2, NULL);
	return 1;
}

static uint32_t q4_1(const uint8_t *p, struct fox_ver_group *g)
{
	linear(g, half_at(p), 1, half_at(p + 2), 1, 0, 16);
	legacy(g, p + 4, NULL);
	return 1;
}

static uint32_t q5_0(const uint8_t *p, struct fox_ver_group *g)
{
	linear(g, half_at(p), 1, 0, 0, -16, 32);
	legacy(g, p + 6, p + 2);
	return 1;
}

static uint32_t q5_1(const uint8_t *p, struct fox_ver_group *g)
{
	linear(g, half_at(p), 1, half_at(p + 2), 1, 0, 32);
	legacy(g, p + 8, p + 4);
	return 1;
}

/* Two bits of weight 16 k + i of 256: four planes of 32 bytes' bits for each half of the block. */
static uint8_t pair_of(const uint8_t *q, uint32_t w)
{
	return q[w / 128 * 32 + w % 32] >> (w % 128 / 32 * 2) & 3;
}

static uint32_t q2_k(const uint8_t *p, struct fox_ver_group *g)
{
	const uint8_t *scales = p, *q = p + 16;
	double d = half_at(p + 80), dmin = half_at(p + 82);
	for (uint32_t k = 0; k < 16; k++) {
		linear(&g[k], d, scales[k] & 15, -dmin, scales[k] >> 4, 0, 4);
		g[k].n = 16;
		for (uint32_t i = 0; i < 16; i++)
			g[k].rank[i] = pair_of(q, 16 * k + i);
	}
	return 16;
}

static uint32_t q3_k(const uint8_t *p, struct fox_ver_group *g)
{
	const uint8_t *high = p, *q = p + 32, *s = p + 96;
	double d = half_at(p + 108);
	for (uint32_t k = 0; k < 16; k++) {
		uint32_t low = k < 8 ? s[k] & 15 : s[k - 8] >> 4, top = s[8 + k % 4] >> (k / 4 * 2) & 3;
		linear(&g[k], d, (int)(low | top << 4) - 32, 0, 0, -4, 8);
		g[k].n = 16;
		for (uint32_t i = 0; i < 16; i++) {
			uint32_t w = 16 * k + i;
			g[k].rank[i] = (uint8_t)(pair_of(q, w) | (high[w % 32] >> w / 32 & 1) << 2);
		}
	}
	return 16;
}

/* Six bits each: of the first four whole bytes' low ends, of the last four put together. */
static void scales_k4(const uint8_t *s, uint32_t k, uint32_t *scale, uint32_t *min)
{
	*scale = k < 4 ? s[k] & 63u : (s[k + 4] & 15u) | (s[k - 4] >> 6) << 4;
	*min = k < 4 ? s[k + 4] & 63u : (uint32_t)s[k + 4] >> 4 | (s[k] >> 6) << 4;
}

/* high: fifth bits, or NULL */
static uint32_t q45_k(const uint8_t *p, const uint8_t *q, const uint8_t *high, struct fox_ver_group *g)
{
	double d = half_at(p), dmin = half_at(p + 2);
	for (uint32_t k = 0; k < 8; k++) {
		uint32_t scale, min;
		scales_k4(p + 4, k, &scale, &min);
		linear(&g[k], d, scale, -dmin, min, 0, high ? 32 : 16);
		g[k].n = 32;
		for (uint32_t i = 0; i < 32; i++) {
			uint32_t low = q[k / 2 * 32 + i] >> (k % 2 * 4) & 15;
			g[k].rank[i] = (uint8_t)(low | (high ? (uint32_t)(high[i] >> k & 1) << 4 : 0));
		}
	}
	return 8;
}

static uint32_t q6_k(const uint8_t *p, struct fox_ver_group *g)
{
	const uint8_t *q = p, *high = p + 128, *scales = p + 192;
	double d = half_at(p + 208);
	for (uint32_t k = 0; k < 16; k++) {
		linear(&g[k], d, (int8_t)scales[k], 0, 0, -32, 64);
		g[k].n = 16;
		for (uint32_t i = 0; i < 16; i++) {
			uint32_t w = 16 * k + i, in = w % 128;
			uint32_t low = q[w / 128 * 64 + in % 64] >> (in / 64 * 4) & 15;
			g[k].rank[i] = (uint8_t)(low | (high[w / 128 * 32 + in % 32] >> (in / 32 * 2) & 3u) << 4);
		}
	}
	return 16;
}

static uint32_t iq4_nl(const uint8_t *p, struct fox_ver_group *g)
{
	*g = (struct fox_ver_group){.a = half_at(p), .step_a = F16_HALF_STEP, .value = nl, .n_values = 16};
	legacy(g, p + 2, NULL);
	return 1;
}

static uint32_t iq4_xs(const uint8_t *p, struct fox_ver_group *g)
{
	double d = half_at(p);
	uint32_t high = fox_load16(p + 2);
	for (uint32_t k = 0; k < 8; k++) {
		uint32_t scale = (p[4 + k / 2] >> (k % 2 * 4) & 15u) | (high >> 2 * k & 3) << 4;
		g[k] = (struct fox_ver_group){.a = d * ((int)scale - 32),
		    .step_a = F16_HALF_STEP * fabs((int)scale - 32.0),
		    .value = nl,
		    .n_values = 16};
		legacy(&g[k], p + 8 + 16 * k, NULL);
	}
	return 8;
}

static uint32_t mxfp4(const uint8_t *p, struct fox_ver_group *g)
{
	*g = (struct fox_ver_group){.a = ldexp(1, p[0] - 128), .value = fp4, .n_values = 15};
	legacy(g, p + 1, NULL);
	g->early = false;
	for (uint32_t i = 0; i < 32; i++)
		g->rank[i] = fp4_rank[g->rank[i]];
	return 1;
}

/* Half of an E4M3 without sign; 0x7F, its NaN, counts as 0. */
static double e4m3_half(uint8_t x)
{
	int exponent = x >> 3 & 15, fraction = x & 7;
	if (x == 0x7F)
		return 0;
	return exponent ? ldexp(8 + fraction, exponent - 11) : ldexp(fraction, -10);
}

static uint32_t nvfp4(const uint8_t *p, struct fox_ver_group *g)
{
	for (uint32_t k = 0; k < 4; k++) {
		g[k] = (struct fox_ver_group){
		    .a = e4m3_half(p[k]), .step_a = E4M3_HALF_STEP / 2, .value = fp4, .n_values = 15, .n = 16};
		for (uint32_t i = 0; i < 16; i++)
			g[k].rank[i] = fp4_rank[nibble(p + 4 + 8 * k, 8, i)];
	}
	return 4;
}

bool fox_ver_block_known(enum fox_type type)
{
	struct fox_ver_group room[FOX_VER_BLOCK_GROUPS];
	static const uint8_t zeros[256]; /* as long as any block */
	return fox_ver_block(type, zeros, room) > 0;
}

uint32_t fox_ver_block(
    enum fox_type type, const uint8_t *src, struct fox_ver_group group[FOX_VER_BLOCK_GROUPS])
{
	switch (type) {
	case FOX_Q8_0:
		return q8_0(src, group);
	case FOX_Q4_0:
		return q4_0(src, group);
	case FOX_Q4_1:
		return q4_1(src, group);
	case FOX_Q5_0:
		return q5_0(src, group);
	case FOX_Q5_1:
		return q5_1(src, group);
	case FOX_Q2_K:
		return q2_k(src, group);
	case FOX_Q3_K:
		return q3_k(src, group);
	case FOX_Q4_K:
		return q45_k(src, src + 16, NULL, group);
	case FOX_Q5_K:
		return q45_k(src, src + 48, src + 16, group);
	case FOX_Q6_K:
		return q6_k(src, group);
	case FOX_IQ4_NL:
		return iq4_nl(src, group);
	case FOX_IQ4_XS:
		return iq4_xs(src, group);
	case FOX_MXFP4:
		return mxfp4(src, group);
	case FOX_NVFP4:
		return nvfp4(src, group);
	default:
		return 0;
	}
}
