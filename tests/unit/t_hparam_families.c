/* t_hparam_families.c - keys that only some families have, and what shows in a container's tensors alone. */
#include "tests/test.h"

#include "format/arch.h"
#include "format/base/hash.h"

/* One key more than the family must have; NULL name: none. */
struct extra {
	const char *key;
	enum { U32, F32, STR, BOOLS, I32S, BOOL } as;
	double v;
	const char *text;
	uint8_t bools[8];
	uint64_t n;
};

struct file {
	const struct fox_arch *arch;
	struct extra x[8];
	const char *tensors[6];
	uint32_t layers; /* 0: 3 */
};

static void put_extra(struct fox_gguf_writer *w, const struct fox_arch *a, const struct extra *x)
{
	struct fox_err err = {0};
	char key[128];
	const int32_t ints[8] = {1, 1, 1, 1, 1, 1, 1, 1};
	snprintf(key, sizeof key, "%s.%s", a->name, x->key);
	enum fox_status st = x->as == U32     ? fox_gguf_put_u32(w, key, (uint32_t)x->v, &err)
	                     : x->as == F32   ? fox_gguf_put_f32(w, key, (float)x->v, &err)
	                     : x->as == STR   ? fox_gguf_put_str(w, key, fox_str_of(x->text), &err)
	                     : x->as == BOOL  ? fox_gguf_put_bool(w, key, x->v != 0, &err)
	                     : x->as == BOOLS ? fox_gguf_put_array(w, key, FOX_GGUF_BOOL, x->bools, x->n, &err)
	                                      : fox_gguf_put_array(w, key, FOX_GGUF_I32, ints, x->n, &err);
	assert_fox_ok(st, &err);
}

static bool replaced(const struct file *f, const char *name)
{
	for (size_t i = 0; i < FOX_COUNT(f->x) && f->x[i].key; i++)
		if (!strcmp(f->x[i].key, name))
			return true;
	return false;
}

static void put_least(struct fox_gguf_writer *w, const struct file *f)
{
	struct {
		const char *name;
		uint32_t v;
	} u32[] = {{"block_count", f->layers ? f->layers : 3}, {"context_length", 1024}, {"embedding_length", 64},
	    {"feed_forward_length", 96}, {"attention.head_count", 4}};
	bool layer = f->arch->traits.norm == FOX_NORM_LAYER;
	struct fox_err err = {0};
	assert_fox_ok(fox_gguf_put_str(w, "general.architecture", fox_str_of(f->arch->name), &err), &err);
	for (size_t i = 0; i < FOX_COUNT(u32); i++)
		if (!replaced(f, u32[i].name))
			put_extra(w, f->arch, &(struct extra){u32[i].name, U32, u32[i].v, NULL, {0}, 0});
	put_extra(w, f->arch,
	    &(struct extra){layer ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon", F32, 1e-5, NULL,
	        {0}, 0});
	for (size_t i = 0; i < FOX_COUNT(f->x) && f->x[i].key; i++)
		put_extra(w, f->arch, &f->x[i]);
	static const struct fox_str tokens[3] = {{"a", 1}, {"b", 1}, {"c", 1}};
	assert_fox_ok(fox_gguf_put_strings(w, "tokenizer.ggml.tokens", tokens, 3, &err), &err);
}

static struct fox_gguf *written(const struct file *f)
{
	struct fox_err err = {0};
	struct fox_gguf_writer *w;
	struct fox_gguf *g;
	const char *path = test_path("h.gguf");
	const uint64_t one = 1;
	const float zero = 0;
	assert_fox_ok(fox_gguf_writer_open(&w, &err), &err);
	put_least(w, f);
	for (size_t i = 0; i < FOX_COUNT(f->tensors) && f->tensors[i]; i++)
		assert_fox_ok(fox_gguf_put_tensor(w, fox_str_of(f->tensors[i]), FOX_F32, 1, &one, &err), &err);
	assert_fox_ok(fox_gguf_freeze(w, &err), &err);
	assert_fox_ok(fox_gguf_create(w, path, true, &err), &err);
	for (size_t i = 0; i < FOX_COUNT(f->tensors) && f->tensors[i]; i++) {
		assert_fox_ok(fox_gguf_write_data(w, i, 0, &zero, 4, &err), &err);
		fox_gguf_set_hash(w, i, fox_xxh3(&zero, 4));
	}
	assert_fox_ok(fox_gguf_finish(w, &err), &err);
	fox_gguf_writer_close(w);
	assert_fox_ok(fox_gguf_open(&g, path, &err), &err);
	return g;
}

