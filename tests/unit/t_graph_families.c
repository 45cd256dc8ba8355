/* t_graph_families.c - programs of families other than Llama, as printed: norms with bias, positions, caps, parallel blocks,
 * norms of queries and keys, fused tensors, windows, angles of kinds of layers. */
#include "tests/unit/t_checkpoint.h"

#include "runtime/graph.h"

struct built {
	struct fox_arena arena;
	struct fox_graph g;
	struct fox_buf text;
};

/* A program over weights that have names and sizes, but no values. */
static void build(struct built *b, const struct fox_arch *a, const struct fox_hparams *h)
{
	static const uint8_t data[1 << 16];
	static const float vec[256];
	struct fox_err err = {0};
	struct fox_slot *s;
	struct fox_weights w = {0};
	size_t n;
	*b = (struct built){0};
	assert_fox_ok(fox_arch_slots(a, h, &b->arena, &s, &n, &err), &err);
	struct fox_weight *list = fox_arena_alloc(&b->arena, n, sizeof *list);
	w.layer = fox_arena_alloc(&b->arena, h->n_layers * FOX_LAYER_ROLES, sizeof *w.layer);
	assert_true(list && w.layer);
	for (size_t i = 0; i < n; i++) {
		enum fox_role role = s[i].row->role;
		bool vector = s[i].row->rows == FOX_D_NONE;
		assert_true(vector ? s[i].cols <= FOX_COUNT(vec) : 2 * s[i].rows * s[i].cols <= sizeof data);
		list[i] = (struct fox_weight){.name = fox_str_of(s[i].name),
		    .type = vector ? FOX_F32 : FOX_F16,
		    .rows = s[i].rows,
		    .cols = s[i].cols,
		    .row_bytes = 2 * s[i].cols,
		    .data = vector ? NULL : data,
		    .vec = vector ? vec : NULL};
		if (h->tied && s[i].row->how & FOX_T_TIED_EMBED)
			continue;
		if (role < FOX_R_PER_LAYER)
			w.global[role] = &list[i];
		else
			w.layer[s[i].layer * FOX_LAYER_ROLES + (role - FOX_R_PER_LAYER)] = &list[i];
	}
	assert_fox_ok(fox_graph_build(&b->g, a, h, &w, &b->arena, &err), &err);
	fox_graph_print(&b->g, h, &b->text);
}

static void done(struct built *b)
{
	fox_buf_free(&b->text);
	fox_arena_free(&b->arena);
}

static struct fox_hparams sizes(const struct fox_arch *a)
{
	struct fox_hparams h;
	ck_family_hparams(&h, a);
	h.n_layers = 1;
	return h;
}

static void listed(const struct fox_arch *a, struct fox_hparams h, const char *want)
{
	struct built b;
	build(&b, a, &h);
	assert_string_equal(b.text.p, want);
	done(&b);
}

/* Learned positions; a norm with bias; all products with bias; nothing is rotated, no gate. */
static void gpt2(void **state)
{
	(void)state;
	struct fox_hparams h = sizes(&fox_arch_gpt2);
	listed(&fox_arch_gpt2, h,
	    "embed    x = ids  token_embd.weight f16 [100 x 64]\n"
	    "add_pos  x = x, positions  position_embd.weight f16 [128 x 64]\n"
	    "norm     n = x, layer, eps 1e-05  blk.0.attn_norm.weight f32 [64]  blk.0.attn_norm.bias f32 [64]\n"
	    "matmul   q = n  blk.0.attn_qkv.weight f16 [64 x 64]  blk.0.attn_qkv.bias f32 [64]\n"
	    "matmul   k = n  blk.0.attn_qkv.weight f16 [64 x 64]  blk.0.attn_qkv.bias f32 [64]\n"
	    "matmul   v = n  blk.0.attn_qkv.weight f16 [64 x 64]  blk.0.attn_qkv.bias f32 [64]\n"
	    "kv_put   cache[0] = k, v, 4 heads of 16\n"
	    "attn     a = q, cache[0], 4 heads of 16 over 4, scale 0.25\n"
	    "matmul   t = a  blk.0.attn_output.weight f16 [64 x 64]  blk.0.attn_output.bias f32 [64]\n"
	    "add      x = x, t\n"
	    "norm     n = x, layer, eps 1e-05  blk.0.ffn_norm.weight f32 [64]  blk.0.ffn_norm.bias f32 [64]\n"
	    "matmul   g = n  blk.0.ffn_up.weight f16 [256 x 64]  blk.0.ffn_up.bias f32 [256]\n"
	    "act_mul  g = gelu(g)\n"
	    "matmul   t = g  blk.0.ffn_down.weight f16 [64 x 256]  blk.0.ffn_down.bias f32 [64]\n"
	    "add      x = x, t\n"
	    "tap      x, layer 0\n"
	    "pick     t = x\n"
	    "norm     n = t, layer, eps 1e-05  output_norm.weight f32 [64]  output_norm.bias f32 [64]\n"
	    "matmul   logits = n  token_embd.weight f16 [100 x 64]\n");
}

