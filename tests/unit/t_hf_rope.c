/* t_hf_rope.c - rotary settings of config.json: every kind in both spellings, what each becomes, every refusal with its
 * text, and the numbers of the tables. */
#include "tests/test.h"

#include <math.h>

#include "convert/hf_rope.h"

enum { HEAD = 64, CTX = 4096 };

/* A document's settings over sizes that nothing else has scaled. */
static enum fox_status read_into(struct fox_hf_rope *out, struct fox_hparams *h, struct fox_json **json,
    const struct fox_arch *arch, const char *text, struct fox_err *err)
{
	assert_fox_ok(fox_json_parse(json, fox_str_of(text), err), err);
	return fox_hf_rope_read(out, h, arch, fox_json_root(*json), err);
}

static struct fox_hparams sizes(void)
{
	return (struct fox_hparams){
	    .n_layers = 2, .n_ctx = CTX, .head_dim = HEAD, .rope_dims = HEAD, .rope_theta = 10000};
}

static struct fox_hparams gemma3_sizes(void)
{
	struct fox_hparams h = sizes();
	h.rope_theta_local = 10000;
	return h;
}

static struct fox_hparams accepted_as(struct fox_hparams h, const struct fox_arch *arch, const char *text)
{
	struct fox_err err = {0};
	struct fox_json *json;
	struct fox_hf_rope out;
	assert_fox_ok(read_into(&out, &h, &json, arch, text, &err), &err);
	fox_json_close(json);
	return h;
}

static struct fox_hparams accepted(const struct fox_arch *arch, const char *text)
{
	return accepted_as(sizes(), arch, text);
}

static void refused_as(struct fox_hparams h, const struct fox_arch *arch, const char *json_text,
    enum fox_status code, const char *text)
{
	struct fox_err err = {0};
	struct fox_json *json;
	struct fox_hf_rope out;
	struct fox_hparams again = h;
	assert_int_equal(read_into(&out, &h, &json, arch, json_text, &err), code);
	assert_fox_err(&err, code, FOX_NOWHERE, text);
	assert_int_equal(fox_hf_rope_read(&out, &again, arch, fox_json_root(json), NULL), code);
	fox_json_close(json);
}

struct refusal {
	const char *json;
	enum fox_status code;
	const char *text;
};

static void all_refused(struct fox_hparams h, const struct fox_arch *arch, const struct refusal *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		refused_as(h, arch, r[i].json, r[i].code, r[i].text);
}

static bool is(float got, double want)
{
	return fabs((double)got - want) <= 1e-6 * fabs(want);
}

/* ---- kinds */

static void nothing_is_scaled(void **state)
{
	(void)state;
	static const char *const texts[] = {"{}", "{\"rope_scaling\": null}", "{\"rope_parameters\": null}",
	    "{\"rope_scaling\": null, \"rope_parameters\": null}", "{\"rope_scaling\": {}}",
	    "{\"rope_scaling\": {\"type\": \"default\"}}", "{\"rope_scaling\": {\"rope_type\": \"default\"}}",
	    "{\"rope_scaling\": {\"rope_type\": \"default\", \"type\": \"default\", \"factor\": 1}}",
	    "{\"rope_scaling\": {\"rope_type\": null, \"factor\": null}}",
	    "{\"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 5e5}}",
	    "{\"rope_parameters\": {\"partial_rotary_factor\": 1.0}}"};
	for (size_t i = 0; i < FOX_COUNT(texts); i++) {
		struct fox_hparams h = accepted(&fox_arch_llama, texts[i]), want = sizes();
		assert_memory_equal(&h, &want, sizeof h);
	}
	/* what stands inside unscaled settings goes; what stands beside stays */
	assert_int_equal(accepted(&fox_arch_llama,
	                     "{\"rope_scaling\": {\"rope_type\": \"default\", \"original_max_position_embeddings\": 512}}")
	                     .rope.orig_ctx,
	    0);
	struct fox_hparams h = accepted(&fox_arch_phi3, "{\"original_max_position_embeddings\": 512}");
	assert_int_equal(h.rope.orig_ctx, 512);
	assert_int_equal(h.rope.kind, FOX_SCALE_NONE);
	/* a family that rotates nothing has no settings to read */
	h = sizes();
	h.rope_dims = 0;
	h = accepted_as(h, &fox_arch_bloom, "{\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}}");
	assert_int_equal(h.rope_dims, 0);
	assert_int_equal(h.rope.kind, FOX_SCALE_NONE);
}