static struct fox_hparams accepted(struct file f)
{
	struct fox_err err = {0};
	struct fox_hparams h;
	struct fox_gguf *g = written(&f);
	assert_fox_ok(fox_hparams_from_gguf(&h, f.arch, g, &err), &err);
	fox_gguf_close(g);
	return h;
}

/* located: the message's place is that of the key's value. */
static void refused(struct file f, enum fox_status code, const char *key, const char *text)
{
	struct fox_err err = {0};
	struct fox_hparams h;
	struct fox_gguf *g = written(&f);
	assert_int_equal(fox_hparams_from_gguf(&h, f.arch, g, &err), code);
	assert_fox_err(&err, code, key ? fox_gguf_find_key(g, key)->at : FOX_NOWHERE, text);
	assert_int_equal(fox_hparams_from_gguf(&h, f.arch, g, NULL), code);
	fox_gguf_close(g);
}

#define WINDOW(n) {"attention.sliding_window", U32, n, NULL, {0}, 0}
#define PERIOD(n) {"attention.sliding_window_pattern", U32, n, NULL, {0}, 0}
#define EACH(n, ...) {"attention.sliding_window_pattern", BOOLS, 0, NULL, {__VA_ARGS__}, n}

static void expect_windows(struct file f, uint32_t window, const char *layers)
{
	struct fox_hparams h = accepted(f);
	for (uint32_t l = 0; layers[l]; l++)
		assert_int_equal(fox_hparams_window(&h, l), layers[l] == 'w' ? window : 0);
}

static void windows(void **state)
{
	(void)state;
	/* no window, whatever the pattern */
	expect_windows((struct file){&fox_arch_gemma2, {PERIOD(2)}, {0}, 4}, 0, "ffff");
	expect_windows((struct file){&fox_arch_llama, {WINDOW(0)}, {0}, 3}, 0, "fff");
	/* the family's own pattern */
	expect_windows((struct file){&fox_arch_gemma2, {WINDOW(8)}, {0}, 4}, 8, "wfwf");
	expect_windows((struct file){&fox_arch_gemma3, {WINDOW(8)}, {0}, 7}, 8, "wwwwwfw");
	expect_windows((struct file){&fox_arch_llama, {WINDOW(8)}, {0}, 3}, 8, "www");
	expect_windows((struct file){&fox_arch_qwen2, {WINDOW(8)}, {0}, 3}, 8, "www");
	/* another, as a period or layer by layer */
	expect_windows((struct file){&fox_arch_gemma3, {WINDOW(8), PERIOD(3)}, {0}, 7}, 8, "wwfwwfw");
	expect_windows((struct file){&fox_arch_gemma3, {WINDOW(8), PERIOD(1)}, {0}, 3}, 8, "fff");
	expect_windows((struct file){&fox_arch_gemma3, {WINDOW(8), PERIOD(0)}, {0}, 7}, 8, "wwwwwww");
	expect_windows((struct file){&fox_arch_qwen3, {WINDOW(8), EACH(3, 0, 1, 0)}, {0}, 3}, 8, "fwf");
	expect_windows((struct file){&fox_arch_phi3, {WINDOW(8), EACH(3, 1, 1, 0)}, {0}, 3}, 8, "wwf");
	/* phi3's writers say 0 where there is none */
	expect_windows((struct file){&fox_arch_phi3, {WINDOW(0)}, {0}, 3}, 0, "fff");

	refused((struct file){&fox_arch_gemma2, {WINDOW(8), EACH(2, 1, 0)}, {0}, 3}, FOX_E_FORMAT,
	    "gemma2.attention.sliding_window_pattern",
	    "key 'gemma2.attention.sliding_window_pattern' has 2 elements, want one for each of 3 layers");
	refused((struct file){&fox_arch_gemma2,
	            {WINDOW(8), {"attention.sliding_window_pattern", I32S, 0, NULL, {0}, 3}}, {0}, 3},
	    FOX_E_FORMAT, "gemma2.attention.sliding_window_pattern",
	    "key 'gemma2.attention.sliding_window_pattern' holds i32, want bools");
	refused((struct file){&fox_arch_gemma2,
	            {WINDOW(8), {"attention.sliding_window_pattern", F32, 2, NULL, {0}, 0}}, {0}, 3},
	    FOX_E_FORMAT, "gemma2.attention.sliding_window_pattern",
	    "key 'gemma2.attention.sliding_window_pattern' is f32, want u32");
	refused((struct file){&fox_arch_gemma2, {WINDOW(2147483648.0)}, {0}, 3}, FOX_E_FORMAT, NULL,
	    "window is 2147483648, want 1 to 2147483647");
}

