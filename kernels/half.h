/* half.h - f16 and bf16 to f32 and back, and the 8-bit scales of block types, without intrinsics. static inline only.
 *
 * Widening is exact. Narrowing rounds to nearest, ties to even; what is too large becomes Inf, subnormals are
 * kept. NaN stays NaN with its sign and the top of its payload, made quiet where bits are dropped or the
 * CPU's own conversion makes it quiet (f16 to f32), so that every ISA gives the same bits.   source: IEEE
 * 754-2019 3.4, 4.3.1, 6.2 */
#ifndef FOX_HALF_H
#define FOX_HALF_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t fox_f32_bits(float f)
{
	uint32_t bits;
	memcpy(&bits, &f, sizeof bits);
	return bits;
}

static inline float fox_f32_of_bits(uint32_t bits)
{
	float f;
	memcpy(&f, &bits, sizeof f);
	return f;
}

static inline float fox_f16_to_f32(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, em = h & 0x7fff, bits;
	if (em > 0x7c00)
		bits = 0x7fc00000 | (em & 0x3ff) << 13;
	else if (em == 0x7c00)
		bits = 0x7f800000;
	else if (em >= 0x0400)
		bits = (em << 13) + (112u << 23); /* exponent bias 15 to 127 */
	else
		bits = fox_f32_bits((float)em * 0x1p-24f);
	return fox_f32_of_bits(sign | bits);
}

static inline uint16_t fox_f32_to_f16(float f)
{
	uint32_t bits = fox_f32_bits(f), abs = bits & 0x7fffffff;
	uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
	if (abs > 0x7f800000)
		return (uint16_t)(sign | 0x7e00 | (abs >> 13 & 0x3ff));
	if (abs >= 0x47800000) /* 65536 and above, Inf too */
		return sign | 0x7c00;
	if (abs < 0x38800000) { /* below 2^-14: one unit of 0.5's last place is one f16 subnormal step */
		float at_half = fox_f32_of_bits(abs) + 0.5f;
		return (uint16_t)(sign | (fox_f32_bits(at_half) - 0x3f000000));
	}
	uint32_t rebased = abs - (112u << 23);
	return (
	    uint16_t)(sign | (rebased + 0xfff + (rebased >> 13 & 1)) >> 13); /* a carry runs into the exponent */
}

static inline float fox_bf16_to_f32(uint16_t h)
{
	return fox_f32_of_bits((uint32_t)h << 16);
}

static inline uint16_t fox_f32_to_bf16(float f)
{
	uint32_t bits = fox_f32_bits(f);
	if ((bits & 0x7fffffff) > 0x7f800000)
		return (uint16_t)(bits >> 16 | 0x40); /* quiet, or dropping the low bits could leave Inf */
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* The scale of an mxfp4 block, halved because its values are stored doubled: 2^(e - 128). e = 255 is no number by the
 * standard; here, as in ggml, it is 2^127.  source: OCP Microscaling Formats 1.0 5.4.1; ggml-impl.h */
static inline float fox_e8m0_half(uint8_t e)
{
	return fox_f32_of_bits(e < 2 ? 0x00200000u << e : (uint32_t)(e - 1) << 23); /* below 2: subnormal */
}

/* The scale of 16 nvfp4 values, halved likewise. 0x7f is no number by the standard and 0 here; bit 7 adds nothing.
 * source: ggml-impl.h ggml_ue4m3_to_fp32 */
static inline float fox_e4m3_half(uint8_t x)
{
	uint32_t exponent = x >> 3 & 15, fraction = x & 7;
	if (x == 0x7f)
		return 0;
	if (exponent == 0)
		return (float)fraction * 0x1p-10f;
	return fox_f32_of_bits((exponent + 119) << 23 | fraction << 20); /* exponent bias 7 to 127, less 1 */
}

/* The scale byte that mxfp4 stores for a block whose largest magnitude is max_abs: floor(log2 max_abs) - 2, the exponent of
 * the largest value of E2M1 being 2, biased by 127 and cut to 8 bits; 0 for 0. The logarithm counts as rounded to f32, as
 * that of ggml is: what is a few parts in 2^24 below a power of two has the power's own.  source: ggml-quants.c
 * quantize_row_mxfp4_ref; compared with log2f over all floats next to powers of two */
static inline uint8_t fox_f32_to_e8m0(float max_abs)
{
	uint32_t bits = fox_f32_bits(max_abs);
	int exponent = (int)(bits >> 23) - 127, shift = 0;
	if (bits == 0)
		return 0;
	if (bits < 0x00800000) { /* subnormal: as if it were not */
		shift = __builtin_clz(bits) - 8;
		exponent = -126 - shift;
	}
	/* 2^next lies `missing` steps of 2^(next - 24) above; half a step of its logarithm's f32, from below, is 88.7 times
	 * such steps where |next| is in [128, 256), half of that in the octave before, and so on */
	int next = exponent + 1;
	uint32_t missing = 0x00800000 - (bits << shift & 0x007fffff);
	uint32_t size = next > 0 ? 2 * (uint32_t)next - 1 : 2 * (uint32_t)-next + 1;
	bool rounds_up = missing <= 88u >> (8 - (31 - __builtin_clz(size)));
	return (uint8_t)(exponent + rounds_up - 2 + 127);
}

/* Is none of n values NaN or Inf? */
static inline bool fox_all_finite(const float *x, size_t n)
{
	uint32_t max = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t abs = fox_f32_bits(x[i]) & 0x7fffffff;
		max = abs > max ? abs : max;
	}
	return max < 0x7f800000;
}

/* The E4M3 scale that nvfp4 stores for f: 0 for NaN and what is not above 0; subnormals to nearest, halves up; from
 * 256 on 0x7e, which is 448; else to nearest by the first bit that is cut.  source: ggml-impl.h ggml_fp32_to_ue4m3 */
static inline uint8_t fox_f32_to_e4m3(float f)
{
	if (!(f > 0))
		return 0;
	if (f >= 256)
		return 0x7e;
	if (f < 0x1p-6f) {
		int steps = (int)(f * 512 + 0.5f);
		return (uint8_t)(steps > 7 ? 7 : steps);
	}
	uint32_t code = ((fox_f32_bits(f) + (1u << 19)) >> 20) - (120u << 3); /* a carry runs into the exponent */
	return code >= 0x78 ? 0x7e : (uint8_t)code;
}

#endif
