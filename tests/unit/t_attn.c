/* t_attn.c - attention over caches of many blocks and chunks: against plain loops in double, and bit for bit for every way to cut
 * the rows into batches and for every number of workers, in all types of cache, with windows whose blocks are used again. */
#include "tests/test.h"

#include <math.h>

#include "runtime/cpu_exec.h"

enum { N = 1100, HEADS = 4, KV_HEADS = 2, DIM = 32, WIDE = HEADS * DIM, NARROW = KV_HEADS * DIM };

struct setting {
	uint32_t window;
	float cap;
	bool alibi;
	enum fox_type kv;
};

static float q[N][WIDE], k[N][NARROW], v[N][NARROW];
static float stored_k[N][NARROW], stored_v[N][NARROW]; /* as the cache has them */

static void fill(enum fox_type kv)
{
	static uint8_t bytes[NARROW * 4];
	uint64_t seed = 9;
	for (size_t r = 0; r < N; r++) {
		for (size_t i = 0; i < WIDE; i++)
			q[r][i] = 3 * ((float)test_rand(&seed) / 1073741824.0f - 1);
		for (size_t i = 0; i < NARROW; i++) {
			k[r][i] = (float)test_rand(&seed) / 1073741824.0f - 1;
			v[r][i] = (float)test_rand(&seed) / 1073741824.0f - 1;
		}
		fox_kernels()->encode[kv](bytes, k[r], NARROW);
		fox_kernels()->decode[kv](stored_k[r], bytes, NARROW);
		fox_kernels()->encode[kv](bytes, v[r], NARROW);
		fox_kernels()->decode[kv](stored_v[r], bytes, NARROW);
	}
}

static const double slopes[HEADS] = {0.25, 0.0625, 0.015625, 0.00390625};

static void plain(double *out, const struct setting *t, uint32_t pos, uint32_t head)
{
	static double score[N];
	double max = -INFINITY, sum = 0;
	uint32_t from = t->window && pos + 1 > t->window ? pos + 1 - t->window : 0, at = head / 2 * DIM;
	for (uint32_t p = from; p <= pos; p++) {
		score[p] = 0;
		for (uint32_t i = 0; i < DIM; i++)
			score[p] += (double)q[pos][head * DIM + i] * (double)stored_k[p][at + i];
		score[p] *= 0.5;
		if (t->cap != 0)
			score[p] = (double)t->cap * tanh(score[p] / (double)t->cap);
		if (t->alibi)
			score[p] -= slopes[head] * (pos - p);
		max = score[p] > max ? score[p] : max;
	}
	for (uint32_t p = from; p <= pos; p++)
		sum += score[p] = exp(score[p] - max);
	for (uint32_t i = 0; i < DIM; i++) {
		out[i] = 0;
		for (uint32_t p = from; p <= pos; p++)
			out[i] += score[p] / sum * (double)stored_v[p][at + i];
	}
}

/* Rows first .. N - 1 in steps, by a table; got is f32 [N][WIDE]. */
static void attend(float got[N][WIDE], const struct setting *t, uint32_t step, struct fox_pool *pool,
    const struct fox_kernels *kernels)
{
	struct fox_err err = {0};
	static struct fox_hparams h = {.n_layers = 1, .n_ctx = N, .d_model = WIDE, .n_vocab = 8, .head_dim = DIM};
	h.attn_softcap = t->cap, h.window = t->window, h.windowed[0] = t->window != 0;
	h.n_heads[0] = HEADS, h.n_kv_heads[0] = KV_HEADS, h.d_ff[0] = 16;
	struct fox_graph g = {.traits = {.alibi = t->alibi}};
	struct fox_dev *d;
	fox_graph_widths(&g, &h);
	struct fox_dev_ask ask = {
	    .graph = &g, .hparams = &h, .n_ctx = N, .batch = step, .kv = t->kv, .pool = pool, .kernels = kernels};
	assert_fox_ok(fox_cpu_backend.open(&d, &ask, &err), &err);
	memset(d->kv.memory, 0xff, (size_t)d->kv.bytes); /* NaN wherever nothing was put */
	struct fox_op put = {.code = FOX_OP_KV_PUT, .a = FOX_S_K, .b = FOX_S_V, .n = KV_HEADS};
	struct fox_op attn = {.code = FOX_OP_ATTN, .dst = FOX_S_A, .a = FOX_S_Q, .n = HEADS, .f = 0.5f};
	for (uint32_t at = 0; at < N; at += step) {
		struct fox_batch s = {.pos = at, .n = N - at < step ? N - at : step};
		d->s = &s, d->rows = s.n;
		memcpy(d->slot[FOX_S_Q], q[at], s.n * sizeof q[0]);
		memcpy(d->slot[FOX_S_K], k[at], s.n * sizeof k[0]);
		memcpy(d->slot[FOX_S_V], v[at], s.n * sizeof v[0]);
		fox_kv_filled(&d->kv, at + s.n);
		fox_cpu_kv_put(d, &put);
		fox_cpu_attn(d, &attn);
		memcpy(got[at], d->slot[FOX_S_A], s.n * sizeof got[0]);
	}
	fox_cpu_backend.close(d);
}

