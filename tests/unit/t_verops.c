/* t_verops.c - the operation that a backend computes otherwise is named: here a CPU backend whose program was bent. */
#include "tests/tiny.h"

#include "inspect/verify.h"
#include "runtime/model.h"
#include "runtime/session.h"

static int32_t ids[20] = {5, 9, 60, 4, 33, 2, 8, 19, 77, 50, 51, 52, 53, 3, 2, 1, 90, 91, 92, 93};

/* What is bent: the operation's number, and its new weight or factor. */
static struct bend {
	size_t op;
	float f;
	const struct fox_weight *w;
} bend;

static enum fox_status open_bent(struct fox_dev **out, const struct fox_dev_ask *ask, struct fox_err *err)
{
	static struct fox_graph g;
	static struct fox_op ops[256];
	struct fox_dev_ask with = *ask;
	g = *ask->graph;
	assert_true(g.n_ops <= FOX_COUNT(ops));
	memcpy(ops, g.ops, g.n_ops * sizeof *ops);
	ops[bend.op].f = bend.f != 0 ? bend.f : ops[bend.op].f;
	ops[bend.op].w = bend.w ? bend.w : ops[bend.op].w;
	g.ops = ops;
	with.graph = &g;
	return fox_cpu_backend.open(out, &with, err);
}

/* An observer compares operations by their place: it must be given those of the model. */
struct relay {
	fox_observe_fn *fn;
	void *ctx;
	const struct fox_op *bent, *whole;
};

static const struct fox_graph *whole;

static void pass_on(void *ctx, const struct fox_op *op, const float *x, float *y, size_t rows)
{
	struct relay *r = ctx;
	if (!r->bent) /* the embedding comes first */
		r->bent = op, r->whole = whole->ops;
	r->fn(r->ctx, r->whole + (op - r->bent), x, y, rows);
}

static enum fox_status run_bent(struct fox_dev *d, const struct fox_batch *s, struct fox_err *err)
{
	struct relay r = {.fn = s->observe, .ctx = s->observe_ctx};
	struct fox_batch with = *s;
	with.observe = s->observe ? pass_on : NULL;
	with.observe_ctx = &r;
	return fox_cpu_backend.run(d, &with, err);
}

static size_t find_op(const struct fox_graph *g, enum fox_op_code code, uint32_t layer, size_t skip)
{
	for (size_t i = 0; i < g->n_ops; i++)
		if (g->ops[i].code == code && g->ops[i].layer == layer && skip-- == 0)
			return i;
	fail();
	return 0;
}

/* Runs the comparison; the findings' texts must be `want`, in order (NULL at the end). */
static void expect(
    const struct fox_model *m, enum fox_arith arith, const char *where, const char *const *want)
{
	struct fox_backend bent = fox_cpu_backend;
	struct fox_err e = {0};
	bent.open = open_bent;
	bent.run = run_bent;
	whole = fox_model_graph(m);
	struct fox_verify v = {.arith = arith, .backend = &bent};
	assert_fox_ok(fox_ver_ops(&v, m, ids, 20, &e), &e);
	size_t i = 0;
	for (; want[i]; i++) {
		assert_true(i < v.found.n);
		assert_string_equal(v.found.list[i].check, "logits.op");
		assert_string_equal(v.found.list[i].where, where);
		char text[512];
		const char *at = strstr(v.found.list[i].text, "NMSE "), *end = at + strcspn(at, ";");
		snprintf(text, sizeof text, "%.*s%s", (int)(at - v.found.list[i].text), v.found.list[i].text,
		    strstr(at, " after ") ? strstr(at, " after ") : end);
		assert_string_equal(text, want[i]);
	}
	assert_int_equal(v.found.n, i);
	assert_int_equal(v.found.n_fail, where[0] ? i : 0);
	fox_findings_free(&v.found);
}

static struct fox_model *open_tiny(void)
{
	struct fox_err e = {0};
	struct fox_model *m;
	assert_fox_ok(fox_model_open(&m, tiny_write("m.gguf", TINY), &e), &e);
	return m;
}

static void nothing_is_off(void **state)
{
	(void)state;
	struct fox_model *m = open_tiny();
	bend = (struct bend){0};
	static const char *const want[] = {"cpu computes each of the 23 products of 12 rows as the CPU does, to ",
	    "cpu computes each of the 23 products of 4 rows as the CPU does, to ", NULL};
	expect(m, FOX_ARITH_EXACT, "", want);
	fox_model_close(m);
}

static void a_product_is_off(void **state)
{
	(void)state;
	struct fox_model *m = open_tiny();
	const struct fox_graph *g = fox_model_graph(m);
	size_t down = find_op(g, FOX_OP_MATMUL, 1, 6);
	bend = (struct bend){.op = down, .w = fox_model_weight(m, FOX_R_FFN_DOWN, 2)};
	static const char *const want[] = {"is the first product that cpu computes otherwise than the CPU, from "
	                                   "the same input: ; with 12 rows 1 of 23 are off",
	    "is the first product that cpu computes otherwise than the CPU, from the same input: ; with 4 rows 1 "
	    "of 23 are off",
	    NULL};
	expect(m, FOX_ARITH_EXACT, "blk.1.ffn_down.weight", want);
	fox_model_close(m);
}

static void what_lies_between_is_off(void **state)
{
	(void)state;
	struct fox_model *m = open_tiny();
	const struct fox_graph *g = fox_model_graph(m);
	bend = (struct bend){.op = find_op(g, FOX_OP_ATTN, 2, 0), .f = 0.9f};
	static const char *const want[] = {
	    "reads what cpu computes otherwise than the CPU:  after rope, rope, kv_put, attn; with 12 "
	    "rows 1 of 23 products are off",
	    "reads what cpu computes otherwise than the CPU:  after rope, rope, kv_put, attn; with 4 rows 1 of "
	    "23 products are off",
	    NULL};
	expect(m, FOX_ARITH_EXACT, "blk.2.attn_output.weight", want);
	fox_model_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_is_off),
	    cmocka_unit_test(a_product_is_off),
	    cmocka_unit_test(what_lies_between_is_off),
	};
	return cmocka_run_group_tests_name("verops", tests, NULL, NULL);
}