static void linear(void **state)
{
	(void)state;
	static const char *const texts[] = {"{\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2.5}}",
	    "{\"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 2.5, \"original_max_position_embeddings\": 512}}",
	    "{\"rope_parameters\": {\"rope_type\": \"linear\", \"factor\": 2.5, \"rope_theta\": 10000}}",
	    "{\"original_max_position_embeddings\": 512, \"rope_parameters\": {\"rope_type\": \"linear\", \"factor\": 2.5}}"};
	static const struct fox_arch *const archs[] = {&fox_arch_llama, &fox_arch_mistral, &fox_arch_gemma,
	    &fox_arch_gemma2, &fox_arch_qwen2, &fox_arch_qwen3, &fox_arch_olmo2};
	for (size_t i = 0; i < FOX_COUNT(texts); i++)
		for (size_t k = 0; k < FOX_COUNT(archs); k++) {
			struct fox_hparams h = accepted(archs[k], texts[i]);
			assert_int_equal(h.rope.kind, FOX_SCALE_LINEAR);
			assert_true(h.rope.factor == 2.5f);
			assert_int_equal(h.rope.orig_ctx, 0);
			assert_true(h.rope.attn_factor == 0);
			assert_int_equal(h.rope_dims, HEAD);
		}
}

#define YARN(more) "{\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 4.0" more "}}"

static void yarn(void **state)
{
	(void)state;
	struct fox_hparams h = accepted(&fox_arch_qwen3, YARN(", \"original_max_position_embeddings\": 1024"));
	assert_int_equal(h.rope.kind, FOX_SCALE_YARN);
	assert_true(h.rope.factor == 4);
	assert_int_equal(h.rope.orig_ctx, 1024);
	assert_true(h.rope.attn_factor == 0 && h.rope.beta_fast == 0 && h.rope.beta_slow == 0);
	h = accepted(&fox_arch_llama, "{\"rope_parameters\": {\"rope_type\": \"yarn\", \"factor\": 4, "
	                              "\"rope_theta\": 10000}, \"original_max_position_embeddings\": 2048}");
	assert_int_equal(h.rope.orig_ctx, 2048);
	assert_int_equal(accepted(&fox_arch_llama, YARN("")).rope.orig_ctx, CTX);
	/* the ends of the ramp: what every reader assumes is not said */
	h = accepted(&fox_arch_llama, YARN(", \"beta_fast\": 32, \"beta_slow\": 1.0"));
	assert_true(h.rope.beta_fast == 0 && h.rope.beta_slow == 0);
	h = accepted(&fox_arch_llama, YARN(", \"beta_fast\": 16, \"beta_slow\": 2"));
	assert_true(h.rope.beta_fast == 16 && h.rope.beta_slow == 2);
	/* readers multiply by 1 + 0.1 ln 4 = 1.1386294361119891 anyway */
	assert_true(is(accepted(&fox_arch_llama, YARN(", \"attention_factor\": 1.2")).rope.attn_factor,
	    1.0538986275443303));
	assert_true(
	    accepted(&fox_arch_llama, YARN(", \"attention_factor\": 1.1386294361119891")).rope.attn_factor == 0);
	assert_true(is(accepted(&fox_arch_llama, YARN(", \"attention_factor\": 1")).rope.attn_factor,
	    1 / 1.1386294361119891));
	/* a factor below 1 has no such multiplier */
	assert_true(accepted(&fox_arch_llama, "{\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 0.5, "
	                                      "\"attention_factor\": 0.75}}")
	                .rope.attn_factor == 0.75f);
	/* spelled out, but no different */
	accepted(&fox_arch_llama, YARN(", \"truncate\": true, \"mscale\": null, \"extrapolation_factor\": 1"));
}

