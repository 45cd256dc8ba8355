/* t_recipe.c - the types that a recipe chooses: llama-quantize's own answers, what it has none for, and rules. */
#include "tests/test.h"

#include "tests/mix_text.h"

/* tests/golden/mixes.txt was made by tests/reference/make_mix_golden.py. */
static void golden_mixes(void **state)
{
	static struct mix_model m;
	static char line[1u << 14];
	size_t runs = 0;
	FILE *f = fopen("tests/golden/mixes.txt", "rb");
	assert_non_null(f);
	while (fgets(line, sizeof line, f)) {
		struct fox_buf got = {0};
		line[strcspn(line, "\n")] = 0;
		if (line[0] == 'm') {
			mix_begin(&m, line);
		} else if (line[0] == 't') {
			mix_tensor(&m, line);
		} else if (line[0] == 'r') {
			mix_run(&m, &got, line);
			if (strcmp(got.p, line))
				fail_msg("%s: want %s\ngot %s", m.name, line, got.p);
			runs++;
		}
		fox_buf_free(&got);
	}
	fclose(f);
	assert_int_equal(runs, 834);
	fox_arena_free(&m.arena);
	(void)state;
}

/* ---- by hand */

static const struct fox_ftype *ftype(const char *name)
{
	const struct fox_ftype *f = NULL;
	struct fox_err err = {0};
	assert_fox_ok(fox_ftype_parse(fox_str_of(name), &f, &err), &err);
	return f;
}

#define T(n, ...)                                                                                            \
	{                                                                                                        \
		.name = {n, sizeof n - 1}, .type = FOX_F16, .n_dims = 2, .dim = { __VA_ARGS__ }                      \
	}

static void choose(struct fox_recipe_choice *out, struct fox_recipe_count *count, const struct fox_recipe *r,
    const struct fox_recipe_model *model, const struct fox_recipe_tensor *t, size_t n)
{
	struct fox_err err = {0};
	assert_fox_ok(fox_recipe_types(out, count, r, model, t, n, &err), &err);
}

/* Nothing is known but names and shapes: layers, experts and query groups are found there. */
static void an_architecture_that_no_table_knows(void **state)
{
	enum { LAYERS = 16, N = 3 * LAYERS };
	static char names[N][40];
	struct fox_recipe_tensor t[N];
	struct fox_recipe_choice known[N], unknown[N];
	struct fox_recipe_model facts = {
	    .arch = {"llama", 5}, .n_layers = LAYERS, .n_heads = 8, .n_kv_heads = 2, .heads_given = true};
	const struct fox_recipe_model none = {.arch = {"novel-arch", 10}};
	for (size_t i = 0; i < N; i++) {
		static const char *const part[] = {"attn_q", "attn_k", "attn_v", "ffn_down", "ffn_up", "attn_output"};
		/* backwards, as no file has them: the order of the list must not matter */
		snprintf(names[i], sizeof names[i], "blk.%zu.%s.weight", LAYERS - 1 - i / 3,
		    part[i % 3 + 3 * (i / 3 % 2)]);
		t[i] = (struct fox_recipe_tensor){
		    .name = fox_str_of(names[i]), .type = FOX_BF16, .n_dims = 2, .dim = {512, i % 3 ? 128 : 512}};
	}
	for (size_t f = 0; f < fox_ftypes(); f++) {
		struct fox_recipe r = fox_recipe_of(fox_ftype_at(f));
		choose(known, NULL, &r, &facts, t, N);
		choose(unknown, NULL, &r, &none, t, N);
		for (size_t i = 0; i < N; i++)
			assert_int_equal(known[i].type, unknown[i].type);
	}
	/* one key head for each query head: IQ4_XS leaves V at the base type */
	struct fox_recipe r = fox_recipe_of(ftype("IQ4_XS"));
	const struct fox_recipe_tensor even[] = {T("blk.0.attn_q.weight", 256, 64),
	    T("blk.0.attn_k.weight", 256, 64), T("blk.0.attn_v.weight", 256, 64)};
	const struct fox_recipe_tensor grouped[] = {T("blk.0.attn_q.weight", 256, 64),
	    T("blk.0.attn_k.weight", 256, 16), T("blk.0.attn_v.weight", 256, 16)};
	choose(known, NULL, &r, &none, even, 3);
	assert_int_equal(known[2].type, FOX_IQ4_XS);
	choose(known, NULL, &r, &none, grouped, 3);
	assert_int_equal(known[2].type, FOX_Q5_K);
	(void)state;
}

