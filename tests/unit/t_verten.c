/* Tensors of the verifier: where each row of a container lies in its source, for every way the table knows; values plus
 * one; factors that no source holds. */
#include "tests/unit/t_checkpoint.h"
#include "tests/unit/t_verfam.h"

#include "inspect/ver_tensors.h"

/* ---- rows */

/* A checkpoint of one f32 tensor whose values are their own index; rows 0: a vector. */
static struct fox_source *indexed(const char *name, uint64_t rows, uint64_t cols)
{
	struct ck c = {0};
	struct fox_source *src;
	struct fox_err e = {0};
	uint64_t seed = 1;
	struct ck_tensor *t = ck_add(&c, "t", FOX_DT_F32, rows, cols, &seed);
	for (size_t i = 0; i < t->bytes / 4; i++)
		ck_set(t, i, (float)i);
	assert_fox_ok(fox_source_open(&src, ck_write(&c, name, false), true, &e), &e);
	ck_free(&c);
	return src;
}

/* A slot of that shape in the container, held against the source. */
static bool shape_of(struct fox_ver_shape *shape, struct fox_source *src, uint32_t how, uint64_t rows,
    uint64_t cols, uint64_t head, char text[320])
{
	const struct fox_arch_tensor row = {
	    .rows = rows ? FOX_D_MODEL : FOX_D_NONE, .cols = FOX_D_MODEL, .how = how};
	const struct fox_slot slot = {.row = &row, .rows = rows ? rows : 1, .cols = cols};
	static struct fox_ver_pair p;
	p.head_dim = head;
	return fox_ver_shape_of(shape, &p, &slot, fox_source_find(src, fox_str_of("t")), text);
}

/* The index of the source value that the container has at (row, col). */
typedef uint64_t (*where_fn)(uint64_t row, uint64_t col, uint64_t rows, uint64_t cols, uint64_t head);

/* Gather in pieces of every size and place: each value must be the one that the definition names. */
static void gathers(
    const char *name, uint32_t how, uint64_t rows, uint64_t cols, uint64_t head, where_fn where)
{
	uint64_t twice = how & (FOX_T_FIRST_HALF | FOX_T_SECOND_HALF) ? 2 : 1;
	bool turned = how & FOX_T_TRANSPOSE;
	struct fox_source *src = indexed(name, turned ? cols : rows * twice,
	    turned ? rows
	    : rows ? cols
	           : cols * twice);
	struct fox_ver_shape s;
	struct fox_err e = {0};
	char text[320];
	assert_true(shape_of(&s, src, how, rows, cols, head, text));
	uint64_t unit = fox_ver_unit(&s);
	assert_true(s.rows * s.cols == (rows ? rows : 1) * cols);
	float *got = malloc(s.rows * s.cols * 4 + 1);
	assert_non_null(got);
	for (uint64_t at = 0; at < s.rows; at += unit)
		for (uint64_t n = unit; at + n <= s.rows; n += unit) {
			assert_fox_ok(
			    fox_ver_gather(&s, src, fox_source_find(src, fox_str_of("t")), at, n, (uint8_t *)got, &e),
			    &e);
			for (uint64_t r = 0; r < n; r++)
				for (uint64_t c = 0; c < s.cols; c++)
					if (got[r * s.cols + c] != (float)where(at + r, c, s.rows, s.cols, head))
						fail_msg("%s: row %llu, column %llu of a piece at %llu", name, (unsigned long long)r,
						    (unsigned long long)c, (unsigned long long)at);
		}
	free(got);
	fox_source_close(src);
}

static uint64_t straight(uint64_t r, uint64_t c, uint64_t rows, uint64_t cols, uint64_t head)
{
	(void)rows, (void)head;
	return r * cols + c;
}

static uint64_t second(uint64_t r, uint64_t c, uint64_t rows, uint64_t cols, uint64_t head)
{
	(void)head;
	return (rows + r) * cols + c;
}

static uint64_t turned(uint64_t r, uint64_t c, uint64_t rows, uint64_t cols, uint64_t head)
{
	(void)cols, (void)head;
	return c * rows + r;
}

/* By search, from the source's side: row j of a head becomes 2j, row j + d/2 becomes 2j + 1. */
static uint64_t paired(uint64_t r, uint64_t c, uint64_t rows, uint64_t cols, uint64_t head)
{
	for (uint64_t s = 0; s < rows; s++) {
		uint64_t j = s % head, to = s - j + (j < head / 2 ? 2 * j : 2 * (j - head / 2) + 1);
		if (to == r)
			return s * cols + c;
	}
	return UINT64_MAX;
}

