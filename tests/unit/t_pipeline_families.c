/* t_pipeline_families.c - plans of every family run for real: halves, transposed and regrouped tensors, 1 + w and made
 * tables against a plain loop over the test's own copy, the same for any number of threads. */
#include "tests/unit/t_run.h"

static void plan(struct fixture *f, const struct fox_arch *arch, const char *dir, enum fox_type type)
{
	assert_fox_ok(fox_source_open(&f->src, dir, true, &f->err), &f->err);
	assert_fox_ok(fox_job_plan(&f->job, arch, &f->hp, f->src, FOX_DT_F32, type, &f->arena, &f->err), &f->err);
}

/* Where the source has the container's row r, column c, by the family's row alone. A vector is one column. */
static size_t place(const struct fox_hparams *h, const struct fox_slot *s, size_t r, size_t c)
{
	uint32_t how = s->row->how, l = s->layer;
	size_t rows = s->rows, cols = s->cols, hd = h->head_dim;
	if (s->row->rows == FOX_D_NONE)
		rows = cols, cols = 1;
	if (how & FOX_T_SECOND_HALF)
		return (rows + r) * cols + c;
	if (how & FOX_T_TRANSPOSE)
		return c * rows + r;
	if (how & FOX_T_QKV_HEADS) {
		size_t part = r / (h->n_heads[l] * hd), head = r / hd % h->n_heads[l];
		return ((head * 3 + part) * hd + r % hd) * cols + c;
	}
	if (how & (FOX_T_ROPE_Q | FOX_T_ROPE_K)) {
		size_t head = rows / (how & FOX_T_ROPE_Q ? h->n_heads[l] : h->n_kv_heads[l]), i = r % head;
		return (r / head * head + i % 2 * (head / 2) + i / 2) * cols + c;
	}
	return r * cols + c;
}

static void check_tensor(const struct fox_hparams *h, const struct ck_tensor *t, const struct fox_slot *s,
    const struct fox_tensor *g)
{
	size_t n = s->rows * s->cols, all = t->bytes / (fox_dtypes[t->dtype].bits / 8);
	bool vector = s->row->rows == FOX_D_NONE;
	float *source = malloc(all * 4), *want = malloc(n * 4);
	static const enum fox_type types[] = {
	    [FOX_DT_F32] = FOX_F32, [FOX_DT_F16] = FOX_F16, [FOX_DT_BF16] = FOX_BF16};
	assert_true(source && want);
	fox_kernels()->decode[types[t->dtype]](source, t->data, all);
	for (size_t i = 0; i < n; i++) {
		want[i] = source[vector ? place(h, s, i, 0) : place(h, s, i / s->cols, i % s->cols)];
		want[i] += s->row->how & FOX_T_ADD_ONE ? 1 : 0;
	}
	uint8_t *bytes = malloc(g->data.n);
	assert_non_null(bytes);
	fox_kernels()->encode[g->type](bytes, want, n);
	if (memcmp(bytes, g->data.p, g->data.n))
		fail_msg("'%s' of '%s' is not what a loop makes of it", s->name, t->name);
	struct fox_hash128 hash = fox_xxh3(bytes, g->data.n);
	assert_non_null(g->hash);
	assert_true(fox_hash128_eq(&hash, g->hash));
	free(bytes);
	free(want);
	free(source);
}

static void check_file(struct fixture *f, struct ck *c, bool prefixed, const char *out)
{
	struct fox_gguf *g;
	assert_fox_ok(fox_gguf_open(&g, out, &f->err), &f->err);
	assert_int_equal(fox_gguf_tensors(g), f->job.n_out);
	for (size_t i = 0; i < f->job.n_out; i++) {
		const struct fox_slot *s = f->job.steps[i].slot;
		assert_true(fox_str_is(fox_gguf_tensor(g, i)->name, s->name));
		check_tensor(&f->hp, ck_find(c, prefixed ? s->prefixed : s->hf), s, fox_gguf_tensor(g, i));
	}
	fox_gguf_close(g);
}