/* A norm on the embedding; scores with slopes. */
static void bloom(void **state)
{
	(void)state;
	struct fox_hparams h = sizes(&fox_arch_bloom);
	listed(&fox_arch_bloom, h,
	    "embed    x = ids  token_embd.weight f16 [100 x 64]\n"
	    "norm     x = x, layer, eps 1e-05  token_embd_norm.weight f32 [64]  token_embd_norm.bias f32 [64]\n"
	    "norm     n = x, layer, eps 1e-05  blk.0.attn_norm.weight f32 [64]  blk.0.attn_norm.bias f32 [64]\n"
	    "matmul   q = n  blk.0.attn_qkv.weight f16 [64 x 64]  blk.0.attn_qkv.bias f32 [64]\n"
	    "matmul   k = n  blk.0.attn_qkv.weight f16 [64 x 64]  blk.0.attn_qkv.bias f32 [64]\n"
	    "matmul   v = n  blk.0.attn_qkv.weight f16 [64 x 64]  blk.0.attn_qkv.bias f32 [64]\n"
	    "kv_put   cache[0] = k, v, 4 heads of 16\n"
	    "attn     a = q, cache[0], 4 heads of 16 over 4, scale 0.25, slopes\n"
	    "matmul   t = a  blk.0.attn_output.weight f16 [64 x 64]  blk.0.attn_output.bias f32 [64]\n"
	    "add      x = x, t\n"
	    "norm     n = x, layer, eps 1e-05  blk.0.ffn_norm.weight f32 [64]  blk.0.ffn_norm.bias f32 [64]\n"
	    "matmul   g = n  blk.0.ffn_up.weight f16 [256 x 64]  blk.0.ffn_up.bias f32 [256]\n"
	    "act_mul  g = gelu(g)\n"
	    "matmul   t = g  blk.0.ffn_down.weight f16 [64 x 256]  blk.0.ffn_down.bias f32 [64]\n"
	    "add      x = x, t\n"
	    "tap      x, layer 0\n"
	    "pick     t = x\n"
	    "norm     n = t, layer, eps 1e-05  output_norm.weight f32 [64]  output_norm.bias f32 [64]\n"
	    "matmul   logits = n  token_embd.weight f16 [100 x 64]\n");
}

/* A scaled embedding, norms on both sides, caps on scores and logits, a scale of its own, a window. */
static void gemma2(void **state)
{
	(void)state;
	struct fox_hparams h = sizes(&fox_arch_gemma2);
	h.attn_softcap = 50, h.logit_softcap = 30, h.attn_scale = 0.125f;
	h.window = 8, h.windowed[0] = true;
	listed(&fox_arch_gemma2, h,
	    "embed    x = ids times 8  token_embd.weight f16 [100 x 64]\n"
	    "norm     n = x, rms, eps 1e-05  blk.0.attn_norm.weight f32 [64]\n"
	    "matmul   q = n  blk.0.attn_q.weight f16 [64 x 64]\n"
	    "matmul   k = n  blk.0.attn_k.weight f16 [32 x 64]\n"
	    "matmul   v = n  blk.0.attn_v.weight f16 [32 x 64]\n"
	    "rope     q, 4 heads of 16, first 16 by halves, theta 10000\n"
	    "rope     k, 2 heads of 16, first 16 by halves, theta 10000\n"
	    "kv_put   cache[0] = k, v, 2 heads of 16\n"
	    "attn     a = q, cache[0], 4 heads of 16 over 2, scale 0.125, capped at 50, window 8\n"
	    "matmul   t = a  blk.0.attn_output.weight f16 [64 x 64]\n"
	    "norm     t = t, rms, eps 1e-05  blk.0.post_attention_norm.weight f32 [64]\n"
	    "add      x = x, t\n"
	    "norm     n = x, rms, eps 1e-05  blk.0.ffn_norm.weight f32 [64]\n"
	    "matmul   g = n  blk.0.ffn_gate.weight f16 [96 x 64]\n"
	    "matmul   u = n  blk.0.ffn_up.weight f16 [96 x 64]\n"
	    "act_mul  g = gelu(g), u\n"
	    "matmul   t = g  blk.0.ffn_down.weight f16 [64 x 96]\n"
	    "norm     t = t, rms, eps 1e-05  blk.0.post_ffw_norm.weight f32 [64]\n"
	    "add      x = x, t\n"
	    "tap      x, layer 0\n"
	    "pick     t = x\n"
	    "norm     n = t, rms, eps 1e-05  output_norm.weight f32 [64]\n"
	    "matmul   logits = n  token_embd.weight f16 [100 x 64]\n"
	    "softcap  logits, capped at 30\n");
}