/* Likewise: row i of part k (queries, keys, values) of head h. */
static uint64_t grouped(uint64_t r, uint64_t c, uint64_t rows, uint64_t cols, uint64_t head)
{
	uint64_t heads = rows / (3 * head), s = 0;
	for (uint64_t h = 0; h < heads; h++)
		for (uint64_t k = 0; k < 3; k++)
			for (uint64_t i = 0; i < head; i++, s++)
				if ((k * heads + h) * head + i == r)
					return s * cols + c;
	return UINT64_MAX;
}

static void finds_rows(void **state)
{
	(void)state;
	gathers("plain", 0, 6, 5, 1, straight);
	gathers("vector", 0, 0, 7, 1, straight);
	gathers("first", FOX_T_FIRST_HALF, 6, 5, 1, straight);
	gathers("second", FOX_T_SECOND_HALF, 6, 5, 1, second);
	gathers("second_vector", FOX_T_SECOND_HALF, 0, 6, 1, second);
	gathers("q", FOX_T_ROPE_Q, 24, 5, 6, paired);
	gathers("k", FOX_T_ROPE_K, 8, 3, 8, paired);
	gathers("q_bias", FOX_T_ROPE_Q | FOX_T_BIAS, 0, 24, 6, paired);
	gathers("qkv", FOX_T_QKV_HEADS, 36, 5, 4, grouped);
	gathers("qkv_one", FOX_T_QKV_HEADS, 12, 2, 4, grouped);
	gathers("qkv_bias", FOX_T_QKV_HEADS, 0, 36, 4, grouped);
	gathers("turned", FOX_T_TRANSPOSE, 6, 5, 1, turned);
	gathers("turned_square", FOX_T_TRANSPOSE, 6, 6, 1, turned);
	gathers("turned_row", FOX_T_TRANSPOSE, 1, 9, 1, turned);
}

static void refuses_shapes(void **state)
{
	(void)state;
	struct fox_source *src = indexed("shapes", 12, 8);
	struct fox_ver_shape s;
	char text[320];
	assert_true(shape_of(&s, src, 0, 12, 8, 4, text));
	assert_false(shape_of(&s, src, 0, 8, 12, 4, text));
	assert_string_equal(text, "shape is not that of 't'");
	assert_true(shape_of(&s, src, FOX_T_TRANSPOSE, 8, 12, 4, text));
	assert_false(shape_of(&s, src, FOX_T_TRANSPOSE, 12, 8, 4, text));
	assert_true(shape_of(&s, src, FOX_T_SECOND_HALF, 6, 8, 4, text));
	assert_false(shape_of(&s, src, FOX_T_FIRST_HALF, 12, 8, 4, text));
	assert_false(shape_of(&s, src, 0, 0, 96, 4, text));
	assert_true(shape_of(&s, src, FOX_T_ROPE_Q, 12, 8, 4, text));
	assert_false(shape_of(&s, src, FOX_T_ROPE_Q, 12, 8, 8, text));
	assert_string_equal(text, "12 rows are not whole heads of 8, as config.json has them");
	assert_true(shape_of(&s, src, FOX_T_QKV_HEADS, 12, 8, 4, text));
	assert_false(shape_of(&s, src, FOX_T_QKV_HEADS, 12, 8, 6, text));
	fox_source_close(src);
}

/* ---- values plus one */

/* How many of n values the check calls wrong. */
static uint64_t wrong_sums(enum fox_dtype dtype, const uint8_t *src, const float *sums, uint64_t n)
{
	const struct fox_tensor t = {.type = FOX_F32};
	const struct fox_src_tensor s = {.dtype = dtype};
	struct fox_ver_proof f = {.t = &t, .src = &s, .add_one = true};
	fox_ver_row(&f, 0, (const uint8_t *)sums, src, n);
	return f.n_wrong;
}

/* The f32 nearest to 1 + x, by distance in arithmetic that holds the sum; of two, the even one. */
static float nearest_sum(float x)
{
	long double want = 1.0L + (long double)x;
	float near = (float)want, best = near;
	const float candidates[] = {nextafterf(near, -INFINITY), near, nextafterf(near, INFINITY)};
	for (size_t i = 0; i < FOX_COUNT(candidates); i++) {
		long double a = fabsl((long double)candidates[i] - want), b = fabsl((long double)best - want);
		uint8_t bits[4];
		fox_store_f32(bits, candidates[i]);
		if (a < b || (a == b && !(bits[0] & 1)))
			best = candidates[i];
	}
	return best;
}

