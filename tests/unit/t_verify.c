/* The verifier's arithmetic against brute force, and its checks where a command line is too coarse. */
#include "tests/npz_make.h"
#include "tests/tiny.h"

#include <math.h>

#include "format/type.h"
#include "inspect/verify.h"
#include "kernels/half.h"
#include "kernels/quant.h"

/* ---- rounding: every boundary between neighbours of a 16-bit type */

/* Magnitudes of the finite patterns, by the definition of the formats. */
static double *magnitudes(enum fox_type t, uint32_t *n)
{
	int fraction_bits = t == FOX_F16 ? 10 : 7, bias = t == FOX_F16 ? 15 : 127;
	*n = t == FOX_F16 ? 0x7C00 : 0x7F80;
	double *v = malloc(*n * sizeof *v);
	assert_non_null(v);
	for (uint32_t m = 0; m < *n; m++) {
		int exponent = (int)(m >> fraction_bits), fraction = (int)(m & ((1u << fraction_bits) - 1));
		v[m] = exponent ? ldexp((1 << fraction_bits) + fraction, exponent - bias - fraction_bits)
		                : ldexp(fraction, 1 - bias - fraction_bits);
	}
	return v;
}

/* Only this pattern, of those near it, of Inf, NaN, zero and the other sign, may pass. */
static void only(double x, uint32_t want, uint32_t inf, enum fox_type t)
{
	const uint32_t near[] = {want, want - 1, want + 1, want - 2, want + 2, inf, inf - 1, inf + 1, 0};
	uint32_t sign = signbit(x) ? 0x8000 : 0;
	for (size_t i = 0; i < FOX_COUNT(near); i++) {
		uint32_t m = near[i] & 0x7FFF;
		bool right = m == want;
		if (fox_ver_is_nearest(x, (uint16_t)(m | sign), t) != right ||
		    fox_ver_is_nearest(x, (uint16_t)(m | (sign ^ 0x8000)), t))
			fail_msg("%a: pattern %04x judged wrongly, want %04x", x, m | sign, want);
	}
}

static void check_roundings(enum fox_type t)
{
	uint32_t n;
	double *v = magnitudes(t, &n);
	for (int negative = 0; negative < 2; negative++) {
		double s = negative ? -1 : 1;
		for (uint32_t m = 0; m < n; m++) {
			double next = m + 1 < n ? v[m + 1] : v[m] + (v[m] - v[m - 1]), half = (v[m] + next) / 2;
			only(s * v[m], m, n, t);
			only(s * half, m & 1 ? m + 1 : m, n, t); /* a tie: to the even one, past the last to Inf */
			only(s * nextafter(half, 0), m, n, t);
			only(s * nextafter(half, INFINITY), m + 1, n, t);
		}
		only(s * INFINITY, n, n, t);
		only(s * 1e300, n, n, t);
	}
	free(v);
}

static void rounds_f16_to_nearest_even(void **state)
{
	(void)state;
	check_roundings(FOX_F16);
}

static void rounds_bf16_to_nearest_even(void **state)
{
	(void)state;
	check_roundings(FOX_BF16);
}

static void nan_stands_for_nan(void **state)
{
	(void)state;
	assert_true(fox_ver_is_nearest(NAN, 0x7E00, FOX_F16));
	assert_true(fox_ver_is_nearest(NAN, 0xFC01, FOX_F16));
	assert_true(fox_ver_is_nearest(NAN, 0x7FC0, FOX_BF16));
	assert_false(fox_ver_is_nearest(NAN, 0x7C00, FOX_F16));
	assert_false(fox_ver_is_nearest(NAN, 0, FOX_F16));
	assert_false(fox_ver_is_nearest(0, 0x7E00, FOX_F16));
	assert_false(fox_ver_is_nearest(INFINITY, 0x7E00, FOX_F16));
	assert_false(fox_ver_is_nearest(-0.0, 0, FOX_BF16));
	assert_true(fox_ver_is_nearest(-0.0, 0x8000, FOX_BF16));
}

/* ---- the bound of q8_0: the format's own quantizer never passes it, and comes close */

