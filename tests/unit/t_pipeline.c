/* t_pipeline - a plan run for real: bytes against a plain loop, the same for any number of threads, and every way to fail. */
#include "tests/unit/t_run.h"

#include <signal.h>
#include <sys/resource.h>

static void open_source(struct fixture *f, const char *dir, enum fox_type type)
{
	ck_hparams(&f->hp);
	assert_fox_ok(fox_source_open(&f->src, dir, true, &f->err), &f->err);
	assert_fox_ok(
	    fox_job_plan(&f->job, &fox_arch_llama, &f->hp, f->src, FOX_DT_F32, type, &f->arena, &f->err),
	    &f->err);
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* What the container's tensor must hold, computed by whole tensors from the test's own copy. */
static void check_tensor(const struct ck_tensor *t, const struct fox_step *s, const struct fox_tensor *g)
{
	size_t elem = fox_dtypes[t->dtype].bits / 8, rows = (size_t)(t->bytes / elem / s->slot->cols);
	size_t row_bytes = (size_t)s->slot->cols * elem, d = (size_t)s->x.head_rows;
	uint8_t *sorted = malloc(t->bytes);
	float *wide = malloc(t->bytes / elem * 4);
	for (size_t r = 0; r < rows; r++) {
		size_t from = d ? r / d * d + r % d % 2 * (d / 2) + r % d / 2 : r;
		memcpy(sorted + r * row_bytes, t->data + from * row_bytes, row_bytes);
	}
	size_t n = t->bytes / elem;
	if (t->dtype == FOX_DT_F32)
		memcpy(wide, sorted, n * 4);
	else
		fox_kernels()->decode[t->dtype == FOX_DT_F16 ? FOX_F16 : FOX_BF16](wide, sorted, n);
	uint8_t *want = malloc(g->data.n);
	fox_kernels()->encode[g->type](want, wide, n);
	assert_memory_equal(want, g->data.p, g->data.n);
	struct fox_hash128 hash = fox_xxh3(want, g->data.n);
	assert_non_null(g->hash);
	assert_true(fox_hash128_eq(&hash, g->hash));
	free(want);
	free(wide);
	free(sorted);
}

static void check_file(struct fixture *f, struct ck *c, const char *out)
{
	struct fox_gguf *g;
	assert_fox_ok(fox_gguf_open(&g, out, &f->err), &f->err);
	assert_int_equal(fox_gguf_tensors(g), f->job.n_out);
	for (size_t i = 0; i < f->job.n_out; i++) {
		const struct fox_step *s = &f->job.steps[i];
		assert_true(fox_str_is(fox_gguf_tensor(g, i)->name, s->slot->name));
		check_tensor(ck_find(c, s->slot->hf), s, fox_gguf_tensor(g, i));
	}
	fox_gguf_close(g);
}

static void every_type_from_every_dtype(void **state)
{
	(void)state;
	static const enum fox_dtype dtypes[] = {FOX_DT_F32, FOX_DT_F16, FOX_DT_BF16};
	static const enum fox_type types[] = {FOX_F32, FOX_F16, FOX_BF16, FOX_Q8_0};
	for (size_t i = 0; i < FOX_COUNT(dtypes); i++) {
		struct ck c;
		char name[32];
		ck_llama(&c, dtypes[i]);
		snprintf(name, sizeof name, "every%zu", i);
		const char *dir = ck_write(&c, name, i == 1);
		for (size_t k = 0; k < FOX_COUNT(types); k++) {
			struct fixture f = {0};
			open_source(&f, dir, types[k]);
			assert_fox_ok(run(&f, test_path("every.gguf"), 2, true), &f.err);
			check_file(&f, &c, test_path("every.gguf"));
			done(&f);
		}
		ck_free(&c);
	}
}

/* Large enough for many pieces per tensor: a second plan with wide matrices, in two shards, with a tied copy and a buffer. */
static void threads_do_not_matter(void **state)
{
	(void)state;
	enum { VOCAB = 40000, FF = 20000 }; /* 10 MB of F32 each, pieces of 1 MiB */
	struct ck c;
	struct fox_hash128 first = {{0}};
	uint64_t seed = 9;
	ck_llama(&c, FOX_DT_F32);
	ck_drop(&c, "model.embed_tokens.weight");
	struct ck_tensor *e = ck_add(&c, "model.embed_tokens.weight", FOX_DT_F32, VOCAB, CK_D, &seed);
	struct ck_tensor *h = ck_add(&c, "lm_head.weight", FOX_DT_F32, VOCAB, CK_D, &seed);
	memcpy(h->data, e->data, e->bytes);
	h->shard = 1;
	ck_add(&c, "model.layers.0.self_attn.rotary_emb.inv_freq", FOX_DT_F32, 0, 8, &seed);
	ck_drop(&c, "model.layers.1.mlp.down_proj.weight");
	ck_add(&c, "model.layers.1.mlp.down_proj.weight", FOX_DT_F32, CK_D, FF, &seed)->shard = 1;
	ck_drop(&c, "model.layers.1.mlp.up_proj.weight");
	ck_add(&c, "model.layers.1.mlp.up_proj.weight", FOX_DT_F32, FF, CK_D, &seed)->shard = 1;
	ck_drop(&c, "model.layers.1.mlp.gate_proj.weight");
	ck_add(&c, "model.layers.1.mlp.gate_proj.weight", FOX_DT_F32, FF, CK_D, &seed)->shard = 1;
	/* and the last bytes of a file become nothing, too */
	ck_add(&c, "model.layers.1.self_attn.rotary_emb.inv_freq", FOX_DT_F32, 0, 8, &seed)->shard = 1;
	const char *dir = ck_write(&c, "wide", true);
	static const unsigned threads[] = {1, 2, 5, 64};
	for (size_t i = 0; i < 2 * FOX_COUNT(threads); i++) {
		struct fixture f = {0};
		ck_hparams(&f.hp);
		f.hp.n_vocab = VOCAB;
		f.hp.d_ff[1] = FF;
		assert_fox_ok(fox_source_open(&f.src, dir, true, &f.err), &f.err);
		assert_fox_ok(
		    fox_job_plan(&f.job, &fox_arch_llama, &f.hp, f.src, FOX_DT_F32, FOX_BF16, &f.arena, &f.err),
		    &f.err);
		assert_int_not_equal(f.job.tied, SIZE_MAX);
		assert_fox_ok(run(&f, test_path("wide.gguf"), threads[i / 2], i % 2), &f.err);
		if (i == 0)
			check_file(&f, &c, test_path("wide.gguf"));
		char *p;
		size_t n;
		assert_fox_ok(fox_path_slurp(test_path("wide.gguf"), 1u << 30, &p, &n, &f.err), &f.err);
		struct fox_hash128 hash = fox_xxh3(p, n);
		free(p);
		if (i == 0)
			first = hash;
		assert_true(fox_hash128_eq(&hash, &first));
		for (size_t k = 0; i % 2 && k < 2;
		     k++) { /* SHA-256 over every byte, the skipped and compared ones too */
			const struct fox_src_file *file = fox_source_file(f.src, k);
			char path[600];
			snprintf(path, sizeof path, "%s/%.*s", dir, FOX_STR_ARG(file->name));
			struct fox_sha256 want = sha_of(path);
			assert_true(file->has_sha256);
			assert_memory_equal(file->sha256.b, want.b, sizeof want.b);
		}
		done(&f);
	}
	/* one bit of the copy flipped, in its last byte */
	char path[600];
	h = ck_find(&c, "lm_head.weight");
	h->data[h->bytes - 1] ^= 1;
	snprintf(path, sizeof path, "%s/model-00002-of-00002.safetensors", dir);
	ck_write_file(&c, path, 1);
	struct fixture f = {0};
	ck_hparams(&f.hp);
	f.hp.n_vocab = VOCAB;
	f.hp.d_ff[1] = FF;
	assert_fox_ok(fox_source_open(&f.src, dir, true, &f.err), &f.err);
	assert_fox_ok(
	    fox_job_plan(&f.job, &fox_arch_llama, &f.hp, f.src, FOX_DT_F32, FOX_BF16, &f.arena, &f.err), &f.err);
	assert_int_equal(run(&f, test_path("tied.gguf"), 2, true), FOX_E_MISMATCH);
	assert_fox_err(&f.err, FOX_E_MISMATCH, FOX_NOWHERE,
	    "tensor 'lm_head.weight' differs from 'model.embed_tokens.weight', to which config.json ties it");
	assert_false(exists(test_path("tied.gguf")));
	done(&f);
	ck_free(&c);
}

static void buffers_stay_within_their_limit(void **state)
{
	(void)state;
	struct fixture f = {0};
	static const unsigned threads[] = {1, 2, 7, 48, 256, 100000};
	ck_hparams(&f.hp);
	assert_fox_ok(
	    fox_job_plan(&f.job, &fox_arch_llama, &f.hp, NULL, FOX_DT_BF16, FOX_F32, &f.arena, &f.err), &f.err);
	for (size_t i = 0; i < FOX_COUNT(threads); i++) {
		struct fox_pipeline_size s = fox_pipeline_size(&f.job, threads[i]);
		assert_true(s.workers >= 1 && s.workers <= FOX_PIPELINE_MAX_THREADS);
		assert_true(s.buffer_bytes <= FOX_PIPELINE_MEMORY_BYTES);
		assert_true(s.piece_bytes <= FOX_PIPELINE_PIECE_BYTES);
		assert_int_equal(s.buffer_bytes, s.workers * (2 * s.piece_bytes + s.scratch_bytes));
	}
	done(&f);
	/* one head of 256 x 16384 F32 is 16 MiB: fewer workers, not more memory */
	ck_hparams(&f.hp);
	f.hp.head_dim = f.hp.rope_dims = 256;
	f.hp.d_model = 16384;
	assert_fox_ok(
	    fox_job_plan(&f.job, &fox_arch_llama, &f.hp, NULL, FOX_DT_F32, FOX_F32, &f.arena, &f.err), &f.err);
	struct fox_pipeline_size s = fox_pipeline_size(&f.job, 64);
	assert_int_equal(s.piece_bytes, 16u << 20);
	assert_int_equal(s.workers, 3);
	done(&f);
	/* one of 256 x 4194304 is 4 GiB: refused before anything is taken */
	ck_hparams(&f.hp);
	f.hp.head_dim = f.hp.rope_dims = 256;
	f.hp.d_model = 1u << 22;
	assert_fox_ok(
	    fox_job_plan(&f.job, &fox_arch_llama, &f.hp, NULL, FOX_DT_F32, FOX_F32, &f.arena, &f.err), &f.err);
	struct fox_pipeline p = {.job = &f.job, .threads = 1};
	assert_int_equal(fox_pipeline_run(&p, &f.res, &f.err), FOX_E_BOUND);
	assert_int_equal(strncmp(f.err.text, "the largest row or head takes 86", 32), 0);
	done(&f);
}

static void losses_are_reported_by_step(void **state)
{
	(void)state;
	struct ck c;
	struct fixture f = {0};
	ck_llama(&c, FOX_DT_F32);
	struct ck_tensor *t = ck_find(&c, "model.layers.1.self_attn.k_proj.weight");
	ck_set(t, 3, 1e6f);
	ck_set(t, 700, 1e-9f);
	fox_store32(t->data + 4 * 701, 0x7fc00000);
	t = ck_find(&c, "model.norm.weight"); /* kept f32: counted, not lost */
	fox_store32(t->data, 0xff800000);
	open_source(&f, ck_write(&c, "losses", false), FOX_F16);
	assert_fox_ok(run(&f, test_path("losses.gguf"), 2, false), &f.err);
	uint64_t sum = 0;
	for (size_t i = 0; i < f.job.n_steps; i++) {
		const struct fox_cast_report *r = &f.res.tally[0][i].loss;
		sum += r->n_nan + r->n_inf + r->n_overflow + r->n_underflow;
		if (!strcmp(f.job.steps[i].slot->name, "blk.1.attn_k.weight")) {
			assert_int_equal(r->n_nan, 1);
			assert_int_equal(r->n_overflow, 1);
			assert_int_equal(r->n_underflow, 1);
		}
		if (!strcmp(f.job.steps[i].slot->name, "output_norm.weight"))
			assert_int_equal(r->n_inf, 1);
	}
	assert_int_equal(sum, 4);
	ck_free(&c);
	done(&f);
}

/* After planning the file shrinks, or changes: noticed, whatever the threads. */
static void a_file_that_changes_is_noticed(void **state)
{
	(void)state;
	struct ck c;
	ck_llama(&c, FOX_DT_BF16);
	const char *dir = ck_write(&c, "changing", false);
	char path[600];
	snprintf(path, sizeof path, "%s/model.safetensors", dir);
	for (unsigned i = 0; i < 4; i++) {
		struct fixture f = {0};
		ck_write_file(&c, path, -1);
		open_source(&f, dir, FOX_BF16);
		if (i < 2)
			assert_int_equal(truncate(path, 20000), 0);
		else
			ck_write_file(&c, path, -1); /* same bytes, another time of change */
		enum fox_status s = run(&f, test_path("changing.gguf"), i % 2 ? 3 : 1, i % 2);
		assert_int_equal(s, i < 2 ? FOX_E_TRUNCATED : FOX_E_IO);
		if (i < 2)
			assert_non_null(strstr(f.err.text, "file ends where"));
		else
			assert_string_equal(f.err.text, "file changed while it was read");
		assert_string_equal(f.err.file, path);
		assert_false(exists(test_path("changing.gguf")));
		done(&f);
	}
	ck_free(&c);
}

/* A disk that fills up, by way of the limit on file sizes: while reserving, so before any work. */
static void no_space_leaves_the_old_file(void **state)
{
	(void)state;
	struct ck c;
	struct fixture f = {0};
	struct rlimit old, tight = {30000, 0};
	ck_llama(&c, FOX_DT_BF16);
	const char *dir = ck_write(&c, "nospace", false), *out = test_path("nospace.gguf");
	test_write(out, "old", 3);
	fox_signals_init();
	getrlimit(RLIMIT_FSIZE, &old);
	tight.rlim_max = old.rlim_max;
	open_source(&f, dir, FOX_BF16);
	setrlimit(RLIMIT_FSIZE, &tight);
	enum fox_status s = run(&f, out, 2, true);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(s, FOX_E_IO);
	assert_non_null(strstr(f.err.text, "File too large"));
	char *p;
	size_t n;
	assert_int_equal(fox_path_slurp(out, 100, &p, &n, NULL), FOX_OK);
	assert_string_equal(p, "old");
	free(p);
	done(&f);
	/* the same while writing: the space was there when asked for */
	open_source(&f, dir, FOX_BF16);
	declare(&f);
	assert_fox_ok(fox_gguf_create(f.w, out, true, &f.err), &f.err);
	setrlimit(RLIMIT_FSIZE, &tight);
	s = fill(&f, 2, true);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(s, FOX_E_IO);
	assert_non_null(strstr(f.err.text, "cannot write"));
	fox_gguf_writer_close(f.w);
	assert_int_equal(fox_path_slurp(out, 100, &p, &n, NULL), FOX_OK);
	assert_string_equal(p, "old");
	free(p);
	ck_free(&c);
	done(&f);
}

/* Last: the signal stays pending for the life of the process. */
static void a_signal_stops_the_run(void **state)
{
	(void)state;
	struct ck c;
	struct fixture f = {0};
	ck_llama(&c, FOX_DT_BF16);
	const char *dir = ck_write(&c, "signal", false);
	fox_signals_init();
	raise(SIGINT);
	for (unsigned threads = 1; threads <= 5; threads += 2) {
		open_source(&f, dir, FOX_BF16);
		assert_int_equal(run(&f, test_path("signal.gguf"), threads, true), FOX_E_CANCELLED);
		assert_string_equal(f.err.text, "stopped by SIGINT");
		assert_false(exists(test_path("signal.gguf")));
		done(&f);
	}
	ck_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_type_from_every_dtype),
	    cmocka_unit_test(threads_do_not_matter),
	    cmocka_unit_test(buffers_stay_within_their_limit),
	    cmocka_unit_test(losses_are_reported_by_step),
	    cmocka_unit_test(a_file_that_changes_is_noticed),
	    cmocka_unit_test(no_space_leaves_the_old_file),
	    cmocka_unit_test(a_signal_stops_the_run),
	};
	return cmocka_run_group_tests_name("pipeline", tests, NULL, NULL);
}
