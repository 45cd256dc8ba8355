/* t_graph.c - the program of a model, as printed, and what no program is made for. */
#include "tests/tiny.h"

#include "runtime/model.h"

static const char listing[] = "embed    x = ids  token_embd.weight f32 [97 x 64]\n"
                              "norm     n = x, rms, eps 1e-05  blk.0.attn_norm.weight f32 [64]\n"
                              "matmul   q = n  blk.0.attn_q.weight f32 [64 x 64]\n"
                              "matmul   k = n  blk.0.attn_k.weight f32 [32 x 64]\n"
                              "matmul   v = n  blk.0.attn_v.weight f32 [32 x 64]\n"
                              "rope     q, 4 heads of 16, first 16 by pairs, theta 10000\n"
                              "rope     k, 2 heads of 16, first 16 by pairs, theta 10000\n"
                              "kv_put   cache[0] = k, v, 2 heads of 16\n"
                              "attn     a = q, cache[0], 4 heads of 16 over 2, scale 0.25\n"
                              "matmul   t = a  blk.0.attn_output.weight f32 [64 x 64]\n"
                              "add      x = x, t\n"
                              "norm     n = x, rms, eps 1e-05  blk.0.ffn_norm.weight f32 [64]\n"
                              "matmul   g = n  blk.0.ffn_gate.weight f32 [96 x 64]\n"
                              "matmul   u = n  blk.0.ffn_up.weight f32 [96 x 64]\n"
                              "act_mul  g = silu(g), u\n"
                              "matmul   t = g  blk.0.ffn_down.weight f32 [64 x 96]\n"
                              "add      x = x, t\n"
                              "tap      x, layer 0\n"
                              "pick     t = x\n"
                              "norm     n = t, rms, eps 1e-05  output_norm.weight f32 [64]\n"
                              "matmul   logits = n  token_embd.weight f32 [97 x 64]\n";

static void llama_listing(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct fox_model *m;
	struct fox_buf out = {0};
	struct tiny t = TINY;
	t.layers = 1;
	assert_fox_ok(fox_model_open(&m, tiny_write("one.gguf", t), &e), &e);
	fox_graph_print(fox_model_graph(m), fox_model_hparams(m), &out);
	assert_string_equal(out.p, listing);
	fox_buf_free(&out);
	fox_model_close(m);

	/* every further layer adds its 17 operations, and an output matrix of its own ends the program */
	t.layers = 3, t.output = true;
	assert_fox_ok(fox_model_open(&m, tiny_write("three.gguf", t), &e), &e);
	const struct fox_graph *g = fox_model_graph(m);
	assert_int_equal(g->n_ops, 4 + 3 * 17);
	assert_true(fox_str_is(g->ops[g->n_ops - 1].w->name, "output.weight"));
	assert_true(fox_str_is(g->ops[1 + 2 * 17].w->name, "blk.2.attn_norm.weight"));
	fox_model_close(m);
}

/* Layers of different sizes: a slot is as wide as the widest needs. */
static void widths(void **state)
{
	(void)state;
	static struct fox_hparams h = {.n_layers = 2, .d_model = 64, .n_vocab = 100, .head_dim = 16};
	h.n_heads[0] = 4, h.n_heads[1] = 8;
	h.n_kv_heads[0] = 4, h.n_kv_heads[1] = 2;
	h.d_ff[0] = 200, h.d_ff[1] = 100;
	struct fox_graph g;
	fox_graph_widths(&g, &h);
	assert_int_equal(g.width[FOX_S_X], 64);
	assert_int_equal(g.width[FOX_S_Q], 128);
	assert_int_equal(g.width[FOX_S_A], 128);
	assert_int_equal(g.width[FOX_S_K], 64);
	assert_int_equal(g.width[FOX_S_V], 64);
	assert_int_equal(g.width[FOX_S_G], 200);
	assert_int_equal(g.width[FOX_S_LOGITS], 100);
}

static void refused(struct fox_arch arch, const char *text)
{
	static struct fox_hparams h = {.n_layers = 1};
	struct fox_weights w = {0};
	struct fox_arena arena = {0};
	struct fox_graph g;
	struct fox_err e = {0};
	assert_int_equal(fox_graph_build(&g, &arch, &h, &w, &arena, &e), FOX_E_UNSUPPORTED);
	assert_fox_err(&e, FOX_E_UNSUPPORTED, FOX_NOWHERE, text);
	fox_arena_free(&arena);
}

/* No family has it, so no kernel does. */
static void traits(void **state)
{
	(void)state;
	struct fox_arch a = fox_arch_llama;
	a.traits.gated = false;
	refused(a, "architecture 'llama' cannot be run by this build: it has SiLU without a gate");
}

static void names(void **state)
{
	(void)state;
	for (int i = 0; i < FOX_OP_COUNT; i++)
		assert_true(strlen(fox_op_name(i)) > 1);
	for (int i = FOX_S_X; i < FOX_S_COUNT; i++)
		assert_true(fox_slot_name(i)[0] >= 'a');
	assert_string_equal(fox_op_name(FOX_OP_COUNT), "?");
	assert_string_equal(fox_slot_name(FOX_S_COUNT), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(llama_listing),
	    cmocka_unit_test(widths),
	    cmocka_unit_test(traits),
	    cmocka_unit_test(names),
	};
	return cmocka_run_group_tests_name("graph", tests, NULL, NULL);
}
