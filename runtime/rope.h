/* rope.h - where positions enter a model: rotary frequencies and angles, ALiBi slopes.  spec/arch.md 7 */
#ifndef FOX_ROPE_H
#define FOX_ROPE_H

#include "format/hparam.h"

/*
 * fox_rope_frequencies - angle per position of each pair, and what cos and sin are multiplied by
 *
 *   plain     f_i = base^(-2i / d)                                                d = rope_dims
 *   linear    f_i / factor
 *   llama3    f_i / table_i
 *   longrope  f_i / table_i; times attn_factor
 *   yarn      f_i / factor * r_i + f_i * (1 - r_i), r a ramp from 0 to 1 between the pairs that turn beta_fast and
 *             beta_slow times over orig_ctx positions; times attn_factor * (1 + 0.1 ln factor)
 *
 * out      f64 [rope_dims / 2]
 * local    the base of windowed layers, unscaled
 * table    f32 [rope_dims / 2]: of llama3, or the longrope table for the context at hand; NULL: 1
 * returns  the multiplier of cos and sin
 * source   transformers modeling_rope_utils.py; llama.cpp ggml rope_yarn and llama-context.cpp
 */
double fox_rope_frequencies(double *out, const struct fox_hparams *h, bool local, const float *table);

/* cos and sin [end - from][pairs] of positions from .. end - 1, in double until the last rounding. frequency [pairs] and
 * multiplier: of fox_rope_frequencies. */
void fox_rope_angles(float *cosines, float *sines, const double *frequency, double multiplier, uint32_t pairs,
    uint32_t from, uint32_t end);

/*
 * fox_alibi_slope - how much a score falls per position of distance
 *
 * 2^(-8 (head + 1) / c) for the first c of n heads, c the largest power of two among n; the rest lie halfway between,
 * 2^(-4 (2 (head - c) + 1) / c).
 *
 * source   Press et al. 2022, and for other numbers of heads transformers modeling_bloom.py build_alibi_tensor
 */
double fox_alibi_slope(uint32_t head, uint32_t n);

#endif