#define KIND(t) {"rope.scaling.type", STR, 0, t, {0}, 0}
#define FACTOR(v) {"rope.scaling.factor", F32, v, NULL, {0}, 0}
#define ATTN(v) {"rope.scaling.attn_factor", F32, v, NULL, {0}, 0}
#define ORIGINAL(n) {"rope.scaling.original_context_length", U32, n, NULL, {0}, 0}
#define FAST(v) {"rope.scaling.yarn_beta_fast", F32, v, NULL, {0}, 0}
#define SLOW(v) {"rope.scaling.yarn_beta_slow", F32, v, NULL, {0}, 0}
static const char freqs[] = "rope_freqs.weight", longs[] = "rope_factors_long.weight",
                  shorts[] = "rope_factors_short.weight";

static void scalings(void **state)
{
	(void)state;
	static const struct fox_arch *const archs[] = {&fox_arch_llama, &fox_arch_gemma, &fox_arch_gemma2,
	    &fox_arch_gemma3, &fox_arch_qwen2, &fox_arch_qwen3, &fox_arch_stablelm, &fox_arch_olmo2};
	for (size_t i = 0; i < FOX_COUNT(archs); i++) {
		struct fox_hparams h = accepted((struct file){archs[i], {KIND("linear"), FACTOR(4)}, {0}, 3});
		assert_int_equal(h.rope.kind, FOX_SCALE_LINEAR);
		assert_true(h.rope.factor == 4);
		/* a factor without a kind is linear, 1 is nothing */
		h = accepted((struct file){archs[i], {FACTOR(4)}, {0}, 3});
		assert_int_equal(h.rope.kind, FOX_SCALE_LINEAR);
		h = accepted((struct file){archs[i], {FACTOR(1)}, {0}, 3});
		assert_int_equal(h.rope.kind, FOX_SCALE_NONE);
		assert_true(h.rope.factor == 0);
		h = accepted((struct file){archs[i], {KIND("none"), FACTOR(4), ATTN(1)}, {0}, 3});
		assert_int_equal(h.rope.kind, FOX_SCALE_NONE);
		assert_true(h.rope.factor == 0 && h.rope.attn_factor == 0);
		h = accepted((struct file){archs[i],
		    {KIND("yarn"), FACTOR(4), ORIGINAL(256), ATTN(0.5), FAST(16), SLOW(2)}, {0}, 3});
		assert_int_equal(h.rope.kind, FOX_SCALE_YARN);
		assert_int_equal(h.rope.orig_ctx, 256);
		assert_true(h.rope.factor == 4 && h.rope.attn_factor == 0.5f);
		assert_true(h.rope.beta_fast == 16 && h.rope.beta_slow == 2);
		h = accepted((struct file){archs[i], {KIND("yarn"), FACTOR(4), ATTN(1)}, {0}, 3});
		assert_int_equal(h.rope.orig_ctx, 1024); /* the context itself */
		assert_true(h.rope.attn_factor == 0);
	}
	/* told by their tensors */
	struct fox_hparams h = accepted((struct file){&fox_arch_llama, {{0}}, {freqs}, 3});
	assert_int_equal(h.rope.kind, FOX_SCALE_LLAMA3);
	h = accepted((struct file){&fox_arch_phi3, {ORIGINAL(256), ATTN(1.19)}, {longs, shorts}, 3});
	assert_int_equal(h.rope.kind, FOX_SCALE_LONGROPE);
	assert_int_equal(h.rope.orig_ctx, 256);
	assert_true(h.rope.attn_factor == 1.19f);
	h = accepted((struct file){&fox_arch_llama, {KIND("longrope"), FACTOR(4), ORIGINAL(256)}, {longs, shorts}, 3});
	assert_int_equal(h.rope.kind, FOX_SCALE_LONGROPE);
	assert_true(h.rope.factor == 0);
	h = accepted((struct file){&fox_arch_phi3, {ORIGINAL(256)}, {0}, 3});
	assert_int_equal(h.rope.kind, FOX_SCALE_NONE);
}

