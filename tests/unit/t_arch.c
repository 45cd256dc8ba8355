/* t_arch.c - the architecture table: lookup, name patterns, shapes, order, parameter totals. */
#include "tests/test.h"

#include "format/arch.h"

static void set_layers(struct fox_hparams *h, uint32_t heads, uint32_t kv, uint32_t ff)
{
	for (uint32_t l = 0; l < FOX_MAX_LAYERS; l++) {
		h->n_heads[l] = heads;
		h->n_kv_heads[l] = kv;
		h->d_ff[l] = ff;
	}
}

static struct fox_hparams fox1(void)
{
	struct fox_hparams h = {.n_layers = 32,
	    .n_ctx = 8192,
	    .d_model = 2048,
	    .n_vocab = 256000,
	    .head_dim = 128,
	    .rope_dims = 128,
	    .rope_theta = 10000,
	    .norm_eps = 1e-5f,
	    .tied = true};
	set_layers(&h, 16, 4, 4096);
	return h;
}

static void lookup(void **state)
{
	(void)state;
	assert_ptr_equal(fox_arch_at(0), &fox_arch_llama);
	assert_null(fox_arch_at(1));
	assert_null(fox_arch_at(SIZE_MAX));
	assert_ptr_equal(fox_arch_by_name(fox_str_of("llama")), &fox_arch_llama);
	assert_null(fox_arch_by_name(fox_str_of("Llama")));
	assert_null(fox_arch_by_name(fox_str_of("")));
	assert_ptr_equal(fox_arch_by_class(fox_str_of("LlamaForCausalLM")), &fox_arch_llama);
	assert_null(fox_arch_by_class(fox_str_of("LlamaForCausal")));
	assert_null(fox_arch_by_class(fox_str_of("")));
	char text[64], cut[6];
	fox_arch_handled(text, sizeof text, true);
	assert_string_equal(text, "LlamaForCausalLM");
	fox_arch_handled(text, sizeof text, false);
	assert_string_equal(text, "llama");
	fox_arch_handled(cut, sizeof cut, true);
	assert_string_equal(cut, "Llama");
}

static void lists(void **state)
{
	(void)state;
	assert_true(fox_arch_lists("a|bc|d", fox_str_of("a")));
	assert_true(fox_arch_lists("a|bc|d", fox_str_of("bc")));
	assert_true(fox_arch_lists("a|bc|d", fox_str_of("d")));
	assert_false(fox_arch_lists("a|bc|d", fox_str_of("b")));
	assert_false(fox_arch_lists("a|bc|d", fox_str_of("a|bc")));
	assert_false(fox_arch_lists("a||d", fox_str_of("")));
	assert_false(fox_arch_lists(NULL, fox_str_of("a")));
	const char *rest = "x||yz";
	struct fox_str one;
	assert_true(fox_arch_next(&rest, &one) && fox_str_is(one, "x"));
	assert_true(fox_arch_next(&rest, &one) && fox_str_is(one, ""));
	assert_true(fox_arch_next(&rest, &one) && fox_str_is(one, "yz"));
	assert_false(fox_arch_next(&rest, &one));
}

static void expand(void **state)
{
	(void)state;
	const struct fox_arch *a = &fox_arch_llama;
	char out[32];
	assert_true(fox_arch_expand(out, sizeof out, "blk.{l}.attn_q.weight", a, 31));
	assert_string_equal(out, "blk.31.attn_q.weight");
	assert_true(fox_arch_expand(out, sizeof out, "{arch}.block_count", a, 0));
	assert_string_equal(out, "llama.block_count");
	assert_true(fox_arch_expand(out, sizeof out, "{l}{l}", a, UINT32_MAX));
	assert_string_equal(out, "42949672954294967295");
	assert_true(fox_arch_expand(out, sizeof out, "", a, 0));
	assert_string_equal(out, "");
	/* exactly full, and one byte short */
	assert_true(fox_arch_expand(out, 4, "a{l}", a, 10));
	assert_string_equal(out, "a10");
	assert_false(fox_arch_expand(out, 3, "a{l}", a, 10));
	assert_false(fox_arch_expand(out, 0, "", a, 0));
	assert_false(fox_arch_expand(out, sizeof out, "blk.{e}.x", a, 0));
}