/* Both halves read the first norm; a quarter of the head is rotated; an output matrix of its own. */
static void parallel_residual(void **state)
{
	(void)state;
	struct fox_hparams h = sizes(&fox_arch_stablelm);
	h.parallel = true, h.rope_dims = 4, h.tied = false;
	listed(&fox_arch_stablelm, h,
	    "embed    x = ids  token_embd.weight f16 [100 x 64]\n"
	    "norm     n = x, layer, eps 1e-05  blk.0.attn_norm.weight f32 [64]  blk.0.attn_norm.bias f32 [64]\n"
	    "matmul   q = n  blk.0.attn_q.weight f16 [64 x 64]\n"
	    "matmul   k = n  blk.0.attn_k.weight f16 [32 x 64]\n"
	    "matmul   v = n  blk.0.attn_v.weight f16 [32 x 64]\n"
	    "rope     q, 4 heads of 16, first 4 by halves, theta 10000\n"
	    "rope     k, 2 heads of 16, first 4 by halves, theta 10000\n"
	    "kv_put   cache[0] = k, v, 2 heads of 16\n"
	    "attn     a = q, cache[0], 4 heads of 16 over 2, scale 0.25\n"
	    "matmul   t = a  blk.0.attn_output.weight f16 [64 x 64]\n"
	    "add      x = x, t\n"
	    "matmul   g = n  blk.0.ffn_gate.weight f16 [96 x 64]\n"
	    "matmul   u = n  blk.0.ffn_up.weight f16 [96 x 64]\n"
	    "act_mul  g = silu(g), u\n"
	    "matmul   t = g  blk.0.ffn_down.weight f16 [64 x 96]\n"
	    "add      x = x, t\n"
	    "tap      x, layer 0\n"
	    "pick     t = x\n"
	    "norm     n = t, layer, eps 1e-05  output_norm.weight f32 [64]  output_norm.bias f32 [64]\n"
	    "matmul   logits = n  output.weight f16 [100 x 64]\n");
}

/* Q, K and V in one, gate and up in one. */
static void phi3(void **state)
{
	(void)state;
	struct fox_hparams h = sizes(&fox_arch_phi3);
	listed(&fox_arch_phi3, h,
	    "embed    x = ids  token_embd.weight f16 [100 x 64]\n"
	    "norm     n = x, rms, eps 1e-05  blk.0.attn_norm.weight f32 [64]\n"
	    "matmul   q = n  blk.0.attn_qkv.weight f16 [64 x 64]\n"
	    "matmul   k = n  blk.0.attn_qkv.weight f16 [32 x 64]\n"
	    "matmul   v = n  blk.0.attn_qkv.weight f16 [32 x 64]\n"
	    "rope     q, 4 heads of 16, first 16 by halves, theta 10000\n"
	    "rope     k, 2 heads of 16, first 16 by halves, theta 10000\n"
	    "kv_put   cache[0] = k, v, 2 heads of 16\n"
	    "attn     a = q, cache[0], 4 heads of 16 over 2, scale 0.25\n"
	    "matmul   t = a  blk.0.attn_output.weight f16 [64 x 64]\n"
	    "add      x = x, t\n"
	    "norm     n = x, rms, eps 1e-05  blk.0.ffn_norm.weight f32 [64]\n"
	    "matmul   g = n  blk.0.ffn_up.weight f16 [96 x 64]\n"
	    "matmul   u = n  blk.0.ffn_up.weight f16 [96 x 64]\n"
	    "act_mul  g = silu(g), u\n"
	    "matmul   t = g  blk.0.ffn_down.weight f16 [64 x 96]\n"
	    "add      x = x, t\n"
	    "tap      x, layer 0\n"
	    "pick     t = x\n"
	    "norm     n = t, rms, eps 1e-05  output_norm.weight f32 [64]\n"
	    "matmul   logits = n  token_embd.weight f16 [100 x 64]\n");
}