static void scalings_refused(void **state)
{
	(void)state;
	refused((struct file){&fox_arch_gemma, {KIND("longrope")}, {0}, 3}, FOX_E_UNSUPPORTED,
	    "gemma.rope.scaling.type", "key 'gemma.rope.scaling.type' is 'longrope', which is not handled");
	refused((struct file){&fox_arch_llama, {KIND("llama3")}, {0}, 3}, FOX_E_UNSUPPORTED,
	    "llama.rope.scaling.type", "key 'llama.rope.scaling.type' is 'llama3', which is not handled");
	/* a family without a row for the kind */
	refused((struct file){&fox_arch_phi3, {KIND("yarn")}, {0}, 3}, FOX_E_UNSUPPORTED, "phi3.rope.scaling.type",
	    "key 'phi3.rope.scaling.type' is 'yarn', which is not handled");
	refused((struct file){&fox_arch_openelm, {KIND("linear")}, {0}, 3}, FOX_E_UNSUPPORTED,
	    "openelm.rope.scaling.type", "key 'openelm.rope.scaling.type' is 'linear', which is not handled");
	refused((struct file){&fox_arch_phi3, {FACTOR(4)}, {0}, 3}, FOX_E_UNSUPPORTED, "phi3.rope.scaling.factor",
	    "key 'phi3.rope.scaling.factor' is 4, which is not handled");
	refused((struct file){&fox_arch_openelm, {ATTN(1.5)}, {0}, 3}, FOX_E_UNSUPPORTED,
	    "openelm.rope.scaling.attn_factor", "key 'openelm.rope.scaling.attn_factor' is 1.5, which is not handled");
	refused((struct file){&fox_arch_qwen3, {{"rope.scaling.yarn_log_multiplier", F32, 0.1, NULL, {0}, 0}}, {0}, 3},
	    FOX_E_UNSUPPORTED, "qwen3.rope.scaling.yarn_log_multiplier",
	    "key 'qwen3.rope.scaling.yarn_log_multiplier' is 0.1, which is not handled");
	refused((struct file){&fox_arch_qwen3, {KIND("linear")}, {0}, 3}, FOX_E_FORMAT, NULL,
	    "rotary scaling factor is 0, want a finite number above 0");
	refused((struct file){&fox_arch_qwen3, {KIND("yarn"), FACTOR(-1)}, {0}, 3}, FOX_E_FORMAT, NULL,
	    "rotary scaling factor is -1, want a finite number above 0");
	refused((struct file){&fox_arch_qwen3, {KIND("yarn"), FACTOR(2), FAST(-1)}, {0}, 3}, FOX_E_FORMAT, NULL,
	    "fast end of the yarn ramp is -1, want a finite number above 0");
	refused((struct file){&fox_arch_qwen3, {KIND("yarn"), FACTOR(2), SLOW(-1)}, {0}, 3}, FOX_E_FORMAT, NULL,
	    "slow end of the yarn ramp is -1, want a finite number above 0");
	refused((struct file){&fox_arch_qwen3, {KIND("yarn"), FACTOR(2), ATTN(-1)}, {0}, 3}, FOX_E_FORMAT, NULL,
	    "rotary attention factor is -1, want a finite number above 0");
	refused((struct file){&fox_arch_qwen3,
	            {KIND("yarn"), FACTOR(2), {"rope.freq_base", F32, 1, NULL, {0}, 0}}, {0}, 3},
	    FOX_E_FORMAT, NULL, "rotary base is 1, which yarn cannot scale");
	refused((struct file){&fox_arch_qwen3, {KIND("yarn"), FACTOR(2), ORIGINAL(4294967295.0)}, {0}, 3}, FOX_E_FORMAT,
	    NULL, "original context length is 4294967295, want 1 to 2147483647");
	refused((struct file){&fox_arch_phi3, {ATTN(1.19)}, {0}, 3}, FOX_E_UNSUPPORTED, NULL,
	    "key 'phi3.rope.scaling.attn_factor' is 1.19, but nothing is scaled");
	/* tensors that the family's readers, or the kind's, do not look at */
	refused((struct file){&fox_arch_gemma, {{0}}, {freqs}, 3}, FOX_E_UNSUPPORTED, NULL,
	    "tensor 'rope_freqs.weight' scales the rotary angles, which is not handled");
	refused((struct file){&fox_arch_llama, {KIND("yarn"), FACTOR(2)}, {longs}, 3}, FOX_E_UNSUPPORTED, NULL,
	    "tensor 'rope_factors_long.weight' scales the rotary angles, which is not handled");
	refused((struct file){&fox_arch_llama, {{0}}, {freqs, shorts}, 3}, FOX_E_UNSUPPORTED, NULL,
	    "tensor 'rope_factors_short.weight' scales the rotary angles, which is not handled");
}