static void experts_are_found_in_shapes(void **state)
{
	struct fox_recipe r = fox_recipe_of(ftype("Q4_K_M"));
	const struct fox_recipe_model none = {0};
	struct fox_recipe_choice c[2];
	struct fox_recipe_tensor t[] = {
	    T("blk.0.ffn_down_exps.weight", 256, 64, 8), T("blk.0.attn_k.weight", 256, 64)};
	t[0].n_dims = 3;
	choose(c, NULL, &r, &none, t, 2);
	assert_int_equal(c[1].type, FOX_Q8_0); /* K of a model with eight experts */
	t[0].dim[2] = 9;
	choose(c, NULL, &r, &none, t, 2);
	assert_int_equal(c[1].type, FOX_Q4_K);
	/* what llama-quantize stops at: a feed-forward outside the layers, or past their number */
	const struct fox_recipe_model experts = {.arch = {"llama", 5}, .n_layers = 4, .n_experts = 4};
	const struct fox_recipe_tensor odd[] = {
	    T("mtp.ffn_down.weight", 256, 64), T("blk.9.ffn_down.weight", 256, 64)};
	choose(c, NULL, &r, &experts, odd, 2);
	assert_int_equal(c[0].type, FOX_Q4_K);
	assert_int_equal(c[1].type, FOX_Q6_K);
	(void)state;
}

static void what_fox_adds(void **state)
{
	struct fox_rules *rules;
	struct fox_err err = {0};
	struct fox_recipe_choice c[3];
	struct fox_recipe_count count;
	const struct fox_recipe_model none = {0};
	const struct fox_recipe_tensor t[] = {
	    T("output.weight", 256, 8), T("blk.0.attn_q.weight", 256, 8), T("blk.0.ffn_up.weight", 96, 8)};
	/* plain mxfp4 and nvfp4: no experts needed */
	struct fox_recipe r = fox_recipe_of(ftype("mxfp4"));
	choose(c, &count, &r, &none, t, 3);
	assert_int_equal(c[0].type, FOX_Q6_K);
	assert_int_equal(c[1].type, FOX_MXFP4);
	assert_int_equal(c[2].type, FOX_MXFP4);
	r = fox_recipe_of(ftype("nvfp4"));
	choose(c, &count, &r, &none, t, 3);
	assert_int_equal(c[0].type, FOX_Q6_K);
	assert_int_equal(c[1].type, FOX_NVFP4);
	assert_int_equal(c[2].type, FOX_IQ4_NL);
	assert_int_equal(count.fell_back, 1);
	/* rules hold also where the base type is no block type */
	assert_fox_ok(fox_rules_open(&rules, &err), &err);
	assert_fox_ok(fox_rules_add(rules, fox_str_of("attn_\\D\\.=q8_0"), &err), &err); /* \D is not made \d */
	r = fox_recipe_of(ftype("F16"));
	r.rules = rules;
	choose(c, &count, &r, &none, t, 3);
	assert_int_equal(c[0].type, FOX_F16);
	assert_int_equal(c[1].type, FOX_Q8_0);
	assert_int_equal(count.by_rule, 1);
	/* an option's type that does not fit falls back too */
	r = fox_recipe_of(ftype("Q8_0"));
	r.embed_type = FOX_Q4_K;
	const struct fox_recipe_tensor narrow[] = {T("token_embd.weight", 96, 8)};
	choose(c, &count, &r, &none, narrow, 1);
	assert_int_equal(c[0].wanted, FOX_Q4_K);
	assert_int_equal(c[0].type, FOX_Q5_0);
	fox_rules_close(rules);
	(void)state;
}

