/* t_job_families.c - plans of families whose tensors are not the container's one for one: halves, transposed and regrouped
 * matrices, names with and without a prefix, buffers, tables made from config.json; and what does not fit them. */
#include "tests/unit/t_plan.h"

/* Every family's checkpoint is planned whole, each source tensor used, each container tensor written. */
static void every_family(void **state)
{
	(void)state;
	const struct fox_arch *a;
	for (size_t i = 0; (a = fox_arch_at(i)); i++)
		for (int prefixed = 0; prefixed <= (a->prefix != NULL); prefixed++) {
			struct ck c;
			struct fixture f = {0};
			ck_family_hparams(&f.hp, a);
			ck_family(&c, a, &f.hp, FOX_DT_F32, prefixed);
			assert_fox_ok(plan(&f, a, &c), &f.err);
			uint64_t bytes = 0, elems = 0;
			for (size_t k = 0; k < c.n; k++)
				bytes += c.t[k].bytes;
			for (size_t k = 0; k < f.job.n_out; k++) {
				const struct fox_step *s = &f.job.steps[k];
				assert_int_equal(s->kind, FOX_STEP_WRITE);
				assert_int_equal(s->out, k);
				assert_int_equal(s->n_elems, s->slot->rows * s->slot->cols);
				bool keep = s->slot->row->how & FOX_T_KEEP_F32 || s->slot->row->rows == FOX_D_NONE;
				assert_int_equal(type_of(&f.job, s), keep ? FOX_F32 : FOX_F16);
				assert_int_equal(s->x.add_one, (s->slot->row->how & FOX_T_ADD_ONE) != 0);
				elems += s->n_elems;
			}
			assert_int_equal(f.job.n_steps, f.job.n_out);
			assert_int_equal(f.job.src_bytes, bytes); /* halves count as halves */
			assert_int_equal(f.job.n_params, elems);
			assert_int_equal(f.job.n_params, fox_arch_params(a, &f.hp));
			ck_free(&c);
			done(&f);
		}
}

static void halves(void **state)
{
	(void)state;
	struct ck c;
	struct fixture f = {0};
	ck_family_hparams(&f.hp, &fox_arch_openelm);
	ck_family(&c, &fox_arch_openelm, &f.hp, FOX_DT_F32, false);
	assert_fox_ok(plan(&f, &fox_arch_openelm, &c), &f.err);
	const struct fox_step *gate = step(&f.job, "blk.1.ffn_gate.weight"),
	                      *up = step(&f.job, "blk.1.ffn_up.weight");
	assert_ptr_equal(gate->src.name.p, up->src.name.p);
	assert_true(fox_str_is(gate->src.name, "transformer.layers.1.ffn.proj_1.weight"));
	assert_int_equal(fox_source_find(f.src, gate->src.name)->shape[0], 2 * CK_FF);
	assert_int_equal(gate->src_elem, 0);
	assert_int_equal(up->src_elem, CK_FF * CK_D);
	assert_int_equal(up->n_elems, CK_FF * CK_D);
	assert_int_equal(up->gather, FOX_GATHER_NONE);
	struct fox_buf text = {0};
	fox_job_print(&f.job, 0, &text);
	assert_non_null(
	    strstr(text.p, "blk.0.ffn_gate.weight             96 x 64   F32 -> f16         12288  first half\n"));
	assert_non_null(strstr(
	    text.p, "blk.0.ffn_up.weight               96 x 64   F32 -> f16         12288  second half\n"));
	fox_buf_free(&text);
	done(&f);

	/* told once, though two rows want it; the shape is the source's */
	static const char proj[] = "transformer.layers.0.ffn.proj_1.weight";
	uint64_t seed = 2;
	ck_drop(&c, proj);
	ck_family_hparams(&f.hp, &fox_arch_openelm);
	assert_int_equal(plan(&f, &fox_arch_openelm, &c), FOX_E_MISMATCH);
	assert_fox_err(
	    &f.err, FOX_E_MISMATCH, FOX_NOWHERE, "tensor 'transformer.layers.0.ffn.proj_1.weight' is missing");
	done(&f);
	ck_add(&c, proj, FOX_DT_F32, CK_FF, CK_D, &seed);
	ck_family_hparams(&f.hp, &fox_arch_openelm);
	assert_int_equal(plan(&f, &fox_arch_openelm, &c), FOX_E_MISMATCH);
	assert_fox_err(&f.err, FOX_E_MISMATCH, FOX_NOWHERE,
	    "tensor 'transformer.layers.0.ffn.proj_1.weight' has shape [96, 64], want [192, 64] by "
	    "'ffn_multipliers'");
	done(&f);
	ck_drop(&c, proj);
	ck_add(&c, proj, FOX_DT_I32, 2 * CK_FF, CK_D, &seed);
	ck_family_hparams(&f.hp, &fox_arch_openelm);
	assert_int_equal(plan(&f, &fox_arch_openelm, &c), FOX_E_UNSUPPORTED);
	assert_fox_err(&f.err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "tensor 'transformer.layers.0.ffn.proj_1.weight' has dtype I32, which fox does not convert");
	done(&f);
	ck_free(&c);
}