static void yarn_refusals(void **state)
{
	(void)state;
	static const struct refusal cases[] = {
	    {"{\"rope_scaling\": {\"rope_type\": \"yarn\"}}", FOX_E_FORMAT, "no 'rope_scaling.factor'"},
	    {"{\"rope_parameters\": {\"rope_type\": \"yarn\", \"factor\": null}}", FOX_E_FORMAT,
	        "no 'rope_parameters.factor'"},
	    {"{\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 0}}", FOX_E_FORMAT,
	        "'rope_scaling.factor' is 0, want a number above 0"},
	    {"{\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": \"4\"}}", FOX_E_FORMAT,
	        "'rope_scaling.factor' is a string, want a number"},
	    {YARN(", \"truncate\": false"), FOX_E_UNSUPPORTED,
	        "'rope_scaling.truncate' is false, which is not handled"},
	    {YARN(", \"truncate\": 1"), FOX_E_UNSUPPORTED, "'rope_scaling.truncate' is 1, which is not handled"},
	    {YARN(", \"mscale\": 1.0"), FOX_E_UNSUPPORTED, "'rope_scaling.mscale' is 1, which is not handled"},
	    {YARN(", \"mscale_all_dim\": 0.707"), FOX_E_UNSUPPORTED,
	        "'rope_scaling.mscale_all_dim' is 0.707, which is not handled"},
	    {YARN(", \"extrapolation_factor\": 2"), FOX_E_UNSUPPORTED,
	        "'rope_scaling.extrapolation_factor' is 2, which is not handled"},
	    {YARN(", \"attention_factor\": -1"), FOX_E_FORMAT,
	        "'rope_scaling.attention_factor' is -1, want a number above 0"},
	    /* f32 makes 0 of it, which would count as not given */
	    {YARN(", \"attention_factor\": 1e-60"), FOX_E_FORMAT,
	        "'rope_scaling.attention_factor' is 1e-60, want a number above 0"},
	    {YARN(", \"beta_fast\": 0"), FOX_E_FORMAT, "'rope_scaling.beta_fast' is 0, want a number above 0"},
	    {YARN(", \"beta_slow\": 1e39"), FOX_E_FORMAT, "'rope_scaling.beta_slow' is 1e+39, want a number above 0"},
	    {YARN(", \"low_freq_factor\": 1"), FOX_E_UNSUPPORTED,
	        "unknown field 'rope_scaling.low_freq_factor' (1) for the kind 'yarn', which may change what the "
	        "model computes"},
	};
	all_refused(sizes(), &fox_arch_llama, cases, FOX_COUNT(cases));
}

#define LLAMA3(more) "{\"rope_scaling\": {\"rope_type\": \"llama3\"" more "}}"
#define F8 ", \"factor\": 8.0"
#define LOW ", \"low_freq_factor\": 1.0"
#define HIGH ", \"high_freq_factor\": 4.0"
#define ORIG(n) ", \"original_max_position_embeddings\": " n

static void llama3(void **state)
{
	(void)state;
	static const char *const texts[] = {LLAMA3(F8 LOW HIGH ORIG("1024")),
	    "{\"rope_parameters\": {\"rope_type\": \"llama3\", \"rope_theta\": 10000.0" F8 LOW HIGH ORIG("1024") "}}",
	    "{\"original_max_position_embeddings\": 1024, \"rope_scaling\": {\"type\": \"llama3\"" F8 LOW HIGH "}}"};
	for (size_t i = 0; i < FOX_COUNT(texts); i++) {
		struct fox_err err = {0};
		struct fox_json *json;
		struct fox_hf_rope r;
		struct fox_hparams h = sizes();
		assert_fox_ok(read_into(&r, &h, &json, &fox_arch_llama, texts[i], &err), &err);
		assert_int_equal(h.rope.kind, FOX_SCALE_LLAMA3);
		assert_int_equal(h.rope.orig_ctx, 0); /* in no key */
		assert_true(h.rope.factor == 0 && h.rope.attn_factor == 0);
		assert_true(r.factor == 8 && r.low == 1 && r.high == 4 && r.orig_ctx == 1024);
		fox_json_close(json);
	}
	static const struct refusal cases[] = {
	    {LLAMA3(LOW HIGH ORIG("1024")), FOX_E_FORMAT, "no 'rope_scaling.factor'"},
	    {LLAMA3(F8 HIGH ORIG("1024")), FOX_E_FORMAT, "no 'rope_scaling.low_freq_factor'"},
	    {LLAMA3(F8 LOW ORIG("1024")), FOX_E_FORMAT, "no 'rope_scaling.high_freq_factor'"},
	    {LLAMA3(F8 LOW HIGH), FOX_E_FORMAT, "no 'rope_scaling.original_max_position_embeddings'"},
	    {LLAMA3(F8 LOW HIGH ORIG("0")), FOX_E_FORMAT,
	        "'rope_scaling.original_max_position_embeddings' is 0, want 1 to 4294967295"},
	    {LLAMA3(F8 LOW HIGH ORIG("8192.0")), FOX_E_FORMAT,
	        "'rope_scaling.original_max_position_embeddings' is a fraction, want an integer"},
	    {LLAMA3(F8 LOW ", \"high_freq_factor\": 1" ORIG("1024")), FOX_E_FORMAT,
	        "'rope_scaling.high_freq_factor' is 1, want more than low_freq_factor 1"},
	    {LLAMA3(F8 ", \"low_freq_factor\": 8" HIGH ORIG("1024")), FOX_E_FORMAT,
	        "'rope_scaling.high_freq_factor' is 4, want more than low_freq_factor 8"},
	    {LLAMA3(F8 LOW HIGH ORIG("1024") ", \"attention_factor\": 1"), FOX_E_UNSUPPORTED,
	        "unknown field 'rope_scaling.attention_factor' (1) for the kind 'llama3', which may change what the "
	        "model computes"},
	};
	all_refused(sizes(), &fox_arch_llama, cases, FOX_COUNT(cases));
}