static void derive(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_hparams h = fox1();
	h.head_dim = h.rope_dims = 0;
	memset(h.n_kv_heads, 0, sizeof h.n_kv_heads);
	assert_fox_ok(fox_arch_derive(&h, &err), &err);
	assert_int_equal(h.head_dim, 128);
	assert_int_equal(h.rope_dims, 128);
	assert_int_equal(h.n_kv_heads[0], 16);
	assert_int_equal(h.n_kv_heads[511], 16);

	/* what is given stays */
	h.head_dim = 64;
	h.rope_dims = 32;
	set_layers(&h, 16, 4, 1);
	assert_fox_ok(fox_arch_derive(&h, &err), &err);
	assert_int_equal(h.head_dim, 64);
	assert_int_equal(h.rope_dims, 32);
	assert_int_equal(h.n_kv_heads[0], 4);

	h.head_dim = 0;
	set_layers(&h, 15, 5, 1);
	assert_int_equal(fox_arch_derive(&h, &err), FOX_E_FORMAT);
	assert_fox_err(&err, FOX_E_FORMAT, FOX_NOWHERE,
	    "head size is not given, and 15 query heads do not divide the model width 2048");

	err = (struct fox_err){0};
	set_layers(&h, 16, 4, 1);
	h.n_heads[31] = 8;
	assert_int_equal(fox_arch_derive(&h, &err), FOX_E_FORMAT);
	assert_fox_err(&err, FOX_E_FORMAT, FOX_NOWHERE,
	    "head size is not given, and the layers have different numbers of query heads");

	/* a layer count that nothing has checked yet, and no heads at all */
	h = (struct fox_hparams){.n_layers = UINT32_MAX, .d_model = 8};
	assert_fox_ok(fox_arch_derive(&h, &err), &err);
	assert_int_equal(h.head_dim, 0);
	set_layers(&h, 4, 0, 1);
	assert_fox_ok(fox_arch_derive(&h, &err), &err);
	assert_int_equal(h.head_dim, 2);
}

static void check_slot(const struct fox_slot *s, enum fox_role role, uint32_t layer, const char *name,
    const char *hf, uint64_t rows, uint64_t cols, uint32_t how)
{
	assert_string_equal(s->name, name);
	assert_string_equal(s->hf, hf);
	assert_int_equal(s->row->role, role);
	assert_int_equal(s->layer, layer);
	assert_int_equal(s->rows, rows);
	assert_int_equal(s->cols, cols);
	assert_int_equal(s->row->how, how);
}