/* Exactly the nearest sum passes: magnitudes from far below to far above 1, both signs, and ties. */
static void adds_one(void **state)
{
	(void)state;
	uint64_t seed = 3;
	for (int round = 0; round < 200000; round++) {
		/* a long double holds 1 + x exactly down to 2^-40 */
		float x =
		    ldexpf(1 + (float)(test_rand(&seed) % 8388608) / 8388608.0f, (int)(test_rand(&seed) % 70) - 40);
		if (round & 1)
			x = ldexpf((float)(test_rand(&seed) % 64), -26); /* on and beside ties */
		x = round & 2 ? -x : x;
		uint8_t b[4];
		fox_store_f32(b, x);
		float sum = nearest_sum(x), above = nextafterf(sum, INFINITY), below = nextafterf(sum, -INFINITY);
		if (wrong_sums(FOX_DT_F32, b, &sum, 1) != 0 || wrong_sums(FOX_DT_F32, b, &above, 1) != 1 ||
		    wrong_sums(FOX_DT_F32, b, &below, 1) != 1)
			fail_msg("1 + %a", (double)x);
	}
}

static void adds_one_to_every_type(void **state)
{
	(void)state;
	static const uint16_t bf16[] = {0x3F80, 0xBF80, 0x3E00, 0x7F80}, f16[] = {0x3C00, 0xBC00, 0x3000, 0x0001};
	const float of_bf16[] = {2, 0, 1.125f, INFINITY}, of_f16[] = {2, 0, 1.125f, 1 + 0x1p-24f};
	const float raw[] = {1, -1, 0.125f, INFINITY};
	uint8_t d[8];
	assert_int_equal(wrong_sums(FOX_DT_BF16, (const uint8_t *)bf16, of_bf16, 4), 0);
	assert_int_equal(wrong_sums(FOX_DT_F16, (const uint8_t *)f16, of_f16, 4), 0);
	assert_int_equal(wrong_sums(FOX_DT_BF16, (const uint8_t *)bf16, raw, 4), 3); /* inf stays inf */
	/* f64 passes through f32 first: 2^-24 (1 + 2^-30) becomes the tie 2^-24, which goes to the even 1 */
	const double x = 0x1p-24 * (1 + 0x1p-30);
	const float tie = 1, up = 1 + 0x1p-23f;
	memcpy(d, &x, 8);
	assert_int_equal(wrong_sums(FOX_DT_F64, d, &tie, 1), 0);
	assert_int_equal(wrong_sums(FOX_DT_F64, d, &up, 1), 1);
}

/* ---- factors without a source */

/* llama3's factors as converters make them: in f32 throughout. */
static void f32_factors(
    float *out, uint64_t dims, float base, float factor, float low, float high, float orig)
{
	for (uint64_t i = 0; i < dims / 2; i++) {
		float freq = 1.0f / powf(base, (float)(2 * i) / (float)dims), wave = 6.2831855f / freq;
		float smooth = (orig / wave - low) / (high - low);
		out[i] = wave < orig / high ? 1 : wave > orig / low ? factor : 1 / ((1 - smooth) / factor + smooth);
	}
}

/* The check of one container with rope_freqs.weight; the number of failures. */
static size_t made(const char *json, const float *values, uint64_t n, const char *want)
{
	struct vf t;
	char keys[96];
	uint64_t elems = 0;
	size_t proven = 0;
	snprintf(keys, sizeof keys, "attention.key_length=%llu;attention.value_length=%llu",
	    (unsigned long long)(2 * n), (unsigned long long)(2 * n));
	vf_open(&t, "LlamaForCausalLM", json, keys, "rope_freqs.weight", values, n);
	const struct fox_arch_tensor row = {FOX_R_ROPE_FREQS, "", NULL, FOX_D_NONE, FOX_D_ROPE_PAIRS, FOX_T_MADE};
	const struct fox_slot slot = {.row = &row, .name = "rope_freqs.weight"};
	fox_ver_made(&t.v, t.p, &slot, &proven, &elems);
	if (want)
		assert_string_equal(vf_found(&t), want);
	size_t fails = t.v.found.n_fail;
	assert_true(fails ? !proven : proven == 1 && elems == n);
	vf_close(&t);
	return fails;
}