/* Frequencies 1, 1/10, 1/100, 1/1000 make waves of 6.28, 62.8, 628 and 6283 positions. Of 1024 original ones, waves below
 * 256 are kept, above 1024 stretched; 628.3 lies between: s = (1024 / 628.3 - 1) / 3 = 0.2099, 1 / ((1 - s) / 8 + s). */
static void llama3_table(void **state)
{
	(void)state;
	struct fox_hparams h = {.n_ctx = CTX, .head_dim = 8, .rope_dims = 8, .rope_theta = 10000};
	struct fox_hf_rope r = {.factor = 8, .low = 1, .high = 4, .orig_ctx = 1024};
	float t[33] = {0};
	t[4] = -7;
	fox_hf_rope_table(t, FOX_R_ROPE_FREQS, &r, &h);
	assert_true(t[0] == 1 && t[1] == 1 && t[3] == 8);
	assert_true(is(t[2], 3.2396418468652604));
	assert_true(t[4] == -7); /* one for each pair, and no more */
	/* a wave on the very edge is neither kept nor stretched, and comes out as at the edge */
	h.rope_theta = 1;
	r.low = 1024 / (2 * 3.14159265358979323846), r.high = 2 * r.low;
	fox_hf_rope_table(t, FOX_R_ROPE_FREQS, &r, &h);
	assert_true(is(t[0], 8));
	/* Llama-3.2-1B: 500000, 64 dimensions, 32 over 8192 */
	h = (struct fox_hparams){.head_dim = 64, .rope_dims = 64, .rope_theta = 500000};
	r = (struct fox_hf_rope){.factor = 32, .low = 1, .high = 4, .orig_ctx = 8192};
	static const struct {
		int i;
		double want;
	} known[] = {{0, 1}, {14, 1}, {15, 1.6513292457638986}, {16, 3.2922621029408843}, {17, 9.666728978753293},
	    {18, 32}, {31, 32}};
	fox_hf_rope_table(t, FOX_R_ROPE_FREQS, &r, &h);
	for (size_t k = 0; k < FOX_COUNT(known); k++)
		assert_true(is(t[known[k].i], known[k].want));
}

#define LONG(more)                                                                                           \
	"{\"original_max_position_embeddings\": 1024, \"rope_scaling\": {\"type\": \"longrope\", "               \
	"\"short_factor\": [1, 1.5], \"long_factor\": [1.25, 64]" more "}}"

/* Four dimensions: two frequencies. */
static struct fox_hparams four(void)
{
	struct fox_hparams h = sizes();
	h.head_dim = h.rope_dims = 4;
	return h;
}

