/* t_job - planning: rows against tensors, types, and one error that lists everything. */
#include "tests/unit/t_plan.h"

static enum fox_status plan_llama(struct fixture *f, const struct ck *c, const char *name, enum fox_type type)
{
	ck_hparams(&f->hp);
	return plan_as(f, &fox_arch_llama, c, name, type);
}

static void a_whole_checkpoint_is_planned(void **state)
{
	(void)state;
	struct ck c;
	struct fixture f = {0};
	ck_llama(&c, FOX_DT_BF16);
	assert_fox_ok(plan_llama(&f, &c, "whole", FOX_BF16), &f.err);
	assert_int_equal(f.job.n_steps, c.n);
	assert_int_equal(f.job.n_out, c.n);
	uint64_t params = 0;
	for (size_t i = 0; i < c.n; i++)
		params += c.t[i].bytes / 2;
	assert_int_equal(f.job.n_params, params);
	assert_int_equal(f.job.src_bytes, params * 2);
	for (size_t i = 0; i < f.job.n_out; i++)
		assert_int_equal(f.job.steps[i].out, i);
	const struct fox_step *q = step(&f.job, "blk.1.attn_q.weight"), *k = step(&f.job, "blk.0.attn_k.weight"),
	                      *v = step(&f.job, "blk.0.attn_v.weight"),
	                      *n = step(&f.job, "blk.1.ffn_norm.weight");
	assert_int_equal(q->x.head_rows, CK_HEAD);
	assert_int_equal(k->x.head_rows, CK_HEAD);
	assert_int_equal(v->x.head_rows, 0);
	assert_true(fox_xform_is_copy(&v->x, type_of(&f.job, v)));
	assert_int_equal(type_of(&f.job, n), FOX_F32);
	assert_int_equal(out_bytes(&f.job, n), 4 * CK_D);
	assert_int_equal(out_bytes(&f.job, q), 2 * CK_Q * CK_D);
	assert_int_equal(f.job.tied, SIZE_MAX);
	struct fox_buf text = {0};
	fox_job_print(&f.job, 0, &text);
	assert_non_null(
	    strstr(text.p, "blk.1.attn_q.weight               64 x 64  BF16 -> bf16         8192  rope pairs\n"));
	assert_non_null(
	    strstr(text.p, "output_norm.weight                     64  BF16 -> f32           256  cast\n"));
	fox_buf_free(&text);
	ck_free(&c);
	done(&f);
}

static void q8_0_takes_rows_of_32(void **state)
{
	(void)state;
	struct ck c;
	struct fixture f = {0};
	uint64_t seed = 1;
	ck_llama(&c, FOX_DT_F32);
	for (int l = 0; l < CK_LAYERS; l++) { /* a middle of 90: rows of down_proj are no multiple of 32 */
		static const char *const names[] = {"gate", "up", "down"};
		for (int i = 0; i < 3; i++) {
			char name[96];
			snprintf(name, sizeof name, "model.layers.%d.mlp.%s_proj.weight", l, names[i]);
			ck_drop(&c, name);
			ck_add(&c, name, FOX_DT_F32, i < 2 ? 90 : CK_D, i < 2 ? CK_D : 90, &seed);
		}
	}
	ck_hparams(&f.hp);
	f.hp.d_ff[0] = f.hp.d_ff[1] = 90;
	assert_fox_ok(fox_source_open(&f.src, ck_write(&c, "rows90", false), true, &f.err), &f.err);
	assert_fox_ok(
	    fox_job_plan(&f.job, &fox_arch_llama, &f.hp, f.src, FOX_DT_F32, FOX_Q8_0, &f.arena, &f.err), &f.err);
	const struct fox_step *down = step(&f.job, "blk.0.ffn_down.weight");
	assert_true(f.job.targets[0].fell_back[down->out]);
	assert_int_equal(type_of(&f.job, down), FOX_F16);
	assert_int_equal(out_bytes(&f.job, down), 2 * CK_D * 90);
	assert_int_equal(type_of(&f.job, step(&f.job, "blk.0.ffn_up.weight")), FOX_Q8_0);
	assert_int_equal(out_bytes(&f.job, step(&f.job, "blk.0.ffn_up.weight")), 90 * CK_D / 32 * 34);
	assert_int_equal(type_of(&f.job, step(&f.job, "token_embd.weight")), FOX_Q8_0);
	assert_int_equal(type_of(&f.job, step(&f.job, "blk.0.attn_norm.weight")), FOX_F32);
	set_type(&f.job, FOX_F16); /* and nothing falls back any more */
	assert_false(f.job.targets[0].fell_back[step(&f.job, "blk.0.ffn_down.weight")->out]);
	ck_free(&c);
	done(&f);
}

