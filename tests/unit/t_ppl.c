/* t_ppl.c - chunks of a text, perplexity and KL divergence: against formulas written out over logits of whole chunks, bit
 * for bit across threads; statistics against numbers worked out by hand. */
#include "tests/tiny.h"

#include <math.h>

#include "runtime/ppl_stat.h"

enum { CTX = 40, CHUNKS = 3, VOCAB = 97, ALL = CHUNKS * (CTX / 2 - 1) };

static const int32_t *random_ids(void)
{
	static int32_t ids[CTX * CHUNKS + 7];
	uint64_t seed = 5;
	for (size_t i = 0; i < FOX_COUNT(ids); i++)
		ids[i] = (int32_t)(test_rand(&seed) % VOCAB);
	return ids;
}

static struct fox_chunks chunks_of(int32_t bos)
{
	return (struct fox_chunks){
	    .ids = (int32_t *)random_ids(), .n_ids = CTX * CHUNKS + 7, .n_ctx = CTX, .n = CHUNKS, .bos = bos};
}

static struct fox_model *model_of(const char *name, struct tiny t)
{
	struct fox_err e = {0};
	struct fox_model *m;
	assert_fox_ok(fox_model_open(&m, tiny_write(name, t), &e), &e);
	return m;
}

static struct fox_model *other_model(void)
{
	struct tiny t = TINY;
	t.type = FOX_Q8_0;
	return model_of("other.gguf", t);
}

/* ---- the formulas, over logits of one run of each whole chunk */

static float logits[2][CTX][VOCAB];

static void whole_chunk(
    float out[CTX][VOCAB], const struct fox_model *m, const struct fox_chunks *c, uint32_t i)
{
	struct fox_err e = {0};
	struct fox_session *s;
	struct fox_session_options o = {.n_ctx = CTX, .batch = CTX};
	struct fox_session_taps taps = {.logits = out[0]};
	int32_t ids[CTX];
	for (int k = 0; k < CTX; k++)
		ids[k] = c->ids[i * CTX + (uint32_t)k];
	if (c->bos >= 0)
		ids[0] = c->bos;
	assert_fox_ok(fox_session_open(&s, m, &o, &e), &e);
	assert_fox_ok(fox_session_step(s, ids, CTX, &taps, &e), &e);
	fox_session_close(s);
}

static void probabilities(double *p, const float *x)
{
	double sum = 0;
	for (int i = 0; i < VOCAB; i++)
		sum += p[i] = exp((double)x[i]);
	for (int i = 0; i < VOCAB; i++)
		p[i] /= sum;
}

static int likeliest(const double *p)
{
	int best = 0;
	for (int i = 0; i < VOCAB; i++)
		best = p[i] > p[best] ? i : best;
	return best;
}

/* Sums as llama-perplexity keeps them. */
struct plain {
	double n, nll, nll2, base, base2, both, kld, kld2, d, d2, d4, most, same;
};

static struct plain plain_sums(
    const struct fox_model *m, const struct fox_model *base, const struct fox_chunks *c)
{
	struct plain s = {0};
	for (uint32_t i = 0; i < c->n; i++) {
		whole_chunk(logits[0], m, c, i);
		whole_chunk(logits[1], base, c, i);
		for (int k = CTX / 2; k < CTX - 1; k++) {
			double p[VOCAB], b[VOCAB], kld = 0;
			int want = c->ids[i * CTX + (uint32_t)k + 1];
			probabilities(p, logits[0][k]);
			probabilities(b, logits[1][k]);
			for (int t = 0; t < VOCAB; t++)
				kld += b[t] * log(b[t] / p[t]);
			double x = -log(p[want]), y = -log(b[want]), d = p[want] - b[want];
			s.n++, s.nll += x, s.nll2 += x * x, s.base += y, s.base2 += y * y, s.both += x * y;
			s.kld += kld, s.kld2 += kld * kld, s.d += d, s.d2 += d * d, s.d4 += d * d * d * d;
			s.most = fabs(d) > s.most ? fabs(d) : s.most;
			s.same += likeliest(p) == likeliest(b);
		}
	}
	return s;
}