static void gathers(void **state)
{
	(void)state;
	struct ck c;
	struct fixture f = {0};
	struct fox_buf text = {0};
	ck_family_hparams(&f.hp, &fox_arch_bloom);
	ck_family(&c, &fox_arch_bloom, &f.hp, FOX_DT_F16, false);
	assert_fox_ok(plan(&f, &fox_arch_bloom, &c), &f.err);
	const struct fox_step *w = step(&f.job, "blk.1.attn_qkv.weight"),
	                      *b = step(&f.job, "blk.1.attn_qkv.bias");
	assert_int_equal(w->gather, FOX_GATHER_QKV);
	assert_int_equal(b->gather, FOX_GATHER_QKV);
	assert_int_equal(w->head_rows, CK_HEAD);
	assert_int_equal(b->head_rows, CK_HEAD);
	assert_int_equal(fox_step_unit(w), CK_HEAD * CK_D);
	assert_int_equal(fox_step_unit(b), CK_HEAD);
	assert_int_equal(w->x.head_rows + b->x.head_rows, 0); /* no rotation */
	assert_true(fox_xform_is_copy(&w->x, type_of(&f.job, w)));
	assert_int_equal(step(&f.job, "blk.1.attn_output.weight")->gather, FOX_GATHER_NONE);
	fox_job_print(&f.job, 0, &text);
	assert_non_null(strstr(
	    text.p, "blk.0.attn_qkv.weight            192 x 64   F16 -> f16         24576  q, k, v apart\n"));
	fox_buf_free(&text);
	ck_free(&c);
	done(&f);

	ck_family_hparams(&f.hp, &fox_arch_gpt2);
	ck_family(&c, &fox_arch_gpt2, &f.hp, FOX_DT_F32, true);
	assert_fox_ok(plan(&f, &fox_arch_gpt2, &c), &f.err);
	w = step(&f.job, "blk.0.ffn_up.weight");
	assert_int_equal(w->gather, FOX_GATHER_TRANSPOSE);
	assert_int_equal(fox_source_find(f.src, w->src.name)->shape[0], CK_D);
	assert_int_equal(fox_source_find(f.src, w->src.name)->shape[1], 4 * CK_D);
	assert_int_equal(w->slot->rows, 4 * CK_D);
	assert_int_equal(fox_step_unit(w), CK_D);
	assert_int_equal(step(&f.job, "blk.0.attn_qkv.bias")->gather, FOX_GATHER_NONE);
	assert_int_equal(type_of(&f.job, step(&f.job, "position_embd.weight")), FOX_F32);
	assert_int_equal(step(&f.job, "position_embd.weight")->slot->rows, 128);
	fox_job_print(&f.job, 0, &text);
	assert_non_null(
	    strstr(text.p, "blk.0.ffn_up.weight              256 x 64   F32 -> f16         32768  transposed\n"));
	fox_buf_free(&text);
	done(&f);

	/* not turned: the message has the source's order of dimensions */
	uint64_t seed = 3;
	ck_drop(&c, "transformer.h.1.mlp.c_fc.weight");
	ck_add(&c, "transformer.h.1.mlp.c_fc.weight", FOX_DT_F32, 4 * CK_D, CK_D, &seed);
	ck_family_hparams(&f.hp, &fox_arch_gpt2);
	assert_int_equal(plan(&f, &fox_arch_gpt2, &c), FOX_E_MISMATCH);
	assert_fox_err(&f.err, FOX_E_MISMATCH, FOX_NOWHERE,
	    "tensor 'transformer.h.1.mlp.c_fc.weight' has shape [256, 64], want [64, 256] by 'n_embd', "
	    "'n_inner'");
	ck_free(&c);
	done(&f);
}

