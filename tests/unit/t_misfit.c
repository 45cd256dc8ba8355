/* t_misfit.c - sources that config.json contradicts: what is missing, left over or of another size, by name, and the field
 * that would have made it fit. */
#include "tests/unit/t_plan.h"

/* What config.json says against what the weights are: one line for each tensor. */
static void contradictions(void **state)
{
	(void)state;
	struct ck c;
	struct fixture f = {0};
	/* config.json without biases, weights with */
	ck_family_hparams(&f.hp, &fox_arch_llama);
	f.hp.bias_qkv = true;
	ck_family(&c, &fox_arch_llama, &f.hp, FOX_DT_F16, false);
	assert_fox_ok(plan(&f, &fox_arch_llama, &c), &f.err);
	assert_int_equal(step(&f.job, "blk.0.attn_q.bias")->x.head_rows, CK_HEAD); /* moves with its matrix */
	assert_int_equal(step(&f.job, "blk.0.attn_q.bias")->x.cols, 1);
	assert_int_equal(step(&f.job, "blk.0.attn_v.bias")->x.head_rows, 0);
	done(&f);
	ck_family_hparams(&f.hp, &fox_arch_llama);
	assert_int_equal(plan(&f, &fox_arch_llama, &c), FOX_E_MISMATCH);
	assert_int_equal(f.job.n_problems, 3 * CK_LAYERS);
	assert_string_equal(f.job.problems[0],
	    "tensor 'model.layers.0.self_attn.q_proj.bias' has no place in architecture 'llama' with "
	    "'attention_bias' false");
	done(&f);
	ck_free(&c);
	/* and the other way round */
	ck_family_hparams(&f.hp, &fox_arch_stablelm);
	ck_family(&c, &fox_arch_stablelm, &f.hp, FOX_DT_F16, false);
	f.hp.bias_qkv = true;
	f.hp.n_layers = 1;
	for (size_t i = 0; i < c.n; i++) /* the second layer goes, so that the message is short */
		while (i < c.n && strstr(c.t[i].name, "layers.1."))
			ck_drop(&c, c.t[i].name);
	assert_int_equal(plan(&f, &fox_arch_stablelm, &c), FOX_E_MISMATCH);
	assert_fox_err(&f.err, FOX_E_MISMATCH, FOX_NOWHERE,
	    "3 tensors do not fit: tensor 'model.layers.0.self_attn.q_proj.bias' is missing, which "
	    "'use_qkv_bias' (true) "
	    "asks for; "
	    "tensor 'model.layers.0.self_attn.k_proj.bias' is missing, which 'use_qkv_bias' (true) "
	    "asks for; "
	    "tensor 'model.layers.0.self_attn.v_proj.bias' is missing, which 'use_qkv_bias' (true) "
	    "asks for");
	done(&f);
	/* a parallel block, with a second norm all the same */
	ck_family_hparams(&f.hp, &fox_arch_stablelm);
	f.hp.parallel = true, f.hp.n_layers = 1;
	assert_int_equal(plan(&f, &fox_arch_stablelm, &c), FOX_E_MISMATCH);
	assert_int_equal(f.job.n_problems, 2);
	assert_non_null(strstr(f.err.text, "tensor 'model.layers.0.post_attention_layernorm.weight' has no place "
	                                   "in architecture 'stablelm' with "
	                                   "'use_parallel_residual' true"));
	done(&f);
	/* a head size that is not the weights' */
	ck_family_hparams(&f.hp, &fox_arch_stablelm);
	f.hp.n_layers = 1, f.hp.head_dim = 32;
	assert_int_equal(plan(&f, &fox_arch_stablelm, &c), FOX_E_MISMATCH);
	assert_int_equal(f.job.n_problems, 4);
	assert_non_null(
	    strstr(f.err.text, "'model.layers.0.self_attn.q_proj.weight' has shape [64, 64], want [128, 64] by "
	                       "'num_attention_heads'"));
	assert_non_null(
	    strstr(f.err.text, "'model.layers.0.self_attn.o_proj.weight' has shape [64, 64], want [64, 128] by "
	                       "'num_attention_heads'"));
	done(&f);
	ck_free(&c);
}

static void planned_as(
    const struct fox_arch *arch, const struct fox_hparams *h, const struct ck *c, const char *text)
{
	struct fixture f = {.hp = *h};
	assert_int_equal(plan(&f, arch, c), FOX_E_MISMATCH);
	assert_fox_err(&f.err, FOX_E_MISMATCH, FOX_NOWHERE, text);
	done(&f);
}