static void close_to(double got, double want, double of)
{
	if (!(fabs(got - want) <= 1e-9 * fabs(of)))
		fail_msg("%.17g, want %.17g", got, want);
}

static double error_of(double sum, double sum2, double n)
{
	return sqrt((sum2 / n - sum / n * (sum / n)) / (n - 1));
}

static void check_pair(int32_t bos)
{
	struct fox_err e = {0};
	struct fox_chunks c = chunks_of(bos);
	struct fox_model *m = other_model(), *base = model_of("base.gguf", TINY);
	struct fox_ppl_options o = {0};
	struct fox_ppl_pair f;
	struct plain s = plain_sums(m, base, &c);
	assert_fox_ok(fox_ppl_compare(&f, m, base, &c, &o, &e), &e);
	double n = s.n, ex = error_of(s.nll, s.nll2, n), ey = error_of(s.base, s.base2, n);
	double cov = (s.both / n - s.nll / n * (s.base / n)) / (n - 1), rms = sqrt(s.d2 / n);
	assert_int_equal(f.model.n, ALL);
	assert_int_equal(f.base.n, ALL);
	close_to(f.model.ln.value, s.nll / n, s.nll / n);
	close_to(f.model.ppl.value, exp(s.nll / n), exp(s.nll / n));
	close_to(f.model.ppl.error, exp(s.nll / n) * ex, exp(s.nll / n));
	close_to(f.base.ppl.value, exp(s.base / n), exp(s.base / n));
	close_to(f.base.ppl.error, exp(s.base / n) * ey, exp(s.base / n));
	close_to(f.ln_ratio.value, (s.nll - s.base) / n, s.nll / n);
	/* as differences of large numbers these lose digits in the textbook's form */
	assert_true(fabs(f.ln_ratio.error - sqrt(ex * ex + ey * ey - 2 * cov)) < 1e-7);
	assert_true(fabs(f.correlation - cov / (ex * ey)) < 1e-9);
	close_to(f.ratio.value, exp((s.nll - s.base) / n), 1);
	close_to(f.kld.value, s.kld / n, s.kld / n);
	close_to(f.kld.error, error_of(s.kld, s.kld2, n), s.kld / n);
	close_to(f.delta_p.value, s.d / n, rms);
	close_to(f.delta_p.error, error_of(s.d, s.d2, n), rms);
	close_to(f.delta_p_rms.value, rms, rms);
	close_to(f.delta_p_rms.error, 0.5 / rms * error_of(s.d2, s.d4, n), rms);
	close_to(f.delta_p_max, s.most, s.most);
	close_to(f.same_top.value, s.same / n, 1);
	assert_true(s.kld / n > 1e-8); /* the two do differ */
	struct fox_ppl one;
	assert_fox_ok(fox_ppl_run(&one, m, &c, &o, &e), &e);
	assert_memory_equal(&one, &f.model, sizeof one);
	fox_model_close(m);
	fox_model_close(base);
}

static void formulas(void **state)
{
	(void)state;
	check_pair(FOX_TOK_NONE);
	check_pair(1);
}

/* bos stands where the chunk's first id was, and only when run. */
static void bos(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct fox_chunks with = chunks_of(7), without = chunks_of(FOX_TOK_NONE), put = without;
	struct fox_model *m = model_of("m.gguf", TINY);
	struct fox_ppl_options o = {0};
	struct fox_ppl a, b, c;
	int32_t ids[CTX * CHUNKS + 7], one[CTX];
	memcpy(ids, random_ids(), sizeof ids);
	for (int i = 0; i < CHUNKS; i++)
		ids[i * CTX] = 7;
	put.ids = ids;
	fox_chunks_get(&with, 1, one);
	assert_memory_equal(one, ids + CTX, sizeof one);
	assert_fox_ok(fox_ppl_run(&a, m, &with, &o, &e), &e);
	assert_fox_ok(fox_ppl_run(&b, m, &put, &o, &e), &e);
	assert_fox_ok(fox_ppl_run(&c, m, &without, &o, &e), &e);
	assert_memory_equal(&a, &b, sizeof a);
	assert_true(a.ln.value < c.ln.value || a.ln.value > c.ln.value);
	fox_model_close(m);
}