static void one_error_lists_what_does_not_fit(void **state)
{
	(void)state;
	struct ck c;
	struct fixture f = {0};
	uint64_t seed = 1;
	ck_llama(&c, FOX_DT_BF16);
	ck_drop(&c, "model.norm.weight");
	assert_int_equal(plan_llama(&f, &c, "missing1", FOX_BF16), FOX_E_MISMATCH);
	assert_fox_err(&f.err, FOX_E_MISMATCH, FOX_NOWHERE, "tensor 'model.norm.weight' is missing");
	done(&f);

	ck_add(&c, "model.layers.0.self_attn.q_proj.bias", FOX_DT_BF16, 0, CK_Q, &seed);
	ck_drop(&c, "model.layers.1.mlp.up_proj.weight");
	ck_add(&c, "model.layers.1.mlp.up_proj.weight", FOX_DT_BF16, CK_D, CK_FF, &seed);
	assert_int_equal(plan_llama(&f, &c, "several", FOX_BF16), FOX_E_MISMATCH);
	assert_fox_err(&f.err, FOX_E_MISMATCH, FOX_NOWHERE,
	    "3 tensors do not fit: tensor 'model.layers.1.mlp.up_proj.weight' has shape [64, 96], want [96, 64] "
	    "by 'intermediate_size', 'hidden_size'; "
	    "tensor 'model.norm.weight' is missing; "
	    "tensor 'model.layers.0.self_attn.q_proj.bias' has no place in architecture 'llama' with "
	    "'attention_bias' "
	    "false");
	assert_int_equal(f.job.n_problems, 3);
	done(&f);
	ck_free(&c);

	/* nothing fits: as many as the text holds, then the count; the list is whole */
	memset(&c, 0, sizeof c);
	ck_add(&c, "x", FOX_DT_BF16, 2, 2, &seed);
	assert_int_equal(plan_llama(&f, &c, "nothing", FOX_BF16), FOX_E_MISMATCH);
	assert_int_equal(f.job.n_problems, 21);
	assert_int_equal(
	    strncmp(f.err.text, "21 tensors do not fit: tensor 'model.embed_tokens.weight' is missing; ", 70), 0);
	assert_true(fox_str_ends(fox_str_of(f.err.text), " more"));
	assert_string_equal(f.job.problems[20], "tensor 'x' has no place in architecture 'llama'");
	done(&f);
	ck_free(&c);
}

static void dtypes_without_codec_are_named(void **state)
{
	(void)state;
	struct ck c;
	struct fixture f = {0};
	uint64_t seed = 1;
	ck_llama(&c, FOX_DT_BF16);
	ck_drop(&c, "model.layers.0.mlp.up_proj.weight");
	ck_add(&c, "model.layers.0.mlp.up_proj.weight", FOX_DT_F8_E4M3, CK_FF, CK_D, &seed);
	ck_drop(&c, "model.norm.weight");
	ck_add(&c, "model.norm.weight", FOX_DT_I32, 0, CK_D, &seed);
	assert_int_equal(plan_llama(&f, &c, "fp8", FOX_BF16), FOX_E_UNSUPPORTED);
	assert_fox_err(&f.err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "2 tensors do not fit: tensor 'model.layers.0.mlp.up_proj.weight' has dtype F8_E4M3, which fox does "
	    "not "
	    "convert; tensor 'model.norm.weight' has dtype I32, which fox does not convert");
	done(&f);
	ck_free(&c);
}