/* No norm before, one behind; queries and keys are normed over all heads together. */
static void olmo2(void **state)
{
	(void)state;
	struct fox_hparams h = sizes(&fox_arch_olmo2);
	listed(&fox_arch_olmo2, h,
	    "embed    x = ids  token_embd.weight f16 [100 x 64]\n"
	    "matmul   q = x  blk.0.attn_q.weight f16 [64 x 64]\n"
	    "matmul   k = x  blk.0.attn_k.weight f16 [32 x 64]\n"
	    "matmul   v = x  blk.0.attn_v.weight f16 [32 x 64]\n"
	    "norm     q = q, rms, eps 1e-05  blk.0.attn_q_norm.weight f32 [64]\n"
	    "norm     k = k, rms, eps 1e-05  blk.0.attn_k_norm.weight f32 [32]\n"
	    "rope     q, 4 heads of 16, first 16 by halves, theta 10000\n"
	    "rope     k, 2 heads of 16, first 16 by halves, theta 10000\n"
	    "kv_put   cache[0] = k, v, 2 heads of 16\n"
	    "attn     a = q, cache[0], 4 heads of 16 over 2, scale 0.25\n"
	    "matmul   t = a  blk.0.attn_output.weight f16 [64 x 64]\n"
	    "norm     t = t, rms, eps 1e-05  blk.0.post_attention_norm.weight f32 [64]\n"
	    "add      x = x, t\n"
	    "matmul   g = x  blk.0.ffn_gate.weight f16 [96 x 64]\n"
	    "matmul   u = x  blk.0.ffn_up.weight f16 [96 x 64]\n"
	    "act_mul  g = silu(g), u\n"
	    "matmul   t = g  blk.0.ffn_down.weight f16 [64 x 96]\n"
	    "norm     t = t, rms, eps 1e-05  blk.0.post_ffw_norm.weight f32 [64]\n"
	    "add      x = x, t\n"
	    "tap      x, layer 0\n"
	    "pick     t = x\n"
	    "norm     n = t, rms, eps 1e-05  output_norm.weight f32 [64]\n"
	    "matmul   logits = n  token_embd.weight f16 [100 x 64]\n");
}

/* Queries and keys normed by head; the same in one family with fused and one with separate matrices. */
static void norms_by_head(void **state)
{
	(void)state;
	static const struct fox_arch *const archs[] = {&fox_arch_qwen3, &fox_arch_gemma3, &fox_arch_openelm};
	for (size_t i = 0; i < FOX_COUNT(archs); i++) {
		struct built b;
		struct fox_hparams h = sizes(archs[i]);
		build(&b, archs[i], &h);
		assert_non_null(
		    strstr(b.text.p, "norm     q = q, rms, eps 1e-05, 4 heads  blk.0.attn_q_norm.weight f32 [16]\n"
		                     "norm     k = k, rms, eps 1e-05, 2 heads  blk.0.attn_k_norm.weight f32 [16]\n"
		                     "rope     q, 4 heads of 16, first 16 by halves, theta 10000\n"));
		done(&b);
	}
}

