/* rope.c - rotary frequencies in f64: their errors grow with the position. */
#include "runtime/rope.h"

#include <math.h>

#define TURN (2 * 3.14159265358979323846)

/* The pair (as a real number) that turns `rotations` times over the original context. */
static double pair_that_turns(const struct fox_hparams *h, double rotations)
{
	return h->rope_dims * log(h->rope.orig_ctx / (rotations * TURN)) / (2 * log((double)h->rope_theta));
}

static double scale_yarn(double *out, const struct fox_hparams *h)
{
	const struct fox_rope *r = &h->rope;
	double factor = (double)r->factor, fast = r->beta_fast != 0 ? (double)r->beta_fast : 32;
	double low = floor(pair_that_turns(h, fast));
	double high = ceil(pair_that_turns(h, r->beta_slow != 0 ? (double)r->beta_slow : 1));
	low = low < 0 ? 0 : low;
	high = high > h->rope_dims - 1 ? h->rope_dims - 1 : high;
	if (high == low)
		high += 0.001;
	for (uint32_t i = 0; i < h->rope_dims / 2; i++) {
		double ramp = (i - low) / (high - low);
		ramp = ramp < 0 ? 0 : ramp > 1 ? 1 : ramp;
		out[i] = out[i] / factor * ramp + out[i] * (1 - ramp);
	}
	return factor > 1 ? 1 + 0.1 * log(factor) : 1;
}

double fox_rope_frequencies(double *out, const struct fox_hparams *h, bool local, const float *table)
{
	double base = (double)(local ? h->rope_theta_local : h->rope_theta), multiplier = 1;
	for (uint32_t i = 0; i < h->rope_dims / 2; i++)
		out[i] = pow(base, -2.0 * i / h->rope_dims);
	if (local)
		return 1;
	if (h->rope.kind == FOX_SCALE_YARN)
		multiplier = scale_yarn(out, h);
	for (uint32_t i = 0; i < h->rope_dims / 2; i++)
		out[i] /= h->rope.kind == FOX_SCALE_LINEAR ? (double)h->rope.factor : table ? (double)table[i] : 1;
	return h->rope.attn_factor != 0 ? multiplier * (double)h->rope.attn_factor : multiplier;
}

void fox_rope_angles(float *cosines, float *sines, const double *frequency, double multiplier, uint32_t pairs,
    uint32_t from, uint32_t end)
{
	for (uint32_t pos = from; pos < end; pos++) {
		for (uint32_t i = 0; i < pairs; i++) {
			double angle = (double)pos * frequency[i];
			*cosines++ = (float)(multiplier * cos(angle));
			*sines++ = (float)(multiplier * sin(angle));
		}
	}
}

double fox_alibi_slope(uint32_t head, uint32_t n)
{
	uint32_t c = 1;
	while (2 * c <= n)
		c *= 2;
	return head < c ? exp2(-8.0 * (head + 1) / c) : exp2(-4.0 * (2 * (head - c) + 1) / c);
}