static void longrope(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_json *json;
	struct fox_hf_rope r;
	struct fox_hparams h = four();
	float t[3] = {0, 0, -7};
	assert_fox_ok(read_into(&r, &h, &json, &fox_arch_phi3, LONG(""), &err), &err);
	assert_int_equal(h.rope.kind, FOX_SCALE_LONGROPE);
	assert_int_equal(h.rope.orig_ctx, 1024);
	assert_true(h.rope.factor == 0);
	/* 4096 / 1024 = 4; ln 4 / ln 1024 = 2 / 10 */
	assert_true(is(h.rope.attn_factor, sqrt(1.2)));
	fox_hf_rope_table(t, FOX_R_ROPE_LONG, &r, &h);
	assert_true(t[0] == 1.25f && t[1] == 64);
	fox_hf_rope_table(t, FOX_R_ROPE_SHORT, &r, &h);
	assert_true(t[0] == 1 && t[1] == 1.5f && t[2] == -7);
	fox_json_close(json);

	assert_true(is(accepted_as(four(), &fox_arch_llama, LONG(", \"factor\": 8.0")).rope.attn_factor, sqrt(1.3)));
	assert_true(accepted_as(four(), &fox_arch_phi3, LONG(", \"attention_factor\": 1.19")).rope.attn_factor == 1.19f);
	/* no longer than it was: nothing to make up for */
	h = four();
	h.n_ctx = 1024;
	assert_true(accepted_as(h, &fox_arch_phi3, LONG("")).rope.attn_factor == 1);
	h.n_ctx = 512;
	assert_true(accepted_as(h, &fox_arch_phi3, LONG("")).rope.attn_factor == 1);
	/* Phi-3's first name for it, and v5's place for the length */
	h = accepted_as(four(), &fox_arch_phi3,
	    "{\"original_max_position_embeddings\": 1024, \"rope_scaling\": {\"type\": \"su\", "
	    "\"short_factor\": [1, 1], \"long_factor\": [2, 2]}}");
	assert_int_equal(h.rope.kind, FOX_SCALE_LONGROPE);
	h = accepted_as(four(), &fox_arch_phi3,
	    "{\"rope_parameters\": {\"rope_type\": \"longrope\", \"original_max_position_embeddings\": 1024, "
	    "\"short_factor\": [1, 1], \"long_factor\": [2, 2]}}");
	assert_int_equal(h.rope.orig_ctx, 1024);
	/* of a head of 8 half is rotated: two frequencies again */
	h = four();
	h.head_dim = 8;
	h = accepted_as(h, &fox_arch_phi3,
	    "{\"original_max_position_embeddings\": 1024, \"partial_rotary_factor\": 0.5, \"rope_scaling\": "
	    "{\"type\": \"longrope\", \"short_factor\": [1, 1], \"long_factor\": [2, 2]}}");
	assert_int_equal(h.rope_dims, 4);
}

static void longrope_refusals(void **state)
{
	(void)state;
#define HALF(orig, lists) "{" orig "\"rope_scaling\": {\"type\": \"longrope\"" lists "}}"
#define AT_1024 "\"original_max_position_embeddings\": 1024, "
	static const struct refusal cases[] = {
	    {HALF("", ", \"short_factor\": [1, 1], \"long_factor\": [1, 1]"), FOX_E_FORMAT,
	        "no 'original_max_position_embeddings'"},
	    {HALF(AT_1024, ", \"short_factor\": [1, 1]"), FOX_E_FORMAT,
	        "'rope_scaling.long_factor' is null, want an array"},
	    {HALF(AT_1024, ", \"long_factor\": [1, 1]"), FOX_E_FORMAT,
	        "'rope_scaling.short_factor' is null, want an array"},
	    {HALF(AT_1024, ", \"long_factor\": 2, \"short_factor\": [1, 1]"), FOX_E_FORMAT,
	        "'rope_scaling.long_factor' is an integer, want an array"},
	    {HALF(AT_1024, ", \"long_factor\": [1, 1, 1], \"short_factor\": [1, 1]"), FOX_E_FORMAT,
	        "'rope_scaling.long_factor' has 3 elements, want one for each of 2 frequencies"},
	    {HALF(AT_1024, ", \"long_factor\": [1, 1], \"short_factor\": [1]"), FOX_E_FORMAT,
	        "'rope_scaling.short_factor' has 1 elements, want one for each of 2 frequencies"},
	    {HALF(AT_1024, ", \"long_factor\": [1, 1], \"short_factor\": [1, 0]"), FOX_E_FORMAT,
	        "'rope_scaling.short_factor[1]' is 0, want a number above 0"},
	    {HALF(AT_1024, ", \"long_factor\": [null, 1], \"short_factor\": [1, 1]"), FOX_E_FORMAT,
	        "'rope_scaling.long_factor[0]' is null, want a number"},
	    {HALF("\"original_max_position_embeddings\": 1, ", ", \"long_factor\": [1, 1], \"short_factor\": [1, 1]"),
	        FOX_E_FORMAT, "an original context of 1 position gives no attention factor"},
	    {LONG(", \"original_max_position_embeddings\": 2048"), FOX_E_FORMAT,
	        "'original_max_position_embeddings' is 1024, but 'rope_scaling.original_max_position_embeddings' is "
	        "2048"},
	    {LONG(", \"beta_fast\": 2"), FOX_E_UNSUPPORTED,
	        "unknown field 'rope_scaling.beta_fast' (2) for the kind 'longrope', which may change what the model "
	        "computes"},
	    {"{\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}}", FOX_E_UNSUPPORTED,
	        "'rope_scaling.type' is 'linear', which is not handled (handled: default, longrope, su)"},
	    {"{\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 2}}", FOX_E_UNSUPPORTED,
	        "'rope_scaling.rope_type' is 'yarn', which is not handled (handled: default, longrope, su)"},
	};
	all_refused(four(), &fox_arch_phi3, cases, FOX_COUNT(cases));
}