static void reasons_and_counts(void **state)
{
	struct fox_rules *rules;
	struct fox_err err = {0};
	const struct fox_recipe_model none = {0};
	struct fox_recipe_tensor t[] = {T("blk.0.attn_norm.weight", 256), T("blk.0.ffn_norm.weight", 256, 2),
	    T("blk.0.ffn_gate_inp.weight", 256, 8), T("output.weight", 256, 8), T("token_embd.weight", 256, 8),
	    T("blk.0.attn_q.weight", 256, 8), T("blk.0.attn_v.weight", 96, 8), T("blk.0.ffn_up.weight", 256, 8)};
	static const char *const want[] = {"kept: no matrix", "kept: bias, norm or the like",
	    "kept: small or sensitive", "kept: output tensor left", "type of the token embeddings", "base type",
	    "mixture; in place of q4_k, whose blocks hold 256", "rule 'ffn_up=q2_k'"};
	struct fox_recipe_choice c[FOX_COUNT(t)];
	struct fox_recipe_count count;
	char text[120];
	struct fox_recipe r = fox_recipe_of(ftype("Q2_K_S"));
	assert_fox_ok(fox_rules_open(&rules, &err), &err);
	assert_fox_ok(fox_rules_add(rules, fox_str_of("ffn_up=q2_k"), &err), &err);
	t[0].n_dims = 1;
	r.leave_output = true;
	r.embed_type = FOX_Q8_0;
	r.rules = rules;
	const struct fox_recipe_model grouped = {.n_heads = 8, .n_kv_heads = 2};
	choose(c, &count, &r, &grouped, t, FOX_COUNT(t));
	for (size_t i = 0; i < FOX_COUNT(t); i++)
		assert_string_equal(fox_recipe_why_text(&r, &c[i], text, sizeof text), want[i]);
	assert_int_equal(count.kept, 4);
	assert_int_equal(count.fell_back, 1);
	assert_int_equal(count.by_rule, 1);
	assert_int_equal(count.needs_importance, 2);
	assert_true(c[5].needs_importance && c[7].needs_importance && !c[4].needs_importance);
	t[5].type = FOX_Q2_K; /* has the type: nothing is quantized */
	choose(c, &count, &r, &none, t, FOX_COUNT(t));
	assert_int_equal(count.needs_importance, 1);
	r = fox_recipe_of(ftype("copy"));
	choose(c, &count, &r, &none, t, FOX_COUNT(t));
	assert_string_equal(fox_recipe_why_text(&r, &c[5], text, sizeof text), "kept: copied");
	assert_int_equal(count.kept, FOX_COUNT(t));
	fox_rules_close(rules);
	(void)state;
}

/* ---- rules */

static void rules_refused(void **state)
{
	static const struct {
		const char *rule, *text;
	} want[] = {
	    {"attn_v", "no '=' between an expression and a type, in rule 'attn_v'"},
	    {"", "no '=' between an expression and a type, in rule ''"},
	    {"=q8_0", "no expression before '=', in rule '=q8_0'"},
	    {"attn_v=", "no type behind '=', in rule 'attn_v='"},
	    {"attn_v=q4_9", "no tensor type 'q4_9'; near it: q4_0, q4_1, q4_k, q5_0, in rule 'attn_v=q4_9'"},
	    {"attn_v=Q4_K_M", "no tensor type 'Q4_K_M'; near it: q4_k, in rule 'attn_v=Q4_K_M'"},
	    {"x=int4_with_a_very_long_name",
	        "no tensor type 'int4_with_a_very_long_name', in rule 'x=int4_with_a_very_long_name'"},
	    {"x=q8_k", "weights are not stored as q8_k, in rule 'x=q8_k'"},
	    {"x=I32", "weights are not stored as i32, in rule 'x=I32'"},
	    {"(attn=q8_0", "regex: missing closing parenthesis, in rule '(attn=q8_0'"},
	    {"a\xff=q8_0", "not UTF-8, in rule 'a\xff=q8_0'"},
	};
	struct fox_rules *rules;
	struct fox_err none = {0};
	assert_fox_ok(fox_rules_open(&rules, &none), &none);
	for (size_t i = 0; i < FOX_COUNT(want); i++) {
		struct fox_err err = {0};
		assert_int_equal(fox_rules_add(rules, fox_str_of(want[i].rule), &err), FOX_E_ARG);
		assert_fox_err(&err, FOX_E_ARG, FOX_NOWHERE, want[i].text);
	}
	assert_int_equal(fox_rules_count(rules), 0);
	fox_rules_close(rules);
	assert_int_equal(fox_rules_count(NULL), 0);
	(void)state;
}

static size_t find(const struct fox_rules *r, const char *name)
{
	struct fox_err err = {0};
	size_t rule;
	assert_fox_ok(fox_rules_find(r, fox_str_of(name), &rule, &err), &err);
	return rule;
}

