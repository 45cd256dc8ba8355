/* sample.h - choosing the next token from logits: greedy, temperature, top-k, top-p; a seeded generator of
 * its own.
 *
 * Equal logits, options and seed give equal tokens. Order of the steps: temperature, then top-k, then top-p,
 * as in HF transformers.  spec/runtime.md 6 */
#ifndef FOX_SAMPLE_H
#define FOX_SAMPLE_H

#include "format/base/err.h"

struct fox_sample_options {
	float temperature; /* 0: greedy; else logits are divided by it; >= 0, finite */
	uint32_t top_k;    /* keep the k likeliest; 0: all */
	float top_p; /* keep the likeliest until their probabilities reach p; 1: all; 0: the likeliest alone; 0..1
	              */
	uint64_t seed;
};

struct fox_sampler;

/*
 * fox_sampler_open - scratch for a vocabulary of n tokens; nothing is allocated later
 *
 * errors FOX_E_ARG an option out of range, or n == 0; FOX_E_NOMEM
 */
enum fox_status fox_sampler_open(struct fox_sampler **out, const struct fox_sample_options *options,
    uint32_t n, struct fox_err *err) FOX_MUST_CHECK;
void fox_sampler_close(struct fox_sampler *s); /* NULL is fine */

/*
 * fox_sampler_next - the next token's id, or -1 when no logit is a number above -inf
 *
 * logits  f32[n]; NaN never wins; of equal logits the lower id counts as the likelier
 */
int32_t fox_sampler_next(struct fox_sampler *s, const float *logits);

/* The lowest index of the largest of n logits; -1 when none is a number above -inf. */
int32_t fox_likeliest(const float *logits, uint32_t n);

/* The generator: SplitMix64.  source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators"
 * (2014) */
uint64_t fox_rng_next(uint64_t *state);

#endif
