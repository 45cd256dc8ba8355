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
	static const struct {
		const struct fox_arch *arch;
		const char *name, *hf_class, *hf_type;
	} all[] = {
	    {&fox_arch_llama, "llama", "LlamaForCausalLM", "llama"},
	    {&fox_arch_mistral, "llama", "MistralForCausalLM", "mistral"},
	    {&fox_arch_gemma, "gemma", "GemmaForCausalLM", "gemma"},
	    {&fox_arch_gemma2, "gemma2", "Gemma2ForCausalLM", "gemma2"},
	    {&fox_arch_gemma3, "gemma3", "Gemma3ForCausalLM", "gemma3_text"},
	    {&fox_arch_qwen2, "qwen2", "Qwen2ForCausalLM", "qwen2"},
	    {&fox_arch_qwen3, "qwen3", "Qwen3ForCausalLM", "qwen3"},
	    {&fox_arch_stablelm, "stablelm", "StableLmForCausalLM", "stablelm"},
	    {&fox_arch_openelm, "openelm", "OpenELMForCausalLM", "openelm"},
	    {&fox_arch_phi3, "phi3", "Phi3ForCausalLM", "phi3"},
	    {&fox_arch_olmo2, "olmo2", "Olmo2ForCausalLM", "olmo2"},
	    {&fox_arch_bloom, "bloom", "BloomForCausalLM", "bloom"},
	    {&fox_arch_gpt2, "gpt2", "GPT2LMHeadModel", "gpt2"},
	};
	for (size_t i = 0; i < FOX_COUNT(all); i++) {
		assert_ptr_equal(fox_arch_at(i), all[i].arch);
		assert_string_equal(all[i].arch->name, all[i].name);
		assert_string_equal(all[i].arch->hf_types, all[i].hf_type);
		assert_ptr_equal(fox_arch_by_class(fox_str_of(all[i].hf_class)), all[i].arch);
		/* a container of Mistral says llama */
		assert_ptr_equal(
		    fox_arch_by_name(fox_str_of(all[i].name)), i == 1 ? &fox_arch_llama : all[i].arch);
	}
	assert_null(fox_arch_at(FOX_COUNT(all)));
	assert_null(fox_arch_at(SIZE_MAX));
	assert_null(fox_arch_by_name(fox_str_of("Llama")));
	assert_null(fox_arch_by_name(fox_str_of("")));
	assert_null(fox_arch_by_class(fox_str_of("LlamaForCausal")));
	assert_null(fox_arch_by_class(fox_str_of("")));
	char text[512], cut[6];
	fox_arch_handled(text, sizeof text, true);
	assert_string_equal(text, "LlamaForCausalLM, MistralForCausalLM, GemmaForCausalLM, Gemma2ForCausalLM, "
	                          "Gemma3ForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM, StableLmForCausalLM, "
	                          "OpenELMForCausalLM, Phi3ForCausalLM, Olmo2ForCausalLM, BloomForCausalLM, "
	                          "GPT2LMHeadModel");
	fox_arch_handled(text, sizeof text, false);
	assert_string_equal(
	    text, "llama, gemma, gemma2, gemma3, qwen2, qwen3, stablelm, openelm, phi3, olmo2, bloom, gpt2");
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
	assert_fox_ok(fox_arch_derive(&h, &fox_arch_llama, &err), &err);
	assert_int_equal(h.head_dim, 128);
	assert_int_equal(h.rope_dims, 128);
	assert_int_equal(h.n_kv_heads[0], 16);
	assert_int_equal(h.n_kv_heads[511], 16);

	/* what is given stays */
	h.head_dim = 64;
	h.rope_dims = 32;
	set_layers(&h, 16, 4, 1);
	assert_fox_ok(fox_arch_derive(&h, &fox_arch_llama, &err), &err);
	assert_int_equal(h.head_dim, 64);
	assert_int_equal(h.rope_dims, 32);
	assert_int_equal(h.n_kv_heads[0], 4);

	h.head_dim = 0;
	set_layers(&h, 15, 5, 1);
	assert_int_equal(fox_arch_derive(&h, &fox_arch_llama, &err), FOX_E_FORMAT);
	assert_fox_err(&err, FOX_E_FORMAT, FOX_NOWHERE,
	    "head size is not given, and 15 query heads do not divide the model width 2048");

	err = (struct fox_err){0};
	set_layers(&h, 16, 4, 1);
	h.n_heads[31] = 8;
	assert_int_equal(fox_arch_derive(&h, &fox_arch_llama, &err), FOX_E_FORMAT);
	assert_fox_err(&err, FOX_E_FORMAT, FOX_NOWHERE,
	    "head size is not given, and the layers have different numbers of query heads");

	/* a layer count that nothing has checked yet, and no heads at all */
	h = (struct fox_hparams){.n_layers = UINT32_MAX, .d_model = 8};
	assert_fox_ok(fox_arch_derive(&h, &fox_arch_llama, &err), &err);
	assert_int_equal(h.head_dim, 0);
	set_layers(&h, 4, 0, 1);
	assert_fox_ok(fox_arch_derive(&h, &fox_arch_llama, &err), &err);
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