static void rules_found(void **state)
{
	static const char *const add[] = {"^BLK\\.(0|1)\\.=Q8_0", "[[:digit:]]\\.attn_[^qk]=IQ4_xs",
	    "\\bffn_\\S{2}\\b=f16", "\\x61\\u0062c$=bf16", "[^]x=f32", "^(?:(q)|k)\\1z=q5_0"};
	struct fox_rules *r;
	struct fox_err err = {0};
	assert_fox_ok(fox_rules_open(&r, &err), &err);
	for (size_t i = 0; i < FOX_COUNT(add); i++)
		assert_fox_ok(fox_rules_add(r, fox_str_of(add[i]), &err), &err);
	assert_int_equal(fox_rules_count(r), FOX_COUNT(add));
	assert_int_equal(find(r, "blk.1.attn_v.weight"), 0);
	assert_int_equal(find(r, "blk.10.attn_v.weight"), 1);
	assert_int_equal(find(r, "blk.10.ffn_up.weight"), 2);
	assert_int_equal(find(r, "blk.10.ffn_down.weight"), SIZE_MAX);
	assert_int_equal(find(r, "zabc"), 3);
	assert_int_equal(find(r, "abcd"), SIZE_MAX);
	assert_int_equal(find(r, "abc\n"), SIZE_MAX); /* $ is the end alone */
	assert_int_equal(find(r, "kz"), 5); /* a group that took no part matches nothing, successfully */
	assert_int_equal(find(r, "qz"), SIZE_MAX);
	assert_int_equal(find(r, "\nx"), 4);
	assert_int_equal(
	    find(r, "BLK.1.x"), 4); /* letters of the rule are lower case, those of the name are as they are */
	assert_int_equal(fox_rules_type(r, 1), FOX_IQ4_XS);
	assert_true(fox_str_is(fox_rules_text(r, 1), add[1]));
	fox_rules_close(r);
	(void)state;
}

static void a_rule_that_never_ends(void **state)
{
	struct fox_rules *r;
	struct fox_err err = {0};
	size_t rule;
	assert_fox_ok(fox_rules_open(&r, &err), &err);
	assert_fox_ok(fox_rules_add(r, fox_str_of("(a|a)*b\\.=q8_0"), &err), &err);
	enum fox_status s = fox_rules_find(
	    r, fox_str_of("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab.aaaaaaaaaaaaa"), &rule, &err);
	assert_int_equal(s, FOX_OK); /* found at once */
	s = fox_rules_find(r, fox_str_of("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac.b"), &rule, &err);
	assert_fox_err(&err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "regex: gave up on this text (match limit exceeded), in rule '(a|a)*b\\.=q8_0'");
	assert_int_equal(s, FOX_E_UNSUPPORTED);
	fox_rules_close(r);
	(void)state;
}

static void rules_from_a_file(void **state)
{
	static const char good[] = "# a comment = nothing\nattn_v=q8_0  ffn_down=q6_K # more\r\n\n\tblk\\.0=f16";
	static const char bad[] = "attn_v=q8_0\n\nffn=q8_0 attn=q99\n";
	const char *path = test_path("rules.txt");
	struct fox_rules *r;
	struct fox_err err = {0};
	assert_fox_ok(fox_rules_open(&r, &err), &err);
	test_write(path, good, sizeof good - 1);
	assert_fox_ok(fox_rules_add_file(r, path, &err), &err);
	assert_int_equal(fox_rules_count(r), 3);
	assert_int_equal(fox_rules_type(r, 1), FOX_Q6_K);
	test_write(path, bad, sizeof bad - 1);
	assert_int_equal(fox_rules_add_file(r, path, &err), FOX_E_ARG);
	assert_fox_err(&err, FOX_E_ARG, FOX_NOWHERE, "no tensor type 'q99', in rule 'attn=q99', line 3");
	assert_string_equal(err.file, path);
	err = (struct fox_err){0};
	test_write(path, "a=q8_0\n\xff", 8);
	assert_int_equal(fox_rules_add_file(r, path, &err), FOX_E_FORMAT);
	assert_fox_err(&err, FOX_E_FORMAT, 7, "not UTF-8");
	err = (struct fox_err){0};
	assert_int_equal(fox_rules_add_file(r, test_path("absent"), &err), FOX_E_IO);
	fox_rules_close(r);
	(void)state;
}

/* ---- this build, and facts */