static void threads(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct fox_chunks c = chunks_of(1);
	struct fox_model *m = other_model(), *base = model_of("base.gguf", TINY);
	struct fox_ppl_pair want, got;
	memset(&want, 0, sizeof want);
	assert_fox_ok(fox_ppl_compare(&want, m, base, &c, &(struct fox_ppl_options){0}, &e), &e);
	for (unsigned n = 2; n <= 5; n++) {
		struct fox_pool *pool = fox_pool_open(n);
		memset(&got, 0, sizeof got);
		assert_fox_ok(fox_ppl_compare(&got, m, base, &c, &(struct fox_ppl_options){.pool = pool}, &e), &e);
		assert_memory_equal(&got, &want, sizeof got);
		fox_pool_close(pool);
	}
	fox_model_close(m);
	fox_model_close(base);
}

/* A model against itself: nothing differs, not even in the last digit. */
static void itself(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct fox_chunks c = chunks_of(1);
	struct fox_model *m = model_of("m.gguf", TINY);
	struct fox_ppl_pair f;
	assert_fox_ok(fox_ppl_compare(&f, m, m, &c, &(struct fox_ppl_options){0}, &e), &e);
	assert_memory_equal(&f.model, &f.base, sizeof f.model);
	const double zero[] = {f.ln_ratio.value, f.ln_ratio.error, f.kld.value, f.kld.error, f.kld_max, f.kld_999,
	    f.delta_p.value, f.delta_p.error, f.delta_p_rms.value, f.delta_p_rms.error, f.delta_p_max,
	    f.same_top.error, f.ratio.value - 1, f.same_top.value - 1};
	for (size_t i = 0; i < FOX_COUNT(zero); i++)
		assert_true(zero[i] >= 0 && zero[i] <= 0);
	fox_model_close(m);
}

/* Infinite and absent logits: figures are no numbers, and nothing else happens. */
static void not_a_number(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct tiny t = TINY;
	t.nan = "blk.1.attn_k.weight";
	struct fox_chunks c = chunks_of(1);
	struct fox_model *m = model_of("nan.gguf", t), *base = model_of("base.gguf", TINY);
	struct fox_ppl_pair f;
	assert_fox_ok(fox_ppl_compare(&f, m, base, &c, &(struct fox_ppl_options){0}, &e), &e);
	assert_true(
	    isnan(f.model.ppl.value) && isnan(f.kld.value) && isnan(f.kld_median) && isnan(f.delta_p_max));
	assert_true(isfinite(f.base.ppl.value));
	fox_model_close(m);
	fox_model_close(base);
}

/* ---- statistics by hand */

static void near(double got, double want)
{
	if (!(fabs(got - want) < 1e-14))
		fail_msg("%.17g, want %.17g", got, want);
}

static void by_hand(void **state)
{
	(void)state;
	struct fox_err e = {0};
	const struct ppl_row rows[] = {
	    {{1, 1}, 0.1, true}, {{2, 1}, 0.4, true}, {{3, 3}, 0.2, false}, {{4, 3}, 0.3, true}};
	struct fox_chunks c = {.n_ctx = 10, .n = 1};
	struct fox_ppl_pair f;
	assert_fox_ok(ppl_stat_pair(&f, rows, 4, &c, &e), &e);
	near(f.model.ln.value, 2.5);
	near(f.model.ln.error, 0.6454972243679028); /* sqrt(1.25 / 3) */
	near(f.model.ppl.value, 12.182493960703473);
	near(f.ln_ratio.value, 0.5);
	near(f.ln_ratio.error, 0.28867513459481287); /* sqrt(0.25 / 3) */
	near(f.correlation, 1 / sqrt(1.25));
	near(f.kld.value, 0.25);
	near(f.kld.error, 0.06454972243679028); /* sqrt(0.0125 / 3) */
	near(f.kld_min, 0.1);
	near(f.kld_median, 0.25);
	near(f.kld_90, 0.37); /* 0.7 of the way from the third to the fourth */
	near(f.kld_99, 0.397);
	near(f.kld_999, 0.3997);
	near(f.kld_max, 0.4);
	near(f.same_top.value, 0.75);
	near(f.same_top.error, 0.25);
	near(f.delta_p.value, (exp(-2) - exp(-1) + exp(-4) - exp(-3)) / 4);
	near(f.delta_p_max, exp(-1) - exp(-2));
	assert_fox_ok(ppl_stat_pair(&f, rows, 1, &c, &e), &e);
	near(f.model.ln.error, 0);
	near(f.kld_999, 0.1);
	assert_int_equal(f.model.n, 1);
}