static bool is_field(const struct fox_arch_key *k)
{
#define F(x) offsetof(struct fox_hparams, x)
	static const size_t u32[] = {F(n_layers), F(n_ctx), F(d_model), F(n_vocab), F(head_dim), F(rope_dims),
	    F(rope.orig_ctx), F(window), F(ff_divisor)},
	                    f32[] = {F(rope_theta), F(norm_eps), F(rope_theta_local), F(rope.factor),
	                        F(rope.attn_factor), F(rope.beta_fast), F(rope.beta_slow), F(attn_scale),
	                        F(attn_softcap), F(logit_softcap)},
	                    layers[] = {F(n_heads), F(n_kv_heads), F(d_ff)};
	bool found = false;
	switch (k->type) {
	case FOX_K_U32:
		for (size_t i = 0; i < FOX_COUNT(u32); i++)
			found |= k->field == u32[i];
		return found;
	case FOX_K_F32:
		for (size_t i = 0; i < FOX_COUNT(f32); i++)
			found |= k->field == f32[i];
		return found;
	case FOX_K_U32_LAYERS:
		for (size_t i = 0; i < FOX_COUNT(layers); i++)
			found |= k->field == layers[i];
		return found;
	case FOX_K_BOOL:
		return k->field == F(parallel);
	case FOX_K_MULTIPLES:
		return k->field == F(d_ff);
	case FOX_K_ROPE_KIND:
		return k->field == F(rope.kind);
	case FOX_K_WINDOWED:
		return k->field == F(windowed);
	}
	return false;
#undef F
}

/* Keys: each points at a field of its type, expands, and stands once; what must be there has a source. */
static void check_keys(const struct fox_arch *a)
{
	char out[192];
	bool layers_known = false;
	assert_true(a->n_keys <= 64);
	for (size_t i = 0; i < a->n_keys; i++) {
		const struct fox_arch_key *k = &a->keys[i];
		assert_true(k->key || k->config || k->preset != 0);
		assert_true(is_field(k));
		if (k->key) {
			assert_true(fox_arch_expand(out, 128, k->key, a, 0));
			assert_true(fox_str_starts(fox_str_of(k->key), "{arch}."));
		}
		for (size_t j = 0; j < i; j++)
			assert_true(!k->key || !a->keys[j].key || strcmp(k->key, a->keys[j].key) != 0);
		assert_true(!k->required || k->config);     /* a field that nobody names cannot be asked for */
		assert_true(!k->zero_key || k->type == FOX_K_U32);
		assert_true(!(k->optional_key && k->quiet) && !(k->key_required && k->quiet));
		if (k->type == FOX_K_ROPE_KIND || k->type == FOX_K_WINDOWED)
			assert_true(k->quiet && !k->config);
		layers_known |= k->field == offsetof(struct fox_hparams, n_layers);
		assert_true(layers_known || !(fox_arch_per_layer(k) || k->type == FOX_K_WINDOWED) || !k->config ||
		            !strstr(k->config, "multipliers"));
	}
	assert_true(layers_known);
}