static void types_without_a_quantizer(void **state)
{
	struct fox_rules *rules;
	struct fox_err err = {0};
	struct fox_recipe r = fox_recipe_of(ftype("Q8_0"));
	assert_fox_ok(fox_recipe_check(&r, &err), &err);
	assert_true(fox_recipe_makes(FOX_F16) && !fox_recipe_makes(FOX_IQ2_XS) && !fox_recipe_makes(FOX_I32));
	assert_fox_ok(fox_rules_open(&rules, &err), &err);
	assert_fox_ok(fox_rules_add(rules, fox_str_of("attn_v=q8_0"), &err), &err);
	assert_fox_ok(fox_rules_add(rules, fox_str_of("ffn=iq1_s"), &err), &err);
	r.rules = rules;
	assert_int_equal(fox_recipe_check(&r, &err), FOX_E_UNSUPPORTED);
	assert_string_equal(strstr(err.text, "does not"), "does not quantize to it, in rule 'ffn=iq1_s'");
	assert_memory_equal(err.text, "iq1_s: fox ", 11);
	r = fox_recipe_of(ftype("Q8_0"));
	r.output_type = FOX_IQ2_XXS;
	err = (struct fox_err){0};
	assert_int_equal(fox_recipe_check(&r, &err), FOX_E_UNSUPPORTED);
	assert_string_equal(
	    strstr(err.text, "does not"), "does not quantize to it, in the type of the output tensor");
	r = fox_recipe_of(ftype("IQ2_M"));
	err = (struct fox_err){0};
	assert_int_equal(fox_recipe_check(&r, &err), FOX_E_UNSUPPORTED);
	assert_string_equal(strstr(err.text, "does not"), "does not quantize to it, in file type 'IQ2_M'");
	r = fox_recipe_of(ftype("copy"));
	assert_fox_ok(fox_recipe_check(&r, &err), &err);
	fox_rules_close(rules);
	(void)state;
}

static void facts_of_a_container(void **state)
{
	static const uint32_t heads[] = {0, 4, 4};
	const char *path = test_path("facts.gguf");
	struct fox_gguf_writer *w;
	struct fox_gguf *g;
	struct fox_err err = {0};
	struct fox_recipe_model m;
	for (int kind = 0; kind < 3; kind++) {
		assert_fox_ok(fox_gguf_writer_open(&w, &err), &err);
		if (kind)
			assert_fox_ok(fox_gguf_put_str(w, "general.architecture", fox_str_of("novel"), &err), &err);
		assert_fox_ok(fox_gguf_put_u32(w, "novel.block_count", 3, &err), &err);
		assert_fox_ok(fox_gguf_put_u64(w, "novel.expert_count", 8, &err), &err);
		assert_fox_ok(fox_gguf_put_u32(w, "novel.attention.head_count", 16, &err), &err);
		if (kind == 2)
			assert_fox_ok(
			    fox_gguf_put_array(w, "novel.attention.head_count_kv", FOX_GGUF_U32, heads, 3, &err), &err);
		assert_fox_ok(fox_gguf_freeze(w, &err), &err);
		assert_fox_ok(fox_gguf_create(w, path, true, &err), &err);
		assert_fox_ok(fox_gguf_finish(w, &err), &err);
		fox_gguf_writer_close(w);
		assert_fox_ok(fox_gguf_open(&g, path, &err), &err);
		fox_recipe_model_gguf(&m, g);
		assert_true(fox_str_is(m.arch, kind ? "novel" : ""));
		assert_int_equal(m.n_layers, kind ? 3 : 0);
		assert_int_equal(m.n_experts, kind ? 8 : 0);
		assert_int_equal(m.n_heads, kind ? 16 : 0);
		assert_int_equal(m.n_kv_heads, kind == 1 ? 16 : 0); /* 2: no attention in the first layer */
		assert_int_equal(m.heads_given, kind != 0);
		fox_gguf_close(g);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(golden_mixes),
	    cmocka_unit_test(an_architecture_that_no_table_knows),
	    cmocka_unit_test(experts_are_found_in_shapes),
	    cmocka_unit_test(what_fox_adds),
	    cmocka_unit_test(reasons_and_counts),
	    cmocka_unit_test(rules_refused),
	    cmocka_unit_test(rules_found),
	    cmocka_unit_test(a_rule_that_never_ends),
	    cmocka_unit_test(rules_from_a_file),
	    cmocka_unit_test(types_without_a_quantizer),
	    cmocka_unit_test(facts_of_a_container),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