static void against_plain(const struct setting *t, float got[N][WIDE])
{
	for (uint32_t pos = 0; pos < N; pos += pos % 64 == 62 ? 1 : pos % 64 == 63 ? 3 : 15)
		for (uint32_t head = 0; head < HEADS; head++) {
			double want[DIM];
			plain(want, t, pos, head);
			for (uint32_t i = 0; i < DIM; i++)
				if (!(fabs((double)got[pos][head * DIM + i] - want[i]) < 4e-6))
					fail_msg("window %u, cap %g, kv %u, position %u, head %u: %.9g, want %.9g", t->window,
					    (double)t->cap, (unsigned)t->kv, pos, head, (double)got[pos][head * DIM + i],
					    want[i]);
		}
}

static void check(const struct setting *t, struct fox_pool *const *pools, size_t n_pools)
{
	static float got[N][WIDE], again[N][WIDE];
	static const uint32_t steps[] = {1, 7, 16, 90, 300};
	fill(t->kv);
	attend(got, t, N, NULL, NULL);
	against_plain(t, got);
	for (size_t s = 0; s < FOX_COUNT(steps); s++) {
		attend(again, t, steps[s], pools[s % n_pools], NULL);
		assert_memory_equal(got, again, sizeof got);
	}
	for (size_t p = 0; p < n_pools; p++) {
		attend(again, t, 16, pools[p], NULL);
		assert_memory_equal(got, again, sizeof got);
	}
}

static void cuts_and_workers(void **state)
{
	(void)state;
	static const struct setting settings[] = {
	    {0, 0, false, FOX_F32},
	    {0, 0, false, FOX_F16},
	    {0, 0, false, FOX_BF16},
	    {0, 0, false, FOX_Q8_0},
	    {1, 0, false, FOX_F16},
	    {100, 0, false, FOX_F32},
	    {256, 0, false, FOX_BF16},
	    {300, 20, false, FOX_Q8_0},
	    {64, 0, true, FOX_F16},
	    {0, 5, true, FOX_F32},
	};
	struct fox_pool *pools[] = {NULL, fox_pool_open(2), fox_pool_open(5)};
	for (size_t i = 0; i < FOX_COUNT(settings); i++)
		check(&settings[i], pools, FOX_COUNT(pools));
	for (size_t i = 0; i < FOX_COUNT(pools); i++)
		fox_pool_close(pools[i]);
}

/* Each instruction set of this machine, within what their kernels may differ by. */
static void instruction_sets(void **state)
{
	(void)state;
	static float got[N][WIDE];
	static const uint32_t sets[] = {0, FOX_ISA_AVX2, FOX_ISA_AVX2 | FOX_ISA_AVX512};
	static const struct setting t = {300, 20, true, FOX_Q8_0};
	fill(t.kv);
	for (size_t i = 0; i < FOX_COUNT(sets); i++) {
		struct fox_kernels kernels;
		if (sets[i] & ~fox_cpu_isa())
			continue;
		fox_kernels_init(&kernels, sets[i]);
		attend(got, &t, 64, NULL, &kernels);
		against_plain(&t, got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cuts_and_workers),
	    cmocka_unit_test(instruction_sets),
	};
	return cmocka_run_group_tests_name("attn", tests, NULL, NULL);
}