/* Saves of the whole model and of the inner one. */
static void prefixes(void **state)
{
	(void)state;
	struct ck c;
	struct fixture f = {0};
	uint64_t seed = 4;
	const struct fox_arch *a = &fox_arch_bloom;
	ck_family_hparams(&f.hp, a);
	ck_family(&c, a, &f.hp, FOX_DT_F16, true);
	assert_string_equal(c.t[0].name, "transformer.word_embeddings.weight");
	/* one with and the others without: each is found */
	snprintf(ck_find(&c, "transformer.ln_f.bias")->name, 208, "ln_f.bias");
	assert_fox_ok(plan(&f, a, &c), &f.err);
	assert_true(fox_str_is(step(&f.job, "output_norm.bias")->src.name, "ln_f.bias"));
	assert_true(fox_str_is(step(&f.job, "output_norm.weight")->src.name, "transformer.ln_f.weight"));
	done(&f);
	/* both: one is too many */
	ck_add(&c, "transformer.ln_f.bias", FOX_DT_F16, 0, CK_D, &seed);
	ck_family_hparams(&f.hp, a);
	assert_int_equal(plan(&f, a, &c), FOX_E_MISMATCH);
	assert_fox_err(&f.err, FOX_E_MISMATCH, FOX_NOWHERE,
	    "tensor 'transformer.ln_f.bias' has no place in architecture 'bloom'");
	done(&f);
	/* the tied copy is found, and so is one that is not tied */
	ck_drop(&c, "transformer.ln_f.bias");
	ck_add(&c, "lm_head.weight", FOX_DT_F16, CK_VOCAB, CK_D, &seed);
	ck_family_hparams(&f.hp, a);
	assert_fox_ok(plan(&f, a, &c), &f.err);
	assert_int_not_equal(f.job.tied, SIZE_MAX);
	done(&f);
	ck_free(&c);
	/* a family without a prefix knows none */
	ck_family_hparams(&f.hp, &fox_arch_qwen3);
	ck_family(&c, &fox_arch_qwen3, &f.hp, FOX_DT_F16, false);
	snprintf(ck_find(&c, "model.norm.weight")->name, 208, "transformer.model.norm.weight");
	assert_int_equal(plan(&f, &fox_arch_qwen3, &c), FOX_E_MISMATCH);
	assert_fox_err(&f.err, FOX_E_MISMATCH, FOX_NOWHERE,
	    "2 tensors do not fit: tensor 'model.norm.weight' is missing; "
	    "tensor 'transformer.model.norm.weight' has no place in architecture 'qwen3'");
	done(&f);
	ck_free(&c);
}

static void buffers(void **state)
{
	(void)state;
	struct ck c;
	struct fixture f = {0};
	uint64_t seed = 5;
	ck_family_hparams(&f.hp, &fox_arch_gpt2);
	ck_family(&c, &fox_arch_gpt2, &f.hp, FOX_DT_F32, false);
	ck_add(&c, "h.0.attn.bias", FOX_DT_F32, 128, 128, &seed);
	ck_add(&c, "h.1.attn.masked_bias", FOX_DT_F32, 0, 1, &seed);
	assert_int_equal(plan(&f, &fox_arch_gpt2, &c), FOX_E_MISMATCH);
	assert_fox_err(&f.err, FOX_E_MISMATCH, FOX_NOWHERE,
	    "tensor 'h.1.attn.masked_bias' has no place in architecture 'gpt2'");
	done(&f);
	ck_drop(&c, "h.1.attn.masked_bias");
	ck_family_hparams(&f.hp, &fox_arch_gpt2);
	assert_fox_ok(plan(&f, &fox_arch_gpt2, &c), &f.err);
	assert_int_equal(f.job.n_steps, f.job.n_out + 1);
	assert_int_equal(f.job.steps[f.job.n_out].kind, FOX_STEP_SKIP);
	done(&f);
	ck_free(&c);
	/* the mask's name is gpt2's alone; a weight's name that ends alike is no buffer */
	assert_true(fox_job_skips(&fox_arch_gpt2, fox_str_of("transformer.h.11.attn.bias")));
	assert_false(fox_job_skips(&fox_arch_gpt2, fox_str_of("h.11.attn.c_attn.bias")));
	assert_false(fox_job_skips(&fox_arch_gpt2, fox_str_of("bias")));
	assert_false(fox_job_skips(&fox_arch_bloom, fox_str_of("h.11.attn.bias")));
	assert_false(fox_job_skips(&fox_arch_llama, fox_str_of("h.11.attn.bias")));
	assert_true(
	    fox_job_skips(&fox_arch_stablelm, fox_str_of("model.layers.0.self_attn.rotary_emb.inv_freq")));
}

