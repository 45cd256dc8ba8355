/* sample.c - sampling by one heap: the likeliest tokens are taken off it until top-k or top-p says enough. */
#include "runtime/sample.h"

#include <math.h>
#include <stdlib.h>

struct fox_sampler {
	struct fox_sample_options o;
	uint64_t rng;
	uint32_t n;
	uint32_t *heap; /* ids; the likeliest at [0] */
	double *weight; /* [n]: of the tokens taken, in order */
	uint32_t *taken;
};

enum fox_status fox_sampler_open(
    struct fox_sampler **out, const struct fox_sample_options *options, uint32_t n, struct fox_err *err)
{
	*out = NULL;
	if (!(options->temperature >= 0) || !isfinite(options->temperature))
		return fox_fail(
		    err, FOX_E_ARG, FOX_NOWHERE, "temperature %g, want 0 or more", (double)options->temperature);
	if (!(options->top_p >= 0) || options->top_p > 1)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "top-p %g, want 0 to 1", (double)options->top_p);
	if (n == 0 || n > INT32_MAX)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "a vocabulary of %u tokens to choose from", n);
	struct fox_sampler *s = calloc(1, sizeof *s);
	if (!s)
		return fox_fail_nomem(err);
	s->o = *options;
	s->rng = options->seed;
	s->n = n;
	s->heap = calloc(n, sizeof *s->heap);
	s->weight = calloc(n, sizeof *s->weight);
	s->taken = calloc(n, sizeof *s->taken);
	if (!s->heap || !s->weight || !s->taken) {
		fox_sampler_close(s);
		return fox_fail_nomem(err);
	}
	*out = s;
	return FOX_OK;
}

void fox_sampler_close(struct fox_sampler *s)
{
	if (!s)
		return;
	free(s->heap);
	free(s->weight);
	free(s->taken);
	free(s);
}

uint64_t fox_rng_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* Uniform in [0, 1), 53 bits. */
static double uniform(uint64_t *state)
{
	return (double)(fox_rng_next(state) >> 11) * 0x1p-53;
}

int32_t fox_likeliest(const float *logits, uint32_t n)
{
	int32_t best = -1;
	for (uint32_t i = 0; i < n; i++)
		if (logits[i] > -INFINITY && (best < 0 || logits[i] > logits[best])) /* false for NaN */
			best = (int32_t)i;
	return best;
}

static bool before(const float *logits, uint32_t a, uint32_t b)
{
	return logits[a] > logits[b] || (logits[a] == logits[b] && a < b);
}

static void sift(uint32_t *heap, size_t n, size_t i, const float *logits)
{
	uint32_t id = heap[i];
	for (size_t child; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && before(logits, heap[child + 1], heap[child]))
			child++;
		if (!before(logits, heap[child], id))
			break;
		heap[i] = heap[child];
	}
	heap[i] = id;
}

/* The probability of a token against the likeliest one's, at the temperature. */
static double weight_of(const struct fox_sampler *s, float logit, float top)
{
	return exp(((double)logit - (double)top) / (double)s->o.temperature);
}

/* Take tokens off the heap, likeliest first, until `want` are taken or their weights reach `reach`; at least
 * one. */
static size_t take(struct fox_sampler *s, const float *logits, size_t n, size_t want, double reach)
{
	size_t n_taken = 0;
	double have = 0;
	for (size_t i = n / 2; i-- > 0;)
		sift(s->heap, n, i, logits);
	float top = logits[s->heap[0]];
	do {
		uint32_t id = s->heap[0];
		s->heap[0] = s->heap[--n];
		if (n)
			sift(s->heap, n, 0, logits);
		double w = weight_of(s, logits[id], top);
		s->taken[n_taken] = id;
		s->weight[n_taken++] = w;
		have += w;
	} while (n > 0 && n_taken < want && have < reach);
	return n_taken;
}

/* Of the taken tokens, the fewest whose weights reach p of their sum; at least one. */
static size_t keep_p(const struct fox_sampler *s, size_t n)
{
	double sum = 0, have = 0;
	for (size_t i = 0; i < n; i++)
		sum += s->weight[i];
	for (size_t i = 0; i < n; i++) {
		have += s->weight[i];
		if (have >= (double)s->o.top_p * sum)
			return i + 1;
	}
	return n;
}

static int32_t draw(struct fox_sampler *s, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += s->weight[i];
	double at = uniform(&s->rng) * sum;
	for (size_t i = 0; i < n; i++) {
		at -= s->weight[i];
		if (at < 0)
			return (int32_t)s->taken[i];
	}
	return (int32_t)s->taken[0]; /* rounding left a remainder past the last weight */
}

int32_t fox_sampler_next(struct fox_sampler *s, const float *logits)
{
	int32_t best = fox_likeliest(logits, s->n);
	if (best < 0 || s->o.temperature == 0 || s->o.top_k == 1 || isinf(logits[best]))
		return best;
	size_t n = 0;
	for (uint32_t i = 0; i < s->n; i++)
		if (logits[i] > -INFINITY)
			s->heap[n++] = i;
	if (s->o.top_k && s->o.top_k < n)
		return draw(s, keep_p(s, take(s, logits, n, s->o.top_k, INFINITY)));
	double all = 0;
	for (size_t i = 0; i < n; i++) {
		s->taken[i] = s->heap[i];
		s->weight[i] = weight_of(s, logits[s->heap[i]], logits[best]);
		all += s->weight[i];
	}
	/* Where every token is kept, the order of the ids will do: no need to sort. */
	return draw(s, s->o.top_p >= 1 ? n : take(s, logits, n, n, (double)s->o.top_p * all));
}