static void works_out_llama3(void **state)
{
	(void)state;
	static const struct {
		double base, factor, low, high, orig;
		uint64_t dims;
	} cases[] = {{500000, 32, 1, 4, 8192, 64}, {500000, 8, 1, 4, 8192, 128}, {10000, 8, 1, 4, 32, 16},
	    {1e6, 2.5, 1.5, 2, 1000, 80}, {123457, 16, 1, 8, 4096, 96}};
	char json[512];
	float f[64];
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		uint64_t n = cases[i].dims / 2;
		snprintf(json, sizeof json,
		    "{" VF_SIZES
		    "\"head_dim\":%llu,\"rope_theta\":%.9g,\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":%g,"
		    "\"low_freq_factor\":%g,\"high_freq_factor\":%g,\"original_max_position_embeddings\":%g}}",
		    (unsigned long long)cases[i].dims, cases[i].base, cases[i].factor, cases[i].low, cases[i].high,
		    cases[i].orig);
		f32_factors(f, cases[i].dims, (float)cases[i].base, (float)cases[i].factor, (float)cases[i].low,
		    (float)cases[i].high, (float)cases[i].orig);
		assert_int_equal(made(json, f, n, NULL), 0);
		for (uint64_t k = 0; k < n; k++) { /* a change of 1e-4 anywhere, of one step where nothing is mixed */
			float was = f[k];
			bool plain = was == 1 || was == (float)cases[i].factor;
			f[k] = plain ? nextafterf(was, 0) : was * 1.0001f;
			if (!plain || (k + 1 < n && f[k + 1] == was))
				assert_int_equal(made(json, f, n, NULL), 1);
			f[k] = was;
		}
	}
}

static void judges_made_tensors(void **state)
{
	(void)state;
	static const float ones[4] = {1, 1, 1, 1};
	const char *scaling =
	    "{" VF_SIZES "\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":1,\"low_freq_factor\":1,"
	    "\"high_freq_factor\":4,\"original_max_position_embeddings\":16}}";
	assert_int_equal(made(scaling, ones, 4, ""), 0);
	made("{" VF_SIZES "\"rope_scaling\":null}", ones, 4,
	    "source.extra rope_freqs.weight: config.json scales the rotary angles as 'none', which has no such "
	    "factors\n");
	made("{" VF_SIZES
	     "\"head_dim\":12,\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":1,\"low_freq_factor\":1,"
	     "\"high_freq_factor\":4,\"original_max_position_embeddings\":16}}",
	    ones, 4, "source.shape rope_freqs.weight: is f32 with 4 values, must be f32 with 6\n");
	/* what config.json lacks is told once, by the check of config.json, and not as a wrong value */
	made("{" VF_SIZES "\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8}}", ones, 4,
	    "source.config rope_scaling.low_freq_factor: is not there, and this kind of scaling needs it\n"
	    "source.config rope_scaling.high_freq_factor: is not there, and this kind of scaling needs it\n");
}

/* ---- keys that are absent */

/* All that fox_ver_keys finds. */
static void keys(const char *hf_class, const char *json, const char *keys, const char *want)
{
	static int n;
	char folder[16];
	snprintf(folder, sizeof folder, "keys%d", n++);
	struct fox_source *src = indexed(folder, 2, 2); /* what it holds does not matter */
	struct fox_err e = {0};
	struct vf t;
	vf_open(&t, hf_class, json, keys, NULL, NULL, 0);
	t.p->src = src;
	assert_fox_ok(fox_ver_keys(&t.v, t.p, &e), &e);
	assert_string_equal(vf_found(&t), want);
	vf_close(&t);
	fox_source_close(src);
}

/* A family's default that only fox knows is no excuse for a key that is absent: others take 10000, and the width over the
 * number of heads. */
static void judges_absent_keys(void **state)
{
	(void)state;
#define BOTH "attention.key_length=256;attention.value_length=256"
	const char *gemma = "{" VF_SIZES "\"num_key_value_heads\":4,\"head_dim\":256}";
	keys("GemmaForCausalLM", gemma, BOTH, "");
	keys("GemmaForCausalLM", gemma, "attention.key_length=256",
	    "source.key gemma.attention.value_length: absent, which means 8, must be 256 by head_dim\n");
	const char *gemma3 =
	    "{" VF_SIZES "\"num_key_value_heads\":4,\"head_dim\":256,\"query_pre_attn_scalar\":256,"
	    "\"sliding_window\":8}";
#define KEYS3 BOTH ";attention.sliding_window=8;rope.freq_base_swa=10000.0"
	keys("Gemma3ForCausalLM", gemma3, KEYS3 ";rope.freq_base=1000000.0", "");
	keys("Gemma3ForCausalLM", gemma3, KEYS3,
	    "source.key gemma3.rope.freq_base: absent, which means 10000, must be 1000000 by default\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_rows),
	    cmocka_unit_test(refuses_shapes),
	    cmocka_unit_test(adds_one),
	    cmocka_unit_test(adds_one_to_every_type),
	    cmocka_unit_test(works_out_llama3),
	    cmocka_unit_test(judges_made_tensors),
	    cmocka_unit_test(judges_absent_keys),
	};
	return cmocka_run_group_tests_name("verten", tests, NULL, NULL);
}