static void bounds_q8_0(void **state)
{
	(void)state;
	uint64_t seed = 7;
	double closest = 0;
	for (int round = 0; round < 200000; round++) {
		float x[32], most = 0;
		struct fox_q8_0 block;
		/* from deep in f16's subnormal scales up to its largest */
		double size = ldexp(1 + test_rand(&seed) / 2147483648.0, (int)(test_rand(&seed) % 44) - 22);
		for (int i = 0; i < 32; i++) {
			double steps = (double)(int)(test_rand(&seed) % 255) - 127,
			       near = test_rand(&seed) / 2147483648.0 - 0.5;
			x[i] = (float)(round & 1 ? size * (steps + 0.5) / 127.5 : size * (steps + near) / 127.5);
			most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
		}
		fox_quant_q8_0(&block, x, 32);
		double d = (double)fox_f16_to_f32(fox_load16(&block)), bound = fox_ver_q8_0_bound((double)most);
		for (int i = 0; i < 32; i++) {
			double error = fabs((double)x[i] - d * (int8_t)((const uint8_t *)&block)[2 + i]);
			if (!(error <= bound))
				fail_msg("round %d: error %g, bound %g, most %g", round, error, bound, (double)most);
			closest = error / bound > closest ? error / bound : closest;
		}
	}
	assert_true(closest > 0.95);
}

/* ---- integrity over memory: pages are not given back, a second look sees the same */

static void finding_texts(struct fox_verify *v, const char *grade, size_t want)
{
	size_t n = 0;
	for (size_t i = 0; i < v->found.n; i++)
		n += !strcmp(fox_grade_name(v->found.list[i].grade), grade);
	assert_int_equal(n, want);
}

static void hashes_memory(void **state)
{
	(void)state;
	char *bytes;
	size_t n;
	struct fox_err e = {0};
	struct fox_gguf *g;
	assert_fox_ok(fox_path_slurp(tiny_write("mem.gguf", TINY), 1 << 24, &bytes, &n, &e), &e);
	assert_fox_ok(fox_gguf_open_bytes(&g, (struct fox_span){(const uint8_t *)bytes, n}, "mem", &e), &e);
	for (int turn = 0; turn < 2; turn++) {
		struct fox_report r;
		fox_report_init(&r, "t", "t");
		struct fox_verify v = {.g = g, .report = &r};
		assert_fox_ok(fox_ver_integrity(&v, &e), &e);
		finding_texts(&v, "fail", 0);
		finding_texts(&v, "ok", 3);
		fox_findings_free(&v.found);
		fox_report_free(&r);
	}
	fox_gguf_close(g);
	free(bytes);
}

/* Every bit of a small fox file: flipped, it is refused or disproven. Data bits by a sample. */
static void finds_every_bit(void **state)
{
	(void)state;
	char *bytes;
	size_t n;
	struct fox_err e = {0};
	struct tiny t = TINY;
	t.layers = 1;
	t.d_model = 32, t.ff = 32, t.vocab = 33, t.heads = 2;
	assert_fox_ok(fox_path_slurp(tiny_write("bits.gguf", t), 1 << 24, &bytes, &n, &e), &e);
	for (size_t at = 0; at < n; at += at < 2500 ? 1 : 97) {
		struct fox_gguf *g;
		struct fox_err why = {0};
		struct fox_report r;
		bytes[at] ^= (char)(1 << at % 8);
		if (!fox_gguf_open_bytes(&g, (struct fox_span){(const uint8_t *)bytes, n}, "bits", &why)) {
			fox_report_init(&r, "t", "t");
			struct fox_verify v = {.g = g, .report = &r};
			assert_fox_ok(fox_ver_integrity(&v, &e), &e);
			if (!v.found.n_fail)
				fail_msg("byte %zu of %zu: bit flipped, and proven", at, n);
			fox_findings_free(&v.found);
			fox_report_free(&r);
		}
		fox_gguf_close(g);
		bytes[at] ^= (char)(1 << at % 8);
	}
	free(bytes);
}

/* ---- logits: references that are not the model's */

struct shape {
	uint64_t n, vocab, layers, width;
	int32_t id;
	float logit; /* every one */
};