static void buffers_are_skipped_and_tied_copies_compared(void **state)
{
	(void)state;
	struct ck c;
	struct fixture f = {0};
	uint64_t seed = 1;
	ck_llama(&c, FOX_DT_BF16);
	ck_add(&c, "model.layers.0.self_attn.rotary_emb.inv_freq", FOX_DT_F32, 0, CK_HEAD / 2, &seed);
	ck_add(&c, "lm_head.weight", FOX_DT_BF16, CK_VOCAB, CK_D, &seed);
	assert_fox_ok(plan_llama(&f, &c, "tied", FOX_BF16), &f.err);
	assert_int_equal(f.job.n_steps, c.n);
	assert_int_equal(f.job.n_out, c.n - 2);
	assert_int_equal(f.job.steps[f.job.tied].kind, FOX_STEP_TIED);
	assert_string_equal(f.job.steps[f.job.embed].slot->name, "token_embd.weight");
	assert_int_equal(f.job.steps[f.job.n_steps - 1].kind, FOX_STEP_SKIP);
	done(&f);

	/* untied it is a matrix like others */
	ck_hparams(&f.hp);
	f.hp.tied = false;
	assert_fox_ok(fox_source_open(&f.src, test_path("tied"), true, &f.err), &f.err);
	assert_fox_ok(
	    fox_job_plan(&f.job, &fox_arch_llama, &f.hp, f.src, FOX_DT_F32, FOX_Q8_0, &f.arena, &f.err), &f.err);
	assert_int_equal(type_of(&f.job, step(&f.job, "output.weight")), FOX_Q8_0);
	assert_int_equal(f.job.tied, SIZE_MAX);
	done(&f);

	ck_drop(&c, "lm_head.weight");
	ck_add(&c, "lm_head.weight", FOX_DT_F32, CK_VOCAB, CK_D, &seed);
	assert_int_equal(plan_llama(&f, &c, "tied32", FOX_BF16), FOX_E_MISMATCH);
	assert_fox_err(&f.err, FOX_E_MISMATCH, FOX_NOWHERE,
	    "tensor 'lm_head.weight' has dtype F32, but 'model.embed_tokens.weight', to which config.json ties "
	    "it, has "
	    "BF16");
	done(&f);
	ck_free(&c);
}

/* All matrices of a dtype, one of them with one value changed; what does auto choose? */
static enum fox_type narrowest(enum fox_dtype all, const char *changed, enum fox_dtype its, float value)
{
	static int n;
	char name[32];
	struct ck c;
	struct fixture f = {0};
	enum fox_type out;
	uint64_t seed = 1;
	ck_llama(&c, all);
	for (size_t i = 0; i < c.n; i++) /* values that every float type holds */
		for (size_t k = 0; k < c.t[i].bytes / (fox_dtypes[all].bits / 8); k++)
			ck_set(&c.t[i], k, (float)(k % 64) / 32.0f);
	if (changed) {
		struct ck_tensor *old = ck_find(&c, changed);
		uint64_t rows = old->n_dims == 2 ? old->shape[0] : 0, cols = old->shape[1];
		ck_drop(&c, changed);
		struct ck_tensor *t = ck_add(&c, changed, its, rows, cols, &seed);
		for (size_t k = 0; k < cols * (rows ? rows : 1); k++)
			ck_set(t, k, 0.5f);
		ck_set(t, cols * (rows ? rows : 1) - 1, value);
	}
	snprintf(name, sizeof name, "auto%d", n++);
	assert_fox_ok(plan_llama(&f, &c, name, FOX_F32), &f.err);
	assert_fox_ok(fox_job_narrowest(&f.job, f.src, &out, &f.err), &f.err);
	ck_free(&c);
	done(&f);
	return out;
}