/* Layer 0 tells which biases there are, and whether a block is parallel. */
static void told_by_tensors(void **state)
{
	(void)state;
	struct fox_hparams h = accepted((struct file){&fox_arch_llama, {{0}}, {"token_embd.weight"}, 3});
	assert_false(h.bias_qkv || h.bias_out || h.bias_ffn || h.parallel);
	h = accepted((struct file){&fox_arch_llama, {{0}}, {"blk.0.attn_k.bias"}, 3});
	assert_true(h.bias_qkv && !h.bias_out && !h.bias_ffn);
	h = accepted((struct file){&fox_arch_llama, {{0}}, {"blk.0.attn_output.bias"}, 3});
	assert_true(!h.bias_qkv && h.bias_out && !h.bias_ffn);
	h = accepted((struct file){&fox_arch_llama, {{0}}, {"blk.0.ffn_down.bias"}, 3});
	assert_true(!h.bias_qkv && !h.bias_out && h.bias_ffn);
	h = accepted((struct file){&fox_arch_llama, {{0}}, {"blk.1.attn_k.bias"}, 3});
	assert_false(h.bias_qkv);
	/* the key is not to be believed: a common converter writes true for models whose blocks are serial */
	const struct extra yes = {"use_parallel_residual", BOOL, 1, NULL, {0}, 0},
	                   no = {"use_parallel_residual", BOOL, 0, NULL, {0}, 0};
	assert_false(accepted((struct file){&fox_arch_stablelm, {yes}, {"blk.0.ffn_norm.weight"}, 3}).parallel);
	assert_false(accepted((struct file){&fox_arch_stablelm, {{0}}, {"blk.0.ffn_norm.bias"}, 3}).parallel);
	assert_true(accepted((struct file){&fox_arch_stablelm, {no}, {"blk.0.attn_norm.weight"}, 3}).parallel);
	h = accepted((struct file){&fox_arch_stablelm, {{0}}, {"blk.0.attn_q.bias"}, 3});
	assert_true(h.bias_qkv && h.parallel);
	/* where the family always has them nothing is told */
	h = accepted((struct file){&fox_arch_qwen2, {{0}}, {"blk.0.attn_q.bias"}, 3});
	assert_false(h.bias_qkv || h.parallel);
	/* tied: by the absence of an output matrix */
	assert_true(h.tied);
	assert_false(accepted((struct file){&fox_arch_qwen2, {{0}}, {"output.weight"}, 3}).tied);
}