/* ---- what is wrong with any kind */

static void refusals(void **state)
{
	(void)state;
	static const struct refusal cases[] = {
	    {"{\"rope_scaling\": \"yarn\"}", FOX_E_FORMAT, "'rope_scaling' is a string, want an object or null"},
	    {"{\"rope_scaling\": [2]}", FOX_E_FORMAT, "'rope_scaling' is an array, want an object or null"},
	    {"{\"rope_parameters\": 1}", FOX_E_FORMAT, "'rope_parameters' is an integer, want an object or null"},
	    {"{\"rope_scaling\": {}, \"rope_parameters\": {}}", FOX_E_FORMAT,
	        "'rope_scaling' and 'rope_parameters' are both there"},
	    {"{\"rope_scaling\": {\"rope_type\": \"linear\", \"type\": \"yarn\", \"factor\": 2}}", FOX_E_FORMAT,
	        "'rope_scaling.rope_type' is 'linear', but 'rope_scaling.type' is 'yarn'"},
	    {"{\"rope_scaling\": {\"rope_type\": 7}}", FOX_E_FORMAT,
	        "'rope_scaling.rope_type' is an integer, want a string"},
	    {"{\"rope_scaling\": {\"type\": [\"linear\"]}}", FOX_E_FORMAT,
	        "'rope_scaling.type' is an array, want a string"},
	    {"{\"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 2}}", FOX_E_UNSUPPORTED,
	        "'rope_scaling.type' is 'dynamic', which is not handled (handled: default, linear, yarn)"},
	    {"{\"rope_parameters\": {\"rope_type\": \"dynamic\", \"factor\": 2}}", FOX_E_UNSUPPORTED,
	        "'rope_parameters.rope_type' is 'dynamic', which is not handled (handled: default, linear, yarn)"},
	    {LLAMA3(F8 LOW HIGH ORIG("1024")), FOX_E_UNSUPPORTED,
	        "'rope_scaling.rope_type' is 'llama3', which is not handled (handled: default, linear, yarn)"},
	    {"{\"rope_scaling\": {\"type\": \"\"}}", FOX_E_UNSUPPORTED,
	        "'rope_scaling.type' is '', which is not handled (handled: default, linear, yarn)"},
	    {"{\"rope_scaling\": {\"factor\": 2}}", FOX_E_UNSUPPORTED,
	        "'rope_scaling.factor' is 2, which is not handled"},
	    {"{\"rope_scaling\": {\"type\": \"linear\"}}", FOX_E_FORMAT, "no 'rope_scaling.factor'"},
	    {"{\"rope_scaling\": {\"type\": \"linear\", \"factor\": -2}}", FOX_E_FORMAT,
	        "'rope_scaling.factor' is -2, want a number above 0"},
	    {"{\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2, \"beta_fast\": 32}}", FOX_E_UNSUPPORTED,
	        "unknown field 'rope_scaling.beta_fast' (32) for the kind 'linear', which may change what the model "
	        "computes"},
	    {"{\"rope_parameters\": {\"mrope_section\": [16, 24]}}", FOX_E_UNSUPPORTED,
	        "unknown field 'rope_parameters.mrope_section' (an array) for the kind 'default', which may change "
	        "what the model computes"},
	    {"{\"original_max_position_embeddings\": 0}", FOX_E_FORMAT,
	        "'original_max_position_embeddings' is 0, want 1 to 4294967295"},
	    {"{\"rope_parameters\": {\"full_attention\": {}, \"sliding_attention\": {}}}", FOX_E_UNSUPPORTED,
	        "'rope_parameters' tells kinds of layers apart, which is not handled for this family"},
	};
	all_refused(sizes(), &fox_arch_qwen2, cases, FOX_COUNT(cases));
	static const struct fox_arch *const no_scaling[] = {&fox_arch_openelm};
	for (size_t i = 0; i < FOX_COUNT(no_scaling); i++)
		refused_as(sizes(), no_scaling[i], "{\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}}",
		    FOX_E_UNSUPPORTED, "'rope_scaling.type' is 'linear', which is not handled (handled: default)");
}