/* Tensors: each role, name and source once; flags that go together; layer rows stand together. */
static void check_tensors(const struct fox_arch *a)
{
	char out[256];
	unsigned runs = 0;
	for (size_t i = 0; i < a->n_tensors; i++) {
		const struct fox_arch_tensor *t = &a->tensors[i];
		bool layer = t->role >= FOX_R_PER_LAYER;
		runs += layer && (!i || a->tensors[i - 1].role < FOX_R_PER_LAYER);
		assert_int_equal(layer, strstr(t->name, "{l}") != NULL);
		assert_int_equal(t->hf == NULL, (t->how & FOX_T_MADE) != 0);
		assert_true(!t->hf || layer == (strstr(t->hf, "{l}") != NULL));
		assert_true(fox_arch_expand(out, FOX_GGUF_MAX_NAME + 1, t->name, a, FOX_MAX_LAYERS - 1));
		assert_true(!t->hf || fox_arch_expand(out, 192, t->hf, a, FOX_MAX_LAYERS - 1));
		assert_true(t->cols != FOX_D_NONE);
		if (t->how & (FOX_T_ADD_ONE | FOX_T_MADE))
			assert_true(t->how & FOX_T_KEEP_F32);
		assert_true(!(t->how & FOX_T_FIRST_HALF) || !(t->how & FOX_T_SECOND_HALF));
		if (t->how & (FOX_T_FIRST_HALF | FOX_T_SECOND_HALF | FOX_T_TRANSPOSE))
			assert_true(t->rows != FOX_D_NONE);
		if (t->how & (FOX_T_ROPE_Q | FOX_T_ROPE_K))
			assert_int_equal(a->traits.rope, FOX_ROPE_PAIRS);
		for (size_t j = 0; j < i; j++) {
			const struct fox_arch_tensor *u = &a->tensors[j];
			assert_true(t->role != u->role && strcmp(t->name, u->name) != 0);
			/* two halves of one source are the only rows that share it */
			if (t->hf && u->hf && !strcmp(t->hf, u->hf))
				assert_true(t->how & FOX_T_SECOND_HALF && u->how & FOX_T_FIRST_HALF);
		}
	}
	assert_int_equal(runs, 1);
}

static bool has_role(const struct fox_arch *a, enum fox_role r)
{
	for (size_t i = 0; i < a->n_tensors; i++)
		if (a->tensors[i].role == r)
			return true;
	return false;
}

/* What the graph takes for granted. */
static void check_traits(const struct fox_arch *a)
{
	const struct fox_traits *t = &a->traits;
	bool fused = has_role(a, FOX_R_ATTN_QKV), both = has_role(a, FOX_R_FFN_GATE_UP);
	assert_true(has_role(a, FOX_R_TOKEN_EMBD) && has_role(a, FOX_R_OUTPUT) && has_role(a, FOX_R_OUTPUT_NORM));
	assert_true(has_role(a, FOX_R_ATTN_OUT) && has_role(a, FOX_R_FFN_DOWN));
	for (int r = FOX_R_ATTN_Q; r <= FOX_R_ATTN_V; r += FOX_R_ATTN_K - FOX_R_ATTN_Q)
		assert_true(has_role(a, r) != fused);
	assert_true(has_role(a, FOX_R_FFN_UP) != both);
	assert_int_equal(has_role(a, FOX_R_FFN_GATE), t->gated && !both);
	assert_int_equal(has_role(a, FOX_R_OUTPUT_NORM_B), t->norm == FOX_NORM_LAYER);
	assert_true(t->gated || t->act != FOX_ACT_SILU);
	assert_int_equal(has_role(a, FOX_R_ROPE_FREQS), t->scalings >> FOX_SCALE_LLAMA3 & 1);
	assert_int_equal(has_role(a, FOX_R_ROPE_LONG), t->scalings >> FOX_SCALE_LONGROPE & 1);
	assert_int_equal(has_role(a, FOX_R_ROPE_SHORT), t->scalings >> FOX_SCALE_LONGROPE & 1);
	assert_true(t->rope != FOX_ROPE_NONE || (!t->scalings && !t->rope_partial));
	assert_true(t->rope != FOX_ROPE_NONE || t->alibi || has_role(a, FOX_R_POS_EMBD));
	assert_true(t->rope_partial || t->rope_partial_default == 0);
	assert_int_equal(t->window == FOX_WINDOW_PERIOD, t->window_period > 1);
	assert_true(t->window != FOX_WINDOW_NONE || !t->window_default);
}

static void table(void **state)
{
	(void)state;
	const struct fox_arch *a, *b;
	for (size_t f = 0; (a = fox_arch_at(f)); f++) {
		check_keys(a);
		check_tensors(a);
		check_traits(a);
		for (size_t g = 0; g < f; g++) {
			b = fox_arch_at(g);
			assert_true(strcmp(a->hf_class, b->hf_class) != 0 && strcmp(a->hf_types, b->hf_types) != 0);
			assert_int_equal(strcmp(a->name, b->name) == 0, a == &fox_arch_mistral && b == &fox_arch_llama);
		}
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
