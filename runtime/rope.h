/* rope.h - rotary frequencies of a model: base, scaling of every kind, tables.  spec/arch.md 7 */
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

#endif