/* ---- a share of the head */

static void partial(void **state)
{
	(void)state;
	static const struct {
		const char *json;
		uint32_t dims;
	} shares[] = {
	    {"{}", 16}, /* the class's own quarter */
	    {"{\"partial_rotary_factor\": 0.5}", 32},
	    {"{\"rope_pct\": 0.5}", 32},
	    {"{\"partial_rotary_factor\": 0.5, \"rope_pct\": 0.5}", 32},
	    {"{\"partial_rotary_factor\": 1}", 64},
	    {"{\"partial_rotary_factor\": null, \"rope_pct\": 0.75}", 48},
	    {"{\"rope_parameters\": {\"rope_type\": \"default\", \"partial_rotary_factor\": 0.125}}", 8},
	    {"{\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2, \"partial_rotary_factor\": 0.5}}", 32},
	    {"{\"partial_rotary_factor\": 0.33}", 21}, /* 21.12; odd numbers are refused by the range check */
	};
	for (size_t i = 0; i < FOX_COUNT(shares); i++)
		assert_int_equal(accepted(&fox_arch_stablelm, shares[i].json).rope_dims, shares[i].dims);
	assert_int_equal(accepted(&fox_arch_phi3, "{}").rope_dims, HEAD);
	static const struct refusal cases[] = {
	    {"{\"partial_rotary_factor\": 1.5}", FOX_E_UNSUPPORTED,
	        "'partial_rotary_factor' is 1.5, which is not handled"},
	    {"{\"partial_rotary_factor\": 0}", FOX_E_FORMAT, "'partial_rotary_factor' is 0, want a number above 0"},
	    {"{\"rope_pct\": \"0.5\"}", FOX_E_FORMAT, "'rope_pct' is a string, want a number"},
	    {"{\"partial_rotary_factor\": 0.5, \"rope_pct\": 0.25}", FOX_E_FORMAT,
	        "the share of a head that is rotated is 0.5 in one place, 0.25 in 'rope_pct'"},
	    {"{\"partial_rotary_factor\": 0.5, \"rope_parameters\": {\"partial_rotary_factor\": 0.25}}", FOX_E_FORMAT,
	        "the share of a head that is rotated is 0.5 in one place, 0.25 in "
	        "'rope_parameters.partial_rotary_factor'"},
	    {"{\"rope_parameters\": {\"partial_rotary_factor\": -1}}", FOX_E_FORMAT,
	        "'rope_parameters.partial_rotary_factor' is -1, want a number above 0"},
	    {"{\"rope_parameters\": {\"partial_rotary_factor\": 2}}", FOX_E_UNSUPPORTED,
	        "'rope_parameters.partial_rotary_factor' is 2, which is not handled"},
	};
	all_refused(sizes(), &fox_arch_stablelm, cases, FOX_COUNT(cases));
	/* families that rotate the whole head */
	refused_as(sizes(), &fox_arch_gemma, "{\"partial_rotary_factor\": 0.5}", FOX_E_UNSUPPORTED,
	    "'partial_rotary_factor' is 0.5, which is not handled");
	refused_as(sizes(), &fox_arch_llama, "{\"rope_pct\": 0.5}", FOX_E_UNSUPPORTED,
	    "'rope_pct' is 0.5, which is not handled");
	refused_as(sizes(), &fox_arch_qwen3, "{\"rope_parameters\": {\"partial_rotary_factor\": 0.5}}",
	    FOX_E_UNSUPPORTED, "'rope_parameters.partial_rotary_factor' is 0.5, which is not handled");
}

/* ---- settings for kinds of layers */