static void presets(void **state)
{
	(void)state;
	struct fox_hparams h = accepted((struct file){&fox_arch_gemma2, {{0}}, {0}, 3});
	assert_true(h.attn_softcap == 50 && h.logit_softcap == 30);
	assert_int_equal(h.head_dim, 256);
	assert_true(h.attn_scale == 0 && h.rope_theta == 10000 && h.rope_theta_local == 0);
	h = accepted((struct file){&fox_arch_gemma2,
	    {{"attn_logit_softcapping", F32, 20, NULL, {0}, 0}, {"final_logit_softcapping", F32, 10, NULL, {0}, 0},
	        {"attention.scale", F32, 0.125, NULL, {0}, 0}},
	    {0}, 3});
	assert_true(h.attn_softcap == 20 && h.logit_softcap == 10 && h.attn_scale == 0.125f);
	h = accepted((struct file){&fox_arch_gemma3, {{0}}, {0}, 3});
	assert_true(h.rope_theta == 1000000 && h.rope_theta_local == 10000);
	assert_true(h.attn_softcap == 0 && h.logit_softcap == 0);
	h = accepted((struct file){&fox_arch_gemma3, {{"rope.freq_base_swa", F32, 500, NULL, {0}, 0}}, {0}, 3});
	assert_true(h.rope_theta_local == 500);
	/* a share of the head, for families that can */
	const struct extra eight = {"rope.dimension_count", U32, 8, NULL, {0}, 0};
	assert_int_equal(accepted((struct file){&fox_arch_stablelm, {eight}, {0}, 3}).rope_dims, 8);
	assert_int_equal(accepted((struct file){&fox_arch_phi3, {eight}, {0}, 3}).rope_dims, 8);
	assert_int_equal(accepted((struct file){&fox_arch_phi3, {{0}}, {0}, 3}).rope_dims, 16);
	/* families that rotate nothing */
	h = accepted((struct file){&fox_arch_bloom, {{0}}, {0}, 3});
	assert_true(h.rope_dims == 0 && h.rope_theta == 0 && h.n_kv_heads[0] == 4);
	h = accepted((struct file){&fox_arch_gpt2, {{0}}, {0}, 3});
	assert_true(h.rope_dims == 0 && h.d_ff[2] == 96);

	refused((struct file){&fox_arch_gemma2, {{"attn_logit_softcapping", F32, -1, NULL, {0}, 0}}, {0}, 3},
	    FOX_E_FORMAT, NULL, "soft cap of the scores is -1, want a finite number above 0");
	refused((struct file){&fox_arch_gemma2, {{"final_logit_softcapping", F32, -1, NULL, {0}, 0}}, {0}, 3},
	    FOX_E_FORMAT, NULL, "soft cap of the logits is -1, want a finite number above 0");
	refused((struct file){&fox_arch_gemma2, {{"attention.scale", F32, -1, NULL, {0}, 0}}, {0}, 3}, FOX_E_FORMAT,
	    NULL, "scale of the scores is -1, want a finite number above 0");
	refused((struct file){&fox_arch_gemma3, {{"rope.freq_base_swa", F32, -1, NULL, {0}, 0}}, {0}, 3}, FOX_E_FORMAT,
	    NULL, "rotary base of windowed layers is -1, want a finite number above 0");
	refused((struct file){&fox_arch_stablelm, {{"rope.dimension_count", U32, 7, NULL, {0}, 0}}, {0}, 3},
	    FOX_E_FORMAT, NULL, "number of rotated dimensions is 7, want an even number");
	refused((struct file){&fox_arch_stablelm, {{"use_parallel_residual", U32, 1, NULL, {0}, 0}}, {0}, 3},
	    FOX_E_FORMAT, "stablelm.use_parallel_residual",
	    "key 'stablelm.use_parallel_residual' is u32, want bool");
	refused((struct file){&fox_arch_openelm, {eight}, {0}, 3}, FOX_E_UNSUPPORTED, NULL,
	    "8 of 128 head dimensions are rotated, where architecture 'openelm' rotates all");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(windows),
	    cmocka_unit_test(scalings),
	    cmocka_unit_test(scalings_refused),
	    cmocka_unit_test(told_by_tensors),
	    cmocka_unit_test(presets),
	};
	return cmocka_run_group_tests_name("hparam_families", tests, NULL, NULL);
}