static void slots(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_arena arena = {0};
	struct fox_hparams h = fox1();
	struct fox_slot *s;
	size_t n;
	h.head_dim = 64; /* so that the width of the queries is not the model's */
	assert_fox_ok(fox_arch_slots(&fox_arch_llama, &h, &arena, &s, &n, &err), &err);
	assert_int_equal(n, 3 + 9 * 32);
	check_slot(&s[0], FOX_R_TOKEN_EMBD, 0, "token_embd.weight", "model.embed_tokens.weight", 256000, 2048, 0);
	check_slot(&s[1], FOX_R_ATTN_NORM, 0, "blk.0.attn_norm.weight", "model.layers.0.input_layernorm.weight",
	    1, 2048, FOX_T_KEEP_F32);
	const struct fox_slot *b = &s[1 + 9 * 31];
	check_slot(&b[0], FOX_R_ATTN_NORM, 31, "blk.31.attn_norm.weight",
	    "model.layers.31.input_layernorm.weight", 1, 2048, FOX_T_KEEP_F32);
	check_slot(&b[1], FOX_R_ATTN_Q, 31, "blk.31.attn_q.weight", "model.layers.31.self_attn.q_proj.weight",
	    1024, 2048, FOX_T_ROPE_Q);
	check_slot(&b[2], FOX_R_ATTN_K, 31, "blk.31.attn_k.weight", "model.layers.31.self_attn.k_proj.weight",
	    256, 2048, FOX_T_ROPE_K);
	check_slot(&b[3], FOX_R_ATTN_V, 31, "blk.31.attn_v.weight", "model.layers.31.self_attn.v_proj.weight",
	    256, 2048, 0);
	check_slot(&b[4], FOX_R_ATTN_OUT, 31, "blk.31.attn_output.weight",
	    "model.layers.31.self_attn.o_proj.weight", 2048, 1024, 0);
	check_slot(&b[5], FOX_R_FFN_NORM, 31, "blk.31.ffn_norm.weight",
	    "model.layers.31.post_attention_layernorm.weight", 1, 2048, FOX_T_KEEP_F32);
	check_slot(&b[6], FOX_R_FFN_GATE, 31, "blk.31.ffn_gate.weight", "model.layers.31.mlp.gate_proj.weight",
	    4096, 2048, 0);
	check_slot(
	    &b[7], FOX_R_FFN_UP, 31, "blk.31.ffn_up.weight", "model.layers.31.mlp.up_proj.weight", 4096, 2048, 0);
	check_slot(&b[8], FOX_R_FFN_DOWN, 31, "blk.31.ffn_down.weight", "model.layers.31.mlp.down_proj.weight",
	    2048, 4096, 0);
	check_slot(
	    &b[9], FOX_R_OUTPUT_NORM, 0, "output_norm.weight", "model.norm.weight", 1, 2048, FOX_T_KEEP_F32);
	check_slot(&b[10], FOX_R_OUTPUT, 0, "output.weight", "lm_head.weight", 256000, 2048, FOX_T_TIED_EMBED);
	fox_arena_free(&arena);
}

/* Layers that differ: each slot has its own layer's sizes. */
static void slots_per_layer(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_arena arena = {0};
	struct fox_hparams h = fox1();
	struct fox_slot *s;
	size_t n;
	h.n_layers = 2;
	h.n_heads[1] = 8;
	h.n_kv_heads[1] = 2;
	h.d_ff[1] = 512;
	assert_fox_ok(fox_arch_slots(&fox_arch_llama, &h, &arena, &s, &n, &err), &err);
	assert_int_equal(n, 21);
	assert_int_equal(s[2].rows, 2048);
	assert_int_equal(s[11].rows, 1024);
	assert_int_equal(s[12].rows, 256);
	assert_int_equal(s[14].cols, 1024);
	assert_int_equal(s[16].rows, 512);
	assert_int_equal(s[18].cols, 512);
	fox_arena_free(&arena);
}

static void slot_name_too_long(void **state)
{
	(void)state;
	static const struct fox_arch_tensor rows[] = {
	    {FOX_R_TOKEN_EMBD, "a.name.of.more.than.sixty.three.bytes.does.not.fit.into.a.container", "x",
	        FOX_D_VOCAB, FOX_D_MODEL, 0}};
	struct fox_arch bad = {.name = "bad", .tensors = rows, .n_tensors = 1};
	struct fox_err err = {0};
	struct fox_arena arena = {0};
	struct fox_hparams h = fox1();
	struct fox_slot *s = NULL;
	size_t n;
	assert_int_equal(fox_arch_slots(&bad, &h, &arena, &s, &n, &err), FOX_E_ARG);
	assert_fox_err(&err, FOX_E_ARG, FOX_NOWHERE, "a tensor name of architecture 'bad' does not fit");
	assert_null(s);
	fox_arena_free(&arena);
}