/* The field that would have made the tensors fit. */
static void fields_are_named(void **state)
{
	(void)state;
	struct ck c;
	struct fox_hparams h;
	uint64_t seed = 9;
	/* more layers than there are: the first that is missing tells; fewer: each that is left */
	ck_family_hparams(&h, &fox_arch_bloom);
	ck_family(&c, &fox_arch_bloom, &h, FOX_DT_F16, true);
	struct fixture f = {.hp = h};
	f.hp.n_layers = 3, f.hp.n_heads[2] = f.hp.n_kv_heads[2] = 4, f.hp.d_ff[2] = 256;
	assert_int_equal(plan(&f, &fox_arch_bloom, &c), FOX_E_MISMATCH);
	assert_int_equal(f.job.n_problems, 12);
	for (size_t i = 0; i < f.job.n_problems; i++)
		assert_non_null(strstr(f.job.problems[i], "' is missing, which 'n_layer' (3) asks for"));
	done(&f);
	f.hp = h, f.hp.n_layers = 1;
	assert_int_equal(plan(&f, &fox_arch_bloom, &c), FOX_E_MISMATCH);
	assert_int_equal(f.job.n_problems, 12);
	for (size_t i = 0; i < f.job.n_problems; i++)
		assert_non_null(strstr(f.job.problems[i], "' has no place in architecture 'bloom' with 'n_layer' 1"));
	assert_string_equal(f.job.problems[0], "tensor 'transformer.h.1.input_layernorm.weight' has no place in "
	                                       "architecture 'bloom' with 'n_layer' 1");
	done(&f);
	/* one that is missing from a layer that is there is nobody's fault; nor are names that are no row's */
	ck_drop(&c, "transformer.h.1.mlp.dense_h_to_4h.bias");
	planned_as(&fox_arch_bloom, &h, &c, "tensor 'h.1.mlp.dense_h_to_4h.bias' is missing");
	ck_add(&c, "h.1.mlp.dense_h_to_4h.bias", FOX_DT_F16, 0, 256, &seed);
	static const char *const strangers[] = {"h.7", "h..mlp.dense_h_to_4h.bias", "h.x.mlp.dense_h_to_4h.bias",
	    "h.9999999999.mlp.dense_h_to_4h.bias", "transformer.", "transformer.transformer.ln_f.bias",
	    "ln_f.bias.", "h.7.mlp.dense_h_to_4h.bias2", ""};
	for (size_t i = 0; i < FOX_COUNT(strangers); i++) {
		char text[256];
		snprintf(text, sizeof text, "tensor '%s' has no place in architecture 'bloom'", strangers[i]);
		ck_add(&c, strangers[i], FOX_DT_F16, 0, 4, &seed);
		planned_as(&fox_arch_bloom, &h, &c, text);
		ck_drop(&c, strangers[i]);
	}
	ck_free(&c);
	/* an output matrix that is not there */
	ck_family_hparams(&h, &fox_arch_qwen3);
	ck_family(&c, &fox_arch_qwen3, &h, FOX_DT_F16, false);
	h.tied = false;
	planned_as(&fox_arch_qwen3, &h, &c,
	    "tensor 'lm_head.weight' is missing, which 'tie_word_embeddings' (false) asks for");
	h.tied = true, h.n_vocab = 101;
	planned_as(&fox_arch_qwen3, &h, &c,
	    "tensor 'model.embed_tokens.weight' has shape [100, 64], want [101, 64] by 'vocab_size'");
	ck_free(&c);
	/* one size of several fields, and a table of positions */
	ck_family_hparams(&h, &fox_arch_phi3);
	ck_family(&c, &fox_arch_phi3, &h, FOX_DT_F16, false);
	h.n_layers = 1, h.n_kv_heads[0] = 4;
	ck_drop(&c, "model.layers.0.mlp.down_proj.weight");
	for (size_t i = 0; i < c.n; i++)
		while (i < c.n && strstr(c.t[i].name, "layers.1."))
			ck_drop(&c, c.t[i].name);
	planned_as(&fox_arch_phi3, &h, &c,
	    "2 tensors do not fit: tensor 'model.layers.0.self_attn.qkv_proj.weight' has shape [128, 64], want "
	    "[192, 64] "
	    "by 'num_attention_heads', 'num_key_value_heads'; tensor 'model.layers.0.mlp.down_proj.weight' is "
	    "missing");
	ck_free(&c);
	ck_family_hparams(&h, &fox_arch_gpt2);
	ck_family(&c, &fox_arch_gpt2, &h, FOX_DT_F16, false);
	h.n_ctx = 64;
	planned_as(
	    &fox_arch_gpt2, &h, &c, "tensor 'wpe.weight' has shape [128, 64], want [64, 64] by 'n_positions'");
	ck_free(&c);
	/* numbers of dimensions, not sizes */
	ck_family_hparams(&h, &fox_arch_qwen3);
	ck_family(&c, &fox_arch_qwen3, &h, FOX_DT_F16, false);
	ck_drop(&c, "model.norm.weight");
	ck_add(&c, "model.norm.weight", FOX_DT_F16, 1, CK_D, &seed);
	planned_as(&fox_arch_qwen3, &h, &c, "tensor 'model.norm.weight' has shape [1, 64], want [64]");
	ck_free(&c);
}

