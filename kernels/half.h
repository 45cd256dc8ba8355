/* half.h - f16 and bf16 to f32 and back, without intrinsics. static inline only.
 *
 * Widening is exact. Narrowing rounds to nearest, ties to even; what is too large becomes Inf, subnormals are
 * kept. NaN stays NaN with its sign and the top of its payload, made quiet where bits are dropped or the
 * CPU's own conversion makes it quiet (f16 to f32), so that every ISA gives the same bits.   source: IEEE
 * 754-2019 3.4, 4.3.1, 6.2 */
#ifndef FOX_HALF_H
#define FOX_HALF_H

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

#endif
