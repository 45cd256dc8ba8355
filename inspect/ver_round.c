/* ver_round.c - rounding by its definition: what a 16-bit pattern stands for, whether it is the nearest, how far a
 * q8_0 weight may be.  spec/verify.md 3.1 and 3.2 */
#include <math.h>

#include "format/base/num.h"
#include "inspect/verify.h"

double fox_ver_f16(uint16_t h)
{
	int exponent = h >> 10 & 31, fraction = h & 1023;
	double v = exponent == 31 ? (fraction ? NAN : INFINITY)
	           : exponent     ? ldexp(1024 + fraction, exponent - 25)
	                          : ldexp(fraction, -24);
	return h & 0x8000 ? -v : v;
}

double fox_ver_bf16(uint16_t h)
{
	uint8_t b[4] = {0, 0, (uint8_t)h, (uint8_t)(h >> 8)};
	return (double)fox_load_f32(b);
}

/* Magnitudes rise with the pattern, so the patterns beside it stand for the values beside it. */
bool fox_ver_is_nearest(double x, uint16_t bits, enum fox_type type)
{
	double (*value)(uint16_t) = type == FOX_F16 ? fox_ver_f16 : fox_ver_bf16;
	double v = value(bits);
	if (isnan(x) || isnan(v))
		return isnan(x) && isnan(v);
	if (signbit(x) != signbit(v))
		return false;
	if (v == x)
		return true;
	uint16_t m = bits & 0x7FFF, inf = type == FOX_F16 ? 0x7C00 : 0x7F80;
	double a = fabs(x), at = fabs(v);
	if (isinf(a))
		return false; /* equal was told above */
	/* Inf stands where the next power of two would be: IEEE 754 rounds as if the range went on */
	double largest = value((uint16_t)(inf - 1)), step = largest - value((uint16_t)(inf - 2));
	if (m == inf)
		at = largest + step;
	/* half-way to the neighbours: exact, while distances would be rounded and make ties where there are none */
	double low = m ? (value((uint16_t)(m - 1)) + at) / 2 : -INFINITY;
	double above = m + 1 == inf ? largest + step : value((uint16_t)(m + 1));
	double high = m == inf ? INFINITY : (at + above) / 2;
	return (a > low && a < high) || ((a == low || a == high) && !(m & 1));
}

/*
 * Half a step of the scale s = max|x| / 127, and what 127 steps gain from s being stored as f16: 2^-11 of it, or 2^-25
 * where f16 is subnormal. The f32 arithmetic of a quantizer moves a quotient by less than 3 * 127 * 2^-24 of a step; a
 * weight that is half a step off has |q| <= 126, and so 2^-11 of a step to spare for that.
 */
double fox_ver_q8_0_bound(double most)
{
	return (1.0 / 254 + 0x1p-11) * most + 127 * 0x1p-25;
}