/* One missing, one of another shape, one too many, for families with tensors of their own. */
static void one_of_each(void **state)
{
	(void)state;
	struct ck c;
	struct fixture f = {0};
	uint64_t seed = 8;
	static const struct {
		const struct fox_arch *arch;
		const char *missing, *bent, *text;
	} cases[] = {
	    {&fox_arch_gemma2, "model.layers.1.pre_feedforward_layernorm.weight",
	        "model.layers.0.post_feedforward_layernorm.weight",
	        "3 tensors do not fit: "
	        "tensor 'model.layers.0.post_feedforward_layernorm.weight' has "
	        "shape [65], want [64] by 'hidden_size'; "
	        "tensor 'model.layers.1.pre_feedforward_layernorm.weight' is missing; "
	        "tensor 'model.extra' has no place in architecture 'gemma2'"},
	    {&fox_arch_gemma3, "model.layers.1.self_attn.k_norm.weight", "model.layers.0.self_attn.q_norm.weight",
	        "3 tensors do not fit: "
	        "tensor 'model.layers.0.self_attn.q_norm.weight' has "
	        "shape [17], want [16] by 'head_dim'; "
	        "tensor 'model.layers.1.self_attn.k_norm.weight' is missing; "
	        "tensor 'model.extra' has no place in architecture 'gemma3'"},
	    {&fox_arch_olmo2, "model.layers.1.self_attn.k_norm.weight", "model.layers.0.self_attn.q_norm.weight",
	        "3 tensors do not fit: "
	        "tensor 'model.layers.0.self_attn.q_norm.weight' has "
	        "shape [65], want [64] by 'num_attention_heads', 'head_dim'; "
	        "tensor 'model.layers.1.self_attn.k_norm.weight' is missing; "
	        "tensor 'model.extra' has no place in architecture 'olmo2'"},
	    {&fox_arch_qwen2, "model.layers.1.self_attn.v_proj.bias", "model.layers.0.self_attn.k_proj.bias",
	        "3 tensors do not fit: "
	        "tensor 'model.layers.0.self_attn.k_proj.bias' has "
	        "shape [33], want [32] by 'num_key_value_heads', 'head_dim'; "
	        "tensor 'model.layers.1.self_attn.v_proj.bias' is missing; "
	        "tensor 'model.extra' has no place in architecture 'qwen2'"},
	    {&fox_arch_bloom, "word_embeddings_layernorm.bias", "h.0.self_attention.query_key_value.bias",
	        "3 tensors do not fit: "
	        "tensor 'word_embeddings_layernorm.bias' is missing; "
	        "tensor 'h.0.self_attention.query_key_value.bias' has "
	        "shape [193], want [192] by 'n_head'; "
	        "tensor 'model.extra' has no place in architecture 'bloom'"},
	    {&fox_arch_gpt2, "h.1.ln_2.bias", "h.0.attn.c_attn.bias",
	        "3 tensors do not fit: "
	        "tensor 'h.0.attn.c_attn.bias' has "
	        "shape [193], want [192] by 'n_head'; "
	        "tensor 'h.1.ln_2.bias' is missing; "
	        "tensor 'model.extra' has no place in architecture 'gpt2'"},
	};
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		ck_family_hparams(&f.hp, cases[i].arch);
		ck_family(&c, cases[i].arch, &f.hp, FOX_DT_F16, false);
		uint64_t cols = ck_find(&c, cases[i].bent)->shape[0];
		ck_drop(&c, cases[i].missing);
		ck_drop(&c, cases[i].bent);
		ck_add(&c, cases[i].bent, FOX_DT_F16, 0, cols + 1, &seed);
		ck_add(&c, "model.extra", FOX_DT_F16, 0, 4, &seed);
		assert_int_equal(plan(&f, cases[i].arch, &c), FOX_E_MISMATCH);
		assert_fox_err(&f.err, FOX_E_MISMATCH, FOX_NOWHERE, cases[i].text);
		done(&f);
		ck_free(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(contradictions),
	    cmocka_unit_test(fields_are_named),
	    cmocka_unit_test(one_of_each),
	};
	return cmocka_run_group_tests_name("misfit", tests, NULL, NULL);
}