static enum fox_status try_reference(struct fox_verify *v, struct shape s, struct fox_err *e)
{
	struct npz z = {0};
	char text[64];
	const char *p = test_path("ref.npz");
	int32_t *ids = calloc(s.n, sizeof *ids);
	float *logits = calloc(s.n * s.vocab, sizeof *logits), *hidden = calloc(s.layers * s.n * s.width + 1, 4);
	for (uint64_t i = 0; i < s.n; i++)
		ids[i] = s.id;
	for (uint64_t i = 0; i < s.n * s.vocab; i++)
		logits[i] = s.logit;
	snprintf(text, sizeof text, "%llu,", (unsigned long long)s.n);
	npz_add(&z, "input_ids", "<i4", text, ids, s.n * 4);
	snprintf(text, sizeof text, "%llu, %llu", (unsigned long long)s.n, (unsigned long long)s.vocab);
	npz_add(&z, "logits", "<f4", text, logits, s.n * s.vocab * 4);
	snprintf(text, sizeof text, "%llu, %llu, %llu", (unsigned long long)s.layers, (unsigned long long)s.n,
	    (unsigned long long)s.width);
	if (s.layers)
		npz_add(&z, "hidden_states", "<f4", text, hidden, s.layers * s.n * s.width * 4);
	npz_save(&z, p);
	free(ids);
	free(logits);
	free(hidden);
	const struct fox_ver_limits limits = {0};
	return fox_ver_logits(v, p, &limits, e);
}

static void refuses_other_models(void **state)
{
	(void)state;
	static const struct {
		struct shape s;
		const char *says;
	} cases[] = {
	    {{4, 96, 0, 0, 1, 0}, "reference has 96 logits per position, the model 97 tokens"},
	    {{4, 98, 0, 0, 1, 0}, "reference has 98 logits per position, the model 97 tokens"},
	    {{4, 97, 0, 0, 97, 0}, "reference has id 97 at position 0, the model 97 tokens"},
	    {{4, 97, 2, 64, 1, 0}, "reference has hidden states [2][4][64], the model 3 layers of width 64"},
	    {{4, 97, 3, 63, 1, 0}, "reference has hidden states [3][4][63], the model 3 layers of width 64"},
	};
	struct fox_gguf *g;
	struct fox_err e = {0};
	struct fox_report r;
	assert_fox_ok(fox_gguf_open(&g, tiny_write("ref.gguf", TINY), &e), &e);
	fox_report_init(&r, "t", "t");
	struct fox_verify v = {.g = g, .report = &r};
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct fox_err why = {0};
		assert_int_equal(try_reference(&v, cases[i].s, &why), FOX_E_MISMATCH);
		assert_fox_err(&why, FOX_E_MISMATCH, FOX_NOWHERE, cases[i].says);
		assert_int_equal(v.found.n, 0);
	}
	/* a constant reference has no spread to compare with: never a pass. More positions than the model's context run. */
	assert_fox_ok(try_reference(&v, (struct shape){230, 97, 3, 64, 5, 1}, &e), &e);
	assert_int_equal(v.found.n, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(v.found.list[i].grade, FOX_FAIL);
	assert_string_equal(v.found.list[0].check, "logits.nmse");
	assert_memory_equal(v.found.list[0].text, "NMSE inf over 230 positions", 27);
	assert_string_equal(v.found.list[2].where, "layer 0");
	fox_findings_free(&v.found);
	fox_report_free(&r);
	fox_gguf_close(g);
}

/* A model that computes NaN fails, whatever the reference. */
static void nan_never_passes(void **state)
{
	(void)state;
	struct tiny t = TINY;
	struct fox_gguf *g;
	struct fox_err e = {0};
	struct fox_report r;
	t.nan = "blk.1.attn_norm.weight";
	assert_fox_ok(fox_gguf_open(&g, tiny_write("nan.gguf", t), &e), &e);
	fox_report_init(&r, "t", "t");
	struct fox_verify v = {.g = g, .report = &r};
	assert_fox_ok(try_reference(&v, (struct shape){3, 97, 0, 0, 5, 1}, &e), &e);
	assert_int_equal(v.found.list[0].grade, FOX_FAIL);
	assert_memory_equal(v.found.list[0].text, "NMSE inf", 8);
	fox_findings_free(&v.found);
	fox_report_free(&r);
	fox_gguf_close(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rounds_f16_to_nearest_even),
	    cmocka_unit_test(rounds_bf16_to_nearest_even),
	    cmocka_unit_test(nan_stands_for_nan),
	    cmocka_unit_test(bounds_q8_0),
	    cmocka_unit_test(hashes_memory),
	    cmocka_unit_test(finds_every_bit),
	    cmocka_unit_test(refuses_other_models),
	    cmocka_unit_test(nan_never_passes),
	};
	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