static void kinds_of_layers(void **state)
{
	(void)state;
	const struct fox_arch *a = &fox_arch_gemma3;
	struct fox_hparams h = accepted_as(gemma3_sizes(), a,
	    "{\"rope_parameters\": {\"full_attention\": {\"rope_type\": \"linear\", \"factor\": 8.0, \"rope_theta\": "
	    "1e6}, \"sliding_attention\": {\"rope_type\": \"default\", \"rope_theta\": 1e4}}}");
	assert_int_equal(h.rope.kind, FOX_SCALE_LINEAR);
	assert_true(h.rope.factor == 8);
	h = accepted_as(gemma3_sizes(), a, "{\"rope_parameters\": {\"sliding_attention\": {\"rope_theta\": 1e4}}}");
	assert_int_equal(h.rope.kind, FOX_SCALE_NONE);
	h = accepted_as(
	    gemma3_sizes(), a, "{\"rope_parameters\": {\"full_attention\": {\"type\": \"yarn\", \"factor\": 2}}}");
	assert_int_equal(h.rope.kind, FOX_SCALE_YARN);
	/* the older spelling is of the layers without a window */
	h = accepted_as(gemma3_sizes(), a, "{\"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 8.0}}");
	assert_int_equal(h.rope.kind, FOX_SCALE_LINEAR);
	h = accepted_as(gemma3_sizes(), a, "{\"rope_parameters\": {\"rope_type\": \"linear\", \"factor\": 8.0}}");
	assert_int_equal(h.rope.kind, FOX_SCALE_LINEAR);
	accepted_as(
	    gemma3_sizes(), a, "{\"rope_parameters\": {\"sliding_attention\": {\"partial_rotary_factor\": 1.0}}}");

#define SLIDING(more) "{\"rope_parameters\": {\"sliding_attention\": {" more "}}}"
	static const struct refusal cases[] = {
	    {SLIDING("\"rope_type\": \"linear\", \"factor\": 8"), FOX_E_UNSUPPORTED,
	        "'rope_parameters.sliding_attention.rope_type' is 'linear', which is not handled"},
	    {SLIDING("\"rope_type\": \"dynamic\""), FOX_E_UNSUPPORTED,
	        "'rope_parameters.sliding_attention.rope_type' is 'dynamic', which is not handled (handled: default, "
	        "linear, yarn)"},
	    {SLIDING("\"factor\": 2"), FOX_E_UNSUPPORTED,
	        "'rope_parameters.sliding_attention.factor' is 2, which is not handled"},
	    {SLIDING("\"beta_fast\": 1"), FOX_E_UNSUPPORTED,
	        "unknown field 'rope_parameters.sliding_attention.beta_fast' (1) for the kind 'default', which may "
	        "change what the model computes"},
	    {SLIDING("\"partial_rotary_factor\": 0.5"), FOX_E_UNSUPPORTED,
	        "'rope_parameters.sliding_attention.partial_rotary_factor' is 0.5, which is not handled"},
	    {SLIDING("\"rope_type\": true"), FOX_E_FORMAT,
	        "'rope_parameters.sliding_attention.rope_type' is a boolean, want a string"},
	    {"{\"rope_parameters\": {\"full_attention\": {\"rope_type\": \"linear\"}}}", FOX_E_FORMAT,
	        "no 'rope_parameters.full_attention.factor'"},
	    {"{\"rope_parameters\": {\"full_attention\": {\"partial_rotary_factor\": 0.5}}}", FOX_E_UNSUPPORTED,
	        "'rope_parameters.full_attention.partial_rotary_factor' is 0.5, which is not handled"},
	    {"{\"rope_parameters\": {\"full_attention\": {}, \"rope_theta\": 1e4}}", FOX_E_UNSUPPORTED,
	        "'rope_parameters.rope_theta' stands beside settings for kinds of layers, or is no object"},
	    {"{\"rope_parameters\": {\"full_attention\": {}, \"sliding_attention\": 7}}", FOX_E_UNSUPPORTED,
	        "'rope_parameters.sliding_attention' stands beside settings for kinds of layers, or is no object"},
	};
	all_refused(gemma3_sizes(), a, cases, FOX_COUNT(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_is_scaled),
	    cmocka_unit_test(linear),
	    cmocka_unit_test(yarn),
	    cmocka_unit_test(yarn_refusals),
	    cmocka_unit_test(llama3),
	    cmocka_unit_test(llama3_table),
	    cmocka_unit_test(longrope),
	    cmocka_unit_test(longrope_refusals),
	    cmocka_unit_test(refusals),
	    cmocka_unit_test(partial),
	    cmocka_unit_test(kinds_of_layers),
	};
	return cmocka_run_group_tests_name("hf_rope", tests, NULL, NULL);
}