static void made(void **state)
{
	(void)state;
	struct ck c;
	struct fixture f = {0};
	struct fox_buf text = {0};
	const struct fox_arch *a = &fox_arch_phi3;
	ck_family_hparams(&f.hp, a);
	ck_family(&c, a, &f.hp, FOX_DT_F16, false);
	size_t n = c.n;
	f.hp.rope = (struct fox_rope){.kind = FOX_SCALE_LONGROPE, .orig_ctx = 64};
	assert_fox_ok(plan(&f, a, &c), &f.err);
	assert_int_equal(f.job.n_out, n + 2);
	const struct fox_step *l = step(&f.job, "rope_factors_long.weight"),
	                      *s = step(&f.job, "rope_factors_short.weight");
	assert_int_equal(l->kind, FOX_STEP_MADE);
	assert_true(fox_step_writes(l) && !fox_step_reads(l) && !l->made);
	assert_int_equal(l->n_elems, CK_HEAD / 2);
	assert_int_equal(out_bytes(&f.job, l), CK_HEAD / 2 * 4);
	assert_int_equal(l->src_bytes, 0);
	assert_int_equal(l->out, 1); /* right after the embedding, as the rows stand */
	assert_int_equal(s->out, 2);
	assert_int_equal(f.job.n_params, fox_arch_params(a, &f.hp)); /* no parameters */
	set_type(&f.job, FOX_Q8_0);
	assert_int_equal(type_of(&f.job, l), FOX_F32);
	uint64_t bytes = 0;
	for (size_t i = 0; i < f.job.n_out; i++)
		bytes += out_bytes(&f.job, &f.job.steps[i]);
	assert_int_equal(f.job.targets[0].out_bytes, bytes);
	fox_job_print(&f.job, 0, &text);
	assert_non_null(strstr(text.p,
	    "rope_factors_long.weight                 8   F32 -> f32            32  made from config.json\n"));
	fox_buf_free(&text);
	done(&f);

	/* a source that has it has one too many */
	uint64_t seed = 6;
	ck_add(&c, "rope_factors_long.weight", FOX_DT_F32, 0, CK_HEAD / 2, &seed);
	ck_family_hparams(&f.hp, a);
	assert_int_equal(plan(&f, a, &c), FOX_E_MISMATCH);
	assert_fox_err(&f.err, FOX_E_MISMATCH, FOX_NOWHERE,
	    "tensor 'rope_factors_long.weight' has no place in architecture 'phi3'");
	done(&f);
	ck_free(&c);
	/* and llama3's one, by the sizes alone */
	ck_family_hparams(&f.hp, &fox_arch_llama);
	f.hp.rope.kind = FOX_SCALE_LLAMA3;
	assert_fox_ok(
	    fox_job_plan(&f.job, &fox_arch_llama, &f.hp, NULL, FOX_DT_BF16, FOX_BF16, &f.arena, &f.err), &f.err);
	assert_int_equal(step(&f.job, "rope_freqs.weight")->kind, FOX_STEP_MADE);
	assert_int_equal(f.job.n_out, 3 + 9 * CK_LAYERS);
	done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_family),
	    cmocka_unit_test(halves),
	    cmocka_unit_test(gathers),
	    cmocka_unit_test(prefixes),
	    cmocka_unit_test(buffers),
	    cmocka_unit_test(made),
	};
	return cmocka_run_group_tests_name("job_families", tests, NULL, NULL);
}