/* Totals as published: Fox-1, SmolLM2-135M (tied), Llama-2-7B (untied). */
static void params(void **state)
{
	(void)state;
	struct fox_hparams h = fox1();
	assert_int_equal(fox_arch_params(&fox_arch_llama, &h), 1665271808);
	h.tied = false;
	assert_int_equal(fox_arch_params(&fox_arch_llama, &h), 1665271808u + 524288000u);
	h = (struct fox_hparams){.n_layers = 30, .d_model = 576, .n_vocab = 49152, .head_dim = 64, .tied = true};
	set_layers(&h, 9, 3, 1536);
	assert_int_equal(fox_arch_params(&fox_arch_llama, &h), 134515008);
	h = (struct fox_hparams){.n_layers = 32, .d_model = 4096, .n_vocab = 32000, .head_dim = 128};
	set_layers(&h, 32, 32, 11008);
	assert_int_equal(fox_arch_params(&fox_arch_llama, &h), 6738415616);

	/* the largest that the range checks let pass: no overflow */
	h = (struct fox_hparams){.n_layers = FOX_MAX_LAYERS,
	    .n_ctx = 1,
	    .d_model = FOX_MAX_WIDTH,
	    .n_vocab = FOX_MAX_VOCAB,
	    .head_dim = FOX_MAX_HEAD_DIM,
	    .rope_dims = 2,
	    .rope_theta = 1,
	    .norm_eps = 0.5f};
	set_layers(&h, FOX_MAX_INNER / FOX_MAX_HEAD_DIM, FOX_MAX_INNER / FOX_MAX_HEAD_DIM, FOX_MAX_INNER);
	struct fox_err err = {0};
	assert_fox_ok(fox_hparams_check(&h, &err), &err);
	double want = 2.0 * FOX_MAX_VOCAB * FOX_MAX_WIDTH + FOX_MAX_WIDTH +
	              512.0 * (7.0 * FOX_MAX_INNER * FOX_MAX_WIDTH + 2.0 * FOX_MAX_WIDTH);
	assert_true((double)fox_arch_params(&fox_arch_llama, &h) == want);
	assert_true(want < 9.2e18);
}

/* Every row of every family is usable: patterns expand, fields lie inside fox_hparams, layer rows stand
 * together. */
static void table(void **state)
{
	(void)state;
	char out[192];
	const struct fox_arch *a;
	for (size_t f = 0; (a = fox_arch_at(f)); f++) {
		unsigned runs = 0;
		assert_true(a->n_keys <= 64);
		for (size_t i = 0; i < a->n_keys; i++) {
			const struct fox_arch_key *k = &a->keys[i];
			size_t items = k->type == FOX_K_U32_LAYERS ? FOX_MAX_LAYERS : 1;
			assert_true(k->key || k->config);
			assert_true(k->field % 4 == 0 && k->field + 4 * items <= sizeof(struct fox_hparams));
			assert_true(!k->key || fox_arch_expand(out, 128, k->key, a, 0));
			for (size_t j = 0; j < i; j++)
				assert_true(!k->key || !a->keys[j].key || strcmp(k->key, a->keys[j].key) != 0);
		}
		for (size_t i = 0; i < a->n_tensors; i++) {
			const struct fox_arch_tensor *t = &a->tensors[i];
			bool layer = t->role >= FOX_R_PER_LAYER;
			runs += layer && (!i || a->tensors[i - 1].role < FOX_R_PER_LAYER);
			assert_int_equal(layer, strstr(t->name, "{l}") != NULL);
			assert_int_equal(layer, strstr(t->hf, "{l}") != NULL);
			assert_true(fox_arch_expand(out, FOX_GGUF_MAX_NAME + 1, t->name, a, FOX_MAX_LAYERS - 1));
			assert_true(t->cols != FOX_D_NONE);
		}
		assert_int_equal(runs, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lookup),
	    cmocka_unit_test(lists),
	    cmocka_unit_test(expand),
	    cmocka_unit_test(derive),
	    cmocka_unit_test(slots),
	    cmocka_unit_test(slots_per_layer),
	    cmocka_unit_test(slot_name_too_long),
	    cmocka_unit_test(params),
	    cmocka_unit_test(table),
	};
	return cmocka_run_group_tests_name("arch", tests, NULL, NULL);
}