/* ---- what ends a run */

static enum fox_status stop_at(void *ctx, const struct fox_ppl_progress *p, struct fox_err *err)
{
	uint32_t *calls = ctx;
	assert_int_equal(p->n_chunks, CHUNKS);
	if (++*calls == 4)
		return fox_fail(err, FOX_E_CANCELLED, FOX_NOWHERE, "stopped");
	return FOX_OK;
}

static struct fox_ppl_progress last;
static enum fox_status note(void *ctx, const struct fox_ppl_progress *p, struct fox_err *err)
{
	(void)ctx, (void)err;
	assert_true(p->chunk >= last.chunk && p->n >= last.n);
	last = *p;
	return FOX_OK;
}

static void progress(void **state)
{
	(void)state;
	struct fox_err e = {0};
	uint32_t calls = 0;
	struct fox_chunks c = chunks_of(1);
	struct fox_model *m = model_of("m.gguf", TINY);
	struct fox_ppl_options o = {.progress = stop_at, .progress_ctx = &calls};
	struct fox_ppl p;
	assert_int_equal(fox_ppl_run(&p, m, &c, &o, &e), FOX_E_CANCELLED);
	assert_int_equal(calls, 4);
	o.progress = note;
	e = (struct fox_err){0};
	assert_fox_ok(fox_ppl_run(&p, m, &c, &o, &e), &e);
	assert_int_equal(last.chunk, CHUNKS);
	assert_int_equal(last.n, ALL);
	close_to(last.ppl, p.ppl.value, p.ppl.value);
	fox_model_close(m);
}

static void mismatches(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct tiny small = TINY;
	small.vocab = 90;
	struct fox_chunks c = chunks_of(1);
	struct fox_model *m = model_of("m.gguf", TINY), *less = model_of("less.gguf", small);
	struct fox_ppl_pair f;
	struct fox_ppl p;
	struct fox_ppl_options o = {0};
	assert_int_equal(fox_ppl_compare(&f, m, less, &c, &o, &e), FOX_E_MISMATCH);
	assert_fox_err(&e, FOX_E_MISMATCH, FOX_NOWHERE, "the models have 97 and 90 logits a position");
	e = (struct fox_err){0};
	int32_t first = -1;
	for (int i = 0; first < 0; i++)
		first = random_ids()[i] >= 90 ? random_ids()[i] : -1;
	char text[96];
	snprintf(text, sizeof text, "token id %d of the text, where the model has rows for 90", first);
	assert_int_equal(fox_ppl_run(&p, less, &c, &o, &e), FOX_E_MISMATCH);
	assert_fox_err(&e, FOX_E_MISMATCH, FOX_NOWHERE, text);
	fox_model_close(m);
	fox_model_close(less);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(formulas),
	    cmocka_unit_test(bos),
	    cmocka_unit_test(threads),
	    cmocka_unit_test(itself),
	    cmocka_unit_test(not_a_number),
	    cmocka_unit_test(by_hand),
	    cmocka_unit_test(progress),
	    cmocka_unit_test(mismatches),
	};
	return cmocka_run_group_tests_name("ppl", tests, NULL, NULL);
}