static void every_family(void **state)
{
	(void)state;
	static const enum fox_dtype dtypes[] = {FOX_DT_F32, FOX_DT_F16, FOX_DT_BF16};
	static const enum fox_type types[] = {FOX_F32, FOX_F16, FOX_BF16, FOX_Q8_0};
	const struct fox_arch *a;
	for (size_t i = 0; (a = fox_arch_at(i)); i++)
		for (size_t k = 0; k < FOX_COUNT(dtypes) * FOX_COUNT(types); k++) {
			struct ck c;
			struct fixture f = {0};
			char name[32];
			bool prefixed = a->prefix && k % 2;
			snprintf(name, sizeof name, "every%zu.%zu", i, k);
			ck_family_hparams(&f.hp, a);
			ck_family(&c, a, &f.hp, dtypes[k % FOX_COUNT(dtypes)], prefixed);
			plan(&f, a, ck_write(&c, name, false), types[k / FOX_COUNT(dtypes)]);
			assert_fox_ok(run(&f, test_path("every.gguf"), 2, k % 3 == 0), &f.err);
			check_file(&f, &c, prefixed, test_path("every.gguf"));
			ck_free(&c);
			done(&f);
		}
}

/* A family whose tensors are so large that each is many pieces, with bytes that nothing becomes of between them and at
 * the end: the container is the same for all threads, and the file's SHA-256 is over every byte once. */
static void wide(const struct fox_arch *a, struct fox_hparams hp, const char *name, const char *buffer)
{
	static const unsigned threads[] = {1, 2, 5, 64};
	struct ck c;
	struct fox_hash128 first = {{0}};
	char path[600];
	uint64_t seed = 12;
	ck_family(&c, a, &hp, FOX_DT_F32, false);
	ck_add(&c, buffer, FOX_DT_F32, 0, 300000, &seed);
	for (size_t i = 0; i < c.n; i++)
		c.t[i].shard = 0;
	const char *dir = ck_write(&c, name, false);
	snprintf(path, sizeof path, "%s/model.safetensors", dir);
	struct fox_sha256 sha = sha_of(path);
	for (size_t i = 0; i < 2 * FOX_COUNT(threads); i++) {
		struct fixture f = {.hp = hp};
		char *p;
		size_t n;
		plan(&f, a, dir, FOX_BF16);
		assert_fox_ok(run(&f, test_path("wide.gguf"), threads[i / 2], i % 2), &f.err);
		if (i == 0)
			check_file(&f, &c, false, test_path("wide.gguf"));
		assert_fox_ok(fox_path_slurp(test_path("wide.gguf"), 1u << 30, &p, &n, &f.err), &f.err);
		struct fox_hash128 hash = fox_xxh3(p, n);
		free(p);
		if (i == 0)
			first = hash;
		assert_true(fox_hash128_eq(&hash, &first));
		assert_int_equal(fox_source_file(f.src, 0)->has_sha256, i % 2);
		if (i % 2)
			assert_memory_equal(fox_source_file(f.src, 0)->sha256.b, sha.b, sizeof sha.b);
		done(&f);
	}
	ck_free(&c);
}

static void threads_do_not_matter(void **state)
{
	(void)state;
	struct fox_hparams h;
	ck_family_hparams(&h, &fox_arch_gpt2);
	h.d_ff[1] = 20000; /* 5 MB of F32, transposed both ways */
	wide(&fox_arch_gpt2, h, "wide0", "h.0.attn.bias");
	ck_family_hparams(&h, &fox_arch_bloom);
	h.n_heads[0] = h.n_kv_heads[0] = 301; /* 3.7 MB; the last piece is a part */
	wide(&fox_arch_bloom, h, "wide1", "h.1.attention.masked_bias");
	ck_family_hparams(&h, &fox_arch_openelm);
	h.d_ff[0] = 20000; /* 5 MB in each half */
	wide(&fox_arch_openelm, h, "wide2", "transformer.layers.0.rotary_emb.inv_freq");
}

