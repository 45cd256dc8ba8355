/* tokjson_read.h - for tests: a tokenizer.json as a vocabulary that runs, without the importer's rules for
 * containers. The ids are those of the file. */
#ifndef FOX_TEST_TOKJSON_READ_H
#define FOX_TEST_TOKJSON_READ_H

#include <stdlib.h>

#include "format/base/io.h"
#include "format/base/json.h"
#include "runtime/tok.h"

struct test_tokjson {
	char *text; /* the file */
	struct fox_json *json;
	struct fox_tokdata data;
	struct fox_tok *tok;
};

static inline void test_tokjson_put(struct fox_tokdata *d, struct fox_str piece, uint64_t id, int32_t type)
{
	if (id >= d->n)
		abort();
	d->piece[id] = piece;
	d->type[id] = type;
}

static inline uint64_t test_tokjson_max(const struct fox_value *vocab, const struct fox_value *added)
{
	uint64_t id, max = 0;
	struct fox_str key;
	const struct fox_value *v;
	for (void *it = NULL; fox_json_next(vocab, &it, &key, &v);)
		if (fox_json_u64(v, &id) && id > max)
			max = id;
	if (fox_json_type(vocab) == FOX_JSON_ARRAY)
		max = fox_json_size(vocab) - 1; /* Unigram: [piece, score] in the order of the ids */
	for (size_t i = 0; i < fox_json_size(added); i++)
		if (fox_json_u64(fox_json_get(fox_json_at(added, i), "id"), &id) && id > max)
			max = id;
	return max;
}

static inline void test_tokjson_fill(struct fox_tokdata *d, const struct fox_value *root)
{
	const struct fox_value *model = fox_json_get(root, "model"), *vocab = fox_json_get(model, "vocab");
	const struct fox_value *added = fox_json_get(root, "added_tokens"),
	                       *merges = fox_json_get(model, "merges"), *v;
	struct fox_buf b = {0};
	struct fox_str key;
	uint64_t id = 0;
	fox_tokdata_init(d);
	d->model = "gpt2";
	d->n = (uint32_t)test_tokjson_max(vocab, added) + 1;
	d->piece = fox_arena_alloc(&d->arena, d->n, sizeof *d->piece);
	d->type = fox_arena_alloc(&d->arena, d->n, sizeof *d->type);
	d->score = fox_arena_alloc(&d->arena, d->n, sizeof *d->score);
	d->exact_score = fox_arena_alloc(&d->arena, d->n, sizeof *d->exact_score);
	for (uint32_t i = 0; i < d->n; i++) {
		fox_buf_clear(&b);
		fox_buf_fmt(&b, "[PAD%u]", i);
		test_tokjson_put(d, fox_str_of(fox_arena_strdup(&d->arena, fox_buf_view(&b))), i, FOX_TOK_UNUSED);
	}
	for (void *it = NULL; fox_json_next(vocab, &it, &key, &v);)
		if (fox_json_u64(v, &id))
			test_tokjson_put(d, key, id, FOX_TOK_NORMAL);
	for (size_t i = 0; fox_json_type(vocab) == FOX_JSON_ARRAY && i < fox_json_size(vocab); i++) {
		v = fox_json_at(vocab, i);
		d->model = "t5";
		if (!fox_json_str(fox_json_at(v, 0), &key) || !fox_json_f64(fox_json_at(v, 1), &d->exact_score[i]))
			abort();
		d->score[i] = (float)d->exact_score[i];
		test_tokjson_put(d, key, i, FOX_TOK_NORMAL);
	}
	for (size_t i = 0; i < fox_json_size(added); i++) {
		bool special = false;
		v = fox_json_at(added, i);
		fox_json_bool(fox_json_get(v, "special"), &special);
		if (fox_json_str(fox_json_get(v, "content"), &key) && fox_json_u64(fox_json_get(v, "id"), &id))
			test_tokjson_put(d, key, id, special ? FOX_TOK_CONTROL : FOX_TOK_USER);
	}
	d->n_merges = (uint32_t)fox_json_size(merges);
	d->merge = fox_arena_alloc(&d->arena, d->n_merges, sizeof *d->merge);
	for (uint32_t i = 0; i < d->n_merges; i++) {
		struct fox_str left, right;
		v = fox_json_at(merges, i);
		if (fox_json_str(v, &d->merge[i]))
			continue;
		if (!fox_json_str(fox_json_at(v, 0), &left) || !fox_json_str(fox_json_at(v, 1), &right))
			abort();
		fox_buf_clear(&b);
		fox_buf_add(&b, left.p, left.n);
		fox_buf_char(&b, ' ');
		fox_buf_add(&b, right.p, right.n);
		d->merge[i] = (struct fox_str){fox_arena_strdup(&d->arena, fox_buf_view(&b)), b.n};
	}
	fox_buf_free(&b);
}

static inline enum fox_status test_tokjson_open(struct test_tokjson *m, const char *path, struct fox_err *err)
{
	size_t n;
	*m = (struct test_tokjson){0};
	enum fox_status s = fox_path_slurp(path, 1u << 28, &m->text, &n, err);
	if (!s)
		s = fox_json_parse(&m->json, (struct fox_str){m->text, n}, err);
	if (s)
		return s;
	test_tokjson_fill(&m->data, fox_json_root(m->json));
	m->data.hf_spec = (struct fox_str){m->text, n};
	return fox_tok_open(&m->tok, &m->data, err);
}

static inline void test_tokjson_close(struct test_tokjson *m)
{
	fox_tok_close(m->tok);
	fox_tokdata_free(&m->data);
	fox_json_close(m->json);
	free(m->text);
}

#endif