static void auto_is_the_narrowest_that_holds_all(void **state)
{
	(void)state;
	const char *down = "model.layers.1.mlp.down_proj.weight", *norm = "model.norm.weight";
	assert_int_equal(narrowest(FOX_DT_BF16, NULL, 0, 0), FOX_BF16);
	assert_int_equal(narrowest(FOX_DT_F16, NULL, 0, 0), FOX_F16);
	assert_int_equal(narrowest(FOX_DT_F32, NULL, 0, 0), FOX_BF16);
	assert_int_equal(narrowest(FOX_DT_F32, down, FOX_DT_F32, 1.0f + 0x1p-10f), FOX_F16);
	assert_int_equal(narrowest(FOX_DT_F32, down, FOX_DT_F32, 0x1p100f), FOX_BF16);
	assert_int_equal(narrowest(FOX_DT_F32, down, FOX_DT_F32, 1.0f + 0x1p-11f), FOX_F32);
	assert_int_equal(narrowest(FOX_DT_BF16, down, FOX_DT_F16, 1.0f), FOX_BF16);
	assert_int_equal(narrowest(FOX_DT_BF16, down, FOX_DT_F16, 1.0f + 0x1p-10f), FOX_F16);
	assert_int_equal(narrowest(FOX_DT_F16, down, FOX_DT_BF16, 0x1p100f), FOX_BF16);
	assert_int_equal(narrowest(FOX_DT_F16, down, FOX_DT_F32, 1.0f + 0x1p-20f), FOX_F32);
	/* norms are f32 in any case */
	assert_int_equal(narrowest(FOX_DT_BF16, norm, FOX_DT_F32, 1.0f + 0x1p-20f), FOX_BF16);
	assert_int_equal(narrowest(FOX_DT_F32, norm, FOX_DT_F32, 1.0f + 0x1p-20f), FOX_BF16);
}

static void a_plan_needs_no_weights(void **state)
{
	(void)state;
	struct fixture f = {0};
	enum fox_type type;
	ck_hparams(&f.hp);
	assert_fox_ok(
	    fox_job_plan(&f.job, &fox_arch_llama, &f.hp, NULL, FOX_DT_BF16, FOX_F32, &f.arena, &f.err), &f.err);
	assert_int_equal(f.job.n_out, 2 + 9 * CK_LAYERS);
	assert_fox_ok(fox_job_narrowest(&f.job, NULL, &type, &f.err), &f.err);
	assert_int_equal(type, FOX_BF16);
	done(&f);
	/* sizes from a config.json may be absurd, but must not wrap */
	ck_hparams(&f.hp);
	f.hp.d_ff[1] = UINT32_MAX;
	f.hp.d_model = UINT32_MAX;
	assert_int_equal(
	    fox_job_plan(&f.job, &fox_arch_llama, &f.hp, NULL, FOX_DT_BF16, FOX_F32, &f.arena, &f.err),
	    FOX_E_BOUND);
	done(&f);
}

static void names_that_are_skipped(void **state)
{
	(void)state;
	assert_true(fox_job_skips(&fox_arch_llama, fox_str_of("model.layers.31.self_attn.rotary_emb.inv_freq")));
	assert_true(fox_job_skips(&fox_arch_llama, fox_str_of("h.0.attention.masked_bias")));
	assert_true(fox_job_skips(&fox_arch_llama, fox_str_of("h.0.attention.bias")));
	assert_false(fox_job_skips(&fox_arch_llama, fox_str_of("h.0.attention.dense.bias")));
	assert_false(fox_job_skips(&fox_arch_llama, fox_str_of("rotary_emb.inv_freq.weight")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_whole_checkpoint_is_planned),
	    cmocka_unit_test(q8_0_takes_rows_of_32),
	    cmocka_unit_test(one_error_lists_what_does_not_fit),
	    cmocka_unit_test(dtypes_without_codec_are_named),
	    cmocka_unit_test(buffers_are_skipped_and_tied_copies_compared),
	    cmocka_unit_test(auto_is_the_narrowest_that_holds_all),
	    cmocka_unit_test(a_plan_needs_no_weights),
	    cmocka_unit_test(names_that_are_skipped),
	};
	return cmocka_run_group_tests_name("job", tests, NULL, NULL);
}
