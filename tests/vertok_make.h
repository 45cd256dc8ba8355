/* vertok_make.h - for tests of fox-verify's tokenizer proof: a small source, its container, the findings about it. */
#ifndef FOX_TEST_VERTOK_MAKE_H
#define FOX_TEST_VERTOK_MAKE_H

#include "tests/src_make.h"

#include "convert/tok_import.h"
#include "format/profile.h"
#include "inspect/verify.h"

#define T "tokenizer.ggml."
#define HF "is not the tokenizer.json without vocabulary and merges: '"

/* What a pipeline of tokenizer.json is made of. */
#define ADDED(id, text, special)                                                                             \
	"{\"id\":" #id ",\"content\":\"" text "\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"      \
	"\"normalized\":false,\"special\":" #special "}"

struct vertok_source {
	const char *json, *vocab, *merges; /* tokenizer.json; vocab.json, merges.txt; NULL: no such file */
	struct fox_str model;              /* tokenizer.model; p NULL: none */
	const char *config;                /* tokenizer_config.json */
	uint32_t rows;
};

struct vertok {
	const struct vertok_source *of;
	const char *name; /* of the folder, and in messages */
	struct fox_source *src;
	struct fox_tokdata t;
	struct fox_json *config;
	const char *without, *flipped; /* keys left out of the container, or with the other truth; NULL: none */
};

static inline void vertok_file(const struct vertok *x, const char *name, const void *bytes, size_t n)
{
	char path[96];
	snprintf(path, sizeof path, "%s/%s", x->name, name);
	if (bytes)
		test_write(test_path(path), bytes, n);
}

static inline void vertok_text(const struct vertok *x, const char *name, const char *text)
{
	vertok_file(x, name, text, text ? strlen(text) : 0);
}

/* The source alone: x->t is empty. */
static inline void vertok_open(struct vertok *x, const struct vertok_source *of, const char *name)
{
	char text[64];
	struct fox_err e = {0};
	*x = (struct vertok){.of = of, .name = name};
	src_folder(name);
	vertok_text(x, "tokenizer.json", of->json);
	vertok_text(x, "vocab.json", of->vocab);
	vertok_text(x, "merges.txt", of->merges);
	vertok_file(x, "tokenizer.model", of->model.p, of->model.n);
	vertok_text(x, "tokenizer_config.json", of->config);
	snprintf(text, sizeof text, "{\"vocab_size\":%u}", of->rows);
	vertok_text(x, "config.json", text);
	assert_fox_ok(fox_json_parse(&x->config, fox_str_of(text), &e), &e);
	assert_fox_ok(fox_source_open(&x->src, test_path(name), false, &e), &e);
}

static inline void vertok_import(struct vertok *x, const struct vertok_source *of, const char *name)
{
	struct fox_hfconfig config = {.bos = -1, .eos = -1, .pad = -1, .hp.n_vocab = of->rows};
	struct fox_err e = {0};
	vertok_open(x, of, name);
	assert_fox_ok(fox_tok_import(&x->t, x->src, &config, NULL, NULL, NULL, &e), &e);
}

static inline void vertok_close(struct vertok *x)
{
	fox_tokdata_free(&x->t);
	fox_source_close(x->src);
	fox_json_close(x->config);
}

static inline void vertok_finish(struct fox_gguf_writer *w, const char *path)
{
	struct fox_err e = {0};
	assert_fox_ok(fox_gguf_freeze(w, &e), &e);
	assert_fox_ok(fox_gguf_create(w, path, true, &e), &e);
	assert_fox_ok(fox_gguf_finish(w, &e), &e);
	fox_gguf_writer_close(w);
}

/* What fox_tokdata_put cannot be made to write: all keys of a container again, but for the two. */
static inline void vertok_rewrite(const struct vertok *x, const char *from, const char *to)
{
	struct fox_gguf_writer *w;
	struct fox_gguf *g;
	struct fox_err e = {0};
	size_t met = 0;
	assert_fox_ok(fox_gguf_open(&g, from, &e), &e);
	assert_fox_ok(fox_gguf_writer_open(&w, &e), &e);
	for (size_t i = 0; i < fox_gguf_keys(g); i++) {
		const struct fox_gguf_kv *kv = fox_gguf_key(g, i);
		if (fox_str_starts(kv->key, "fox.hash.") || fox_str_is(kv->key, FOX_KEY_PAD)) /* the writer's own */
			continue;
		if (x->without && fox_str_is(kv->key, x->without))
			met++;
		else if (x->flipped && fox_str_is(kv->key, x->flipped) && ++met)
			assert_fox_ok(fox_gguf_put_bool(w, x->flipped, !kv->raw.p[0], &e), &e);
		else
			assert_fox_ok(fox_gguf_put_copy(w, g, kv, &e), &e);
	}
	assert_int_equal(met, (x->without != NULL) + (x->flipped != NULL));
	vertok_finish(w, to);
	fox_gguf_close(g);
}

/* Write the vocabulary as it now is, open it, and judge it. Close *g and free v->found. */
static inline enum fox_status vertok_judge(
    struct vertok *x, struct fox_verify *v, struct fox_gguf **g, bool fox, struct fox_err *err)
{
	struct fox_gguf_writer *w;
	struct fox_err e = {0};
	bool more = x->without || x->flipped;
	assert_fox_ok(fox_gguf_writer_open(&w, &e), &e);
	assert_fox_ok(fox_tokdata_put(&x->t, w, &e), &e);
	vertok_finish(w, test_path("tok.gguf"));
	if (more)
		vertok_rewrite(x, test_path("tok.gguf"), test_path("changed.gguf"));
	assert_fox_ok(fox_gguf_open(g, test_path(more ? "changed.gguf" : "tok.gguf"), &e), &e);
	*v = (struct fox_verify){.g = *g};
	struct fox_ver_pair p = {.src = x->src, .config = fox_json_root(x->config), .fox = fox};
	return fox_ver_tokenizer(v, &p, err);
}

/* One failure is wanted, of this key and text. NULL: it must pass. fox: the container says that it is fox's. */
static inline void vertok_prove_as(struct vertok *x, bool fox, const char *key, const char *says)
{
	struct fox_verify v;
	struct fox_gguf *g;
	struct fox_err e = {0};
	assert_fox_ok(vertok_judge(x, &v, &g, fox, &e), &e);
	for (size_t i = 0; i < v.found.n; i++) {
		const struct fox_finding *f = &v.found.list[i];
		assert_string_equal(f->check, "source.tokenizer");
		if (f->grade == FOX_FAIL && (!key || strcmp(f->where, key) || strcmp(f->text, says)))
			fail_msg(
			    "%s: %s: %s, want %s: %s", x->name, f->where, f->text, key ? key : "none", says ? says : "");
	}
	if (v.found.n_fail != (key != NULL))
		fail_msg(
		    "%s: %zu failures, want %s: %s", x->name, v.found.n_fail, key ? key : "none", says ? says : "");
	fox_findings_free(&v.found);
	fox_gguf_close(g);
}

static inline void vertok_prove(struct vertok *x, const char *key, const char *says)
{
	vertok_prove_as(x, true, key, says);
}

#endif