/* Windowed layers have a base of their own and are never scaled; the others are. */
static void kinds_of_layers(void **state)
{
	(void)state;
	struct built b;
	struct fox_hparams h = sizes(&fox_arch_gemma3);
	h.n_layers = 2;
	h.rope_theta_local = 5000, h.window = 8, h.windowed[0] = true;
	h.rope = (struct fox_rope){.kind = FOX_SCALE_LINEAR, .factor = 8};
	build(&b, &fox_arch_gemma3, &h);
	static const char *const lines[] = {"rope     q, 4 heads of 16, first 16 by halves, theta 5000\n",
	    "rope     k, 2 heads of 16, first 16 by halves, theta 5000\n",
	    "attn     a = q, cache[0], 4 heads of 16 over 2, scale 0.25, window 8\n", "tap      x, layer 0\n",
	    "rope     q, 4 heads of 16, first 16 by halves, theta 10000, scaled by linear\n",
	    "rope     k, 2 heads of 16, first 16 by halves, theta 10000, scaled by linear\n",
	    "attn     a = q, cache[1], 4 heads of 16 over 2, scale 0.25\n", "tap      x, layer 1\n"};
	const char *at = b.text.p;
	for (size_t i = 0; i < FOX_COUNT(lines); i++) {
		at = strstr(at, lines[i]);
		assert_non_null(at);
	}
	done(&b);
}

static const struct fox_op *op_of(const struct fox_graph *g, int dst, const char *weight)
{
	for (size_t i = 0; i < g->n_ops; i++)
		if (g->ops[i].code == FOX_OP_MATMUL && g->ops[i].dst == dst && fox_str_is(g->ops[i].w->name, weight))
			return &g->ops[i];
	fail_msg("no product of '%s'", weight);
	return NULL;
}

/* Views of fused tensors begin where the part begins: in bytes of rows, and in elements of a bias. */
static void parts(void **state)
{
	(void)state;
	struct built b;
	struct fox_hparams h = sizes(&fox_arch_phi3);
	build(&b, &fox_arch_phi3, &h);
	const char *qkv = "blk.0.attn_qkv.weight", *up = "blk.0.ffn_up.weight";
	const uint8_t *base = op_of(&b.g, FOX_S_Q, qkv)->w->data;
	assert_int_equal(op_of(&b.g, FOX_S_K, qkv)->w->data - base, 2 * 64 * 64);
	assert_int_equal(op_of(&b.g, FOX_S_V, qkv)->w->data - base, 2 * 64 * (64 + 32));
	base = op_of(&b.g, FOX_S_G, up)->w->data;
	assert_int_equal(op_of(&b.g, FOX_S_U, up)->w->data - base, 2 * 64 * 96);
	assert_null(op_of(&b.g, FOX_S_K, qkv)->bias);
	done(&b);
	h = sizes(&fox_arch_gpt2);
	build(&b, &fox_arch_gpt2, &h);
	const float *bias = op_of(&b.g, FOX_S_Q, qkv)->bias->vec;
	assert_int_equal(op_of(&b.g, FOX_S_K, qkv)->bias->vec - bias, 64);
	assert_int_equal(op_of(&b.g, FOX_S_V, qkv)->bias->vec - bias, 128);
	done(&b);
}

/* What a session needs to know beside the operations. */
static void tables(void **state)
{
	(void)state;
	struct built b;
	struct fox_hparams h = sizes(&fox_arch_gpt2);
	build(&b, &fox_arch_gpt2, &h);
	assert_int_equal(b.g.max_ctx, 128);
	assert_true(!b.g.factors && !b.g.factors_long && !b.g.factors_short);
	done(&b);
	h = sizes(&fox_arch_phi3);
	h.rope = (struct fox_rope){.kind = FOX_SCALE_LONGROPE, .orig_ctx = 64};
	build(&b, &fox_arch_phi3, &h);
	assert_int_equal(b.g.max_ctx, 0);
	assert_true(!b.g.factors && b.g.factors_long && b.g.factors_short);
	done(&b);
	h = sizes(&fox_arch_llama);
	h.rope.kind = FOX_SCALE_LLAMA3;
	build(&b, &fox_arch_llama, &h);
	assert_true(b.g.factors && !b.g.factors_long && !b.g.factors_short);
	assert_non_null(
	    strstr(b.text.p, "rope     k, 2 heads of 16, first 16 by pairs, theta 10000, scaled by llama3\n"));
	done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gpt2),
	    cmocka_unit_test(bloom),
	    cmocka_unit_test(gemma2),
	    cmocka_unit_test(parallel_residual),
	    cmocka_unit_test(phi3),
	    cmocka_unit_test(olmo2),
	    cmocka_unit_test(norms_by_head),
	    cmocka_unit_test(kinds_of_layers),
	    cmocka_unit_test(parts),
	    cmocka_unit_test(tables),
	};
	return cmocka_run_group_tests_name("graph_families", tests, NULL, NULL);
}