static void made(void **state)
{
	(void)state;
	static const float tables[2][CK_HEAD / 2] = {{1, 2, 3, 4, 5, 6, 7, 64}, {1, 1, 1, 1.25f, 1, 1, 1, 1.5f}};
	struct ck c;
	struct fixture f = {0};
	struct fox_gguf *g;
	size_t k = 0;
	ck_family_hparams(&f.hp, &fox_arch_phi3);
	ck_family(&c, &fox_arch_phi3, &f.hp, FOX_DT_F16, false);
	f.hp.rope = (struct fox_rope){.kind = FOX_SCALE_LONGROPE, .orig_ctx = 64};
	plan(&f, &fox_arch_phi3, ck_write(&c, "made", false), FOX_Q8_0);
	for (size_t i = 0; i < f.job.n_out; i++)
		if (f.job.steps[i].kind == FOX_STEP_MADE)
			f.job.steps[i].made = tables[k++];
	assert_int_equal(k, 2);
	assert_fox_ok(run(&f, test_path("made.gguf"), 2, true), &f.err);
	assert_fox_ok(fox_gguf_open(&g, test_path("made.gguf"), &f.err), &f.err);
	static const char *const names[2] = {"rope_factors_long.weight", "rope_factors_short.weight"};
	for (size_t i = 0; i < 2; i++) {
		const struct fox_tensor *t = fox_gguf_find(g, fox_str_of(names[i]));
		struct fox_hash128 hash = fox_xxh3(tables[i], sizeof tables[i]);
		assert_non_null(t);
		assert_int_equal(t->data.n, sizeof tables[i]);
		assert_memory_equal(t->data.p, tables[i], sizeof tables[i]);
		assert_true(t->hash && fox_hash128_eq(&hash, t->hash));
	}
	fox_gguf_close(g);
	ck_free(&c);
	done(&f);
}

/* A head of bloom and a row of a transposed matrix are what a piece cannot split. */
static void pieces_hold_whole_units(void **state)
{
	(void)state;
	struct fixture f = {0};
	ck_family_hparams(&f.hp, &fox_arch_bloom);
	f.hp.head_dim = 256, f.hp.d_model = 16384;
	assert_fox_ok(
	    fox_job_plan(&f.job, &fox_arch_bloom, &f.hp, NULL, FOX_DT_F32, FOX_F16, &f.arena, &f.err), &f.err);
	assert_int_equal(fox_pipeline_size(&f.job, 64).piece_bytes, 16u << 20);
	done(&f);
	ck_family_hparams(&f.hp, &fox_arch_gpt2);
	f.hp.d_ff[1] = 1 << 19;
	assert_fox_ok(
	    fox_job_plan(&f.job, &fox_arch_gpt2, &f.hp, NULL, FOX_DT_F32, FOX_F16, &f.arena, &f.err), &f.err);
	assert_int_equal(fox_pipeline_size(&f.job, 1).piece_bytes, 2u << 20);
	done(&f);
}

/* A strided read past the end of a file that shrank: the tensor is named, and nothing is left behind. */
static void a_file_that_shrinks_is_noticed(void **state)
{
	(void)state;
	static const struct fox_arch *const archs[] = {&fox_arch_gpt2, &fox_arch_bloom};
	for (size_t i = 0; i < 2 * FOX_COUNT(archs); i++) {
		struct ck c;
		struct fixture f = {0};
		char name[256], path[600];
		snprintf(name, sizeof name, "shrinks%zu", i);
		ck_family_hparams(&f.hp, archs[i / 2]);
		ck_family(&c, archs[i / 2], &f.hp, FOX_DT_F16, false);
		const char *dir = ck_write(&c, name, false);
		snprintf(path, sizeof path, "%s/model.safetensors", dir);
		plan(&f, archs[i / 2], dir, FOX_F16);
		/* in the middle of the first gathered tensor of the file */
		const struct fox_step *first = NULL;
		for (size_t k = 0; k < f.job.n_out; k++)
			if (f.job.steps[k].gather && (!first || f.job.steps[k].src.at < first->src.at))
				first = &f.job.steps[k];
		const struct fox_src_tensor *t = fox_source_find(f.src, first->src.name);
		assert_int_equal(truncate(path, (off_t)(t->at + t->bytes / 2)), 0);
		assert_int_equal(run(&f, test_path("shrinks.gguf"), i % 2 ? 3 : 1, i % 2), FOX_E_TRUNCATED);
		snprintf(name, sizeof name, "%.*s'", FOX_STR_ARG(t->name));
		assert_non_null(strstr(f.err.text, "file ends where"));
		assert_non_null(strstr(f.err.text, "in tensor '"));
		assert_non_null(strstr(f.err.text, name));
		assert_int_equal(access(test_path("shrinks.gguf"), F_OK), -1);
		ck_free(&c);
		done(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_family),
	    cmocka_unit_test(threads_do_not_matter),
	    cmocka_unit_test(made),
	    cmocka_unit_test(pieces_hold_whole_units),
	    cmocka_unit_test(a_file_that_shrinks_is_noticed),
	};
	return cmocka_run_group_tests_name("pipeline_families", tests, NULL, NULL);
}
