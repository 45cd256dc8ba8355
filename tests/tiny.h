/* tiny.h - small random models of the llama family, written with the container's writer, with faults on
 * request. */
#ifndef FOX_TINY_H
#define FOX_TINY_H

#include "tests/test.h"

#include "format/arch.h"
#include "format/base/hash.h"
#include "format/tokdata.h"
#include "kernels/kernels.h"

struct tiny {
	uint32_t layers, d_model, heads, kv_heads, ff, vocab, ctx;
	enum fox_type type; /* of matrices */
	bool output;        /* has an output matrix of its own */
	const char *arch;   /* NULL: llama */
	const char *skip;   /* this tensor is left out, and every one whose name ends so */
	const char *extra;  /* a further tensor */
	const char *bent;   /* this tensor has one row more */
	const char *odd;    /* this tensor is stored as an integer type */
	const char *nan;    /* this tensor's first value is NaN */
	const char *key;    /* a further key, u32 */
	uint32_t key_value;
	uint64_t seed;
	bool words; /* has a vocabulary: <unk>, <s>, </s>, then '!' to '~'; bos is added */
};

#define TINY                                                                                                 \
	(struct tiny)                                                                                            \
	{                                                                                                        \
		.layers = 3, .d_model = 64, .heads = 4, .kv_heads = 2, .ff = 96, .vocab = 97, .ctx = 200,            \
		.type = FOX_F32, .seed = 1                                                                           \
	}

static inline bool tiny_is(const char *want, const char *name)
{
	return want && !strcmp(want, name);
}

/* One character a token, and no blank: a text of n characters has n ids. Needs vocab 97. */
static inline void tiny_words(struct fox_gguf_writer *w, struct fox_err *e)
{
	static const char *const first[] = {"<unk>", "<s>", "</s>"};
	static char text[97][2];
	static struct fox_str piece[97];
	static float score[97];
	static int32_t type[97];
	struct fox_tokdata d;
	fox_tokdata_init(&d);
	assert_true(fox_tokdata_set_model(&d, fox_str_of("llama")));
	for (int i = 0; i < 97; i++) {
		text[i][0] = (char)(i + 30);
		piece[i] = i < 3 ? fox_str_of(first[i]) : (struct fox_str){text[i], 1};
		type[i] = i == 0 ? FOX_TOK_UNKNOWN : i < 3 ? FOX_TOK_CONTROL : FOX_TOK_NORMAL;
	}
	d.n = 97, d.piece = piece, d.score = score, d.type = type;
	d.unk = 0, d.bos = 1, d.eos = 2, d.add_bos = d.add_bos_given = true, d.add_space_prefix = false;
	assert_fox_ok(fox_tokdata_put(&d, w, e), e);
}

static inline void tiny_keys(struct fox_gguf_writer *w, const struct tiny *t, struct fox_err *e)
{
	char key[96];
	const char *a = t->arch ? t->arch : "llama";
	struct {
		const char *name;
		uint32_t v;
	} u32[] = {{"block_count", t->layers}, {"context_length", t->ctx}, {"embedding_length", t->d_model},
	    {"feed_forward_length", t->ff}, {"attention.head_count", t->heads},
	    {"attention.head_count_kv", t->kv_heads}, {"vocab_size", t->vocab}};
	assert_fox_ok(fox_gguf_put_str(w, "general.architecture", fox_str_of(a), e), e);
	for (size_t i = 0; i < FOX_COUNT(u32); i++) {
		snprintf(key, sizeof key, "%s.%s", a, u32[i].name);
		assert_fox_ok(fox_gguf_put_u32(w, key, u32[i].v, e), e);
	}
	snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", a);
	assert_fox_ok(fox_gguf_put_f32(w, key, 1e-5f, e), e);
	snprintf(key, sizeof key, "%s.rope.freq_base", a);
	assert_fox_ok(fox_gguf_put_f32(w, key, 10000.0f, e), e);
	if (t->words)
		tiny_words(w, e);
	if (t->key)
		assert_fox_ok(fox_gguf_put_u32(w, t->key, t->key_value, e), e);
}

struct tiny_tensor {
	char name[64];
	enum fox_type type;
	uint64_t rows, cols;
};

static inline void tiny_add(
    struct tiny_tensor *list, size_t *n, const struct tiny *t, const char *name, uint64_t rows, uint64_t cols)
{
	size_t tail = t->skip ? strlen(t->skip) : 0, len = strlen(name);
	if (t->skip && len >= tail && !strcmp(name + len - tail, t->skip))
		return;
	struct tiny_tensor *one = &list[(*n)++];
	snprintf(one->name, sizeof one->name, "%s", name);
	one->type = tiny_is(t->odd, name) ? FOX_I32 : rows ? t->type : FOX_F32;
	one->rows = rows + tiny_is(t->bent, name);
	one->cols = cols;
}

static inline size_t tiny_list(struct tiny_tensor *list, const struct tiny *t)
{
	size_t n = 0;
	char name[64];
	uint64_t d = t->d_model, kv = d / t->heads * t->kv_heads;
	struct {
		const char *name;
		uint64_t rows, cols;
	} blk[] = {{"attn_norm", 0, d}, {"attn_q", d, d}, {"attn_k", kv, d}, {"attn_v", kv, d},
	    {"attn_output", d, d}, {"ffn_norm", 0, d}, {"ffn_gate", t->ff, d}, {"ffn_up", t->ff, d},
	    {"ffn_down", d, t->ff}};
	tiny_add(list, &n, t, "token_embd.weight", t->vocab, d);
	for (uint32_t l = 0; l < t->layers; l++) {
		for (size_t i = 0; i < FOX_COUNT(blk); i++) {
			snprintf(name, sizeof name, "blk.%u.%s.weight", l, blk[i].name);
			tiny_add(list, &n, t, name, blk[i].rows, blk[i].cols);
		}
	}
	tiny_add(list, &n, t, "output_norm.weight", 0, d);
	if (t->output)
		tiny_add(list, &n, t, "output.weight", t->vocab, d);
	if (t->extra)
		tiny_add(list, &n, t, t->extra, 0, d);
	return n;
}

static inline void tiny_data(struct fox_gguf_writer *w, size_t i, const struct tiny_tensor *one,
    const struct tiny *t, uint64_t *seed, struct fox_err *e)
{
	size_t n = (size_t)(one->cols * (one->rows ? one->rows : 1)),
	       bytes = (size_t)fox_gguf_writer_tensor_bytes(w, i);
	float *f = calloc(n, sizeof *f);
	uint8_t *raw = calloc(bytes, 1);
	assert_non_null(f);
	assert_non_null(raw);
	for (size_t k = 0; k < n; k++) {
		float r = (float)test_rand(seed) / 2147483648.0f - 0.5f;
		f[k] = one->rows ? r * 0.5f : 1 + r; /* norms near 1 */
	}
	if (tiny_is(t->nan, one->name))
		f[0] = (float)(0.0 / (double)(f[0] - f[0]));
	if (one->type != FOX_I32)
		fox_kernels()->encode[one->type](raw, f, n);
	assert_fox_ok(fox_gguf_write_data(w, i, 0, raw, bytes, e), e);
	fox_gguf_set_hash(w, i, fox_xxh3(raw, bytes));
	free(f);
	free(raw);
}

/* Write the model to a scratch file and return its path. */
static inline const char *tiny_write(const char *name, struct tiny t)
{
	struct fox_err e = {0};
	struct fox_gguf_writer *w;
	static struct tiny_tensor list[256];
	uint64_t seed = t.seed;
	const char *path = test_path(name);
	assert_fox_ok(fox_gguf_writer_open(&w, &e), &e);
	tiny_keys(w, &t, &e);
	size_t n = tiny_list(list, &t);
	for (size_t i = 0; i < n; i++) {
		uint64_t dim[2] = {list[i].cols, list[i].rows};
		assert_fox_ok(
		    fox_gguf_put_tensor(w, fox_str_of(list[i].name), list[i].type, list[i].rows ? 2 : 1, dim, &e),
		    &e);
	}
	assert_fox_ok(fox_gguf_freeze(w, &e), &e);
	assert_fox_ok(fox_gguf_create(w, path, true, &e), &e);
	for (size_t i = 0; i < n; i++)
		tiny_data(w, i, &list[i], &t, &seed, &e);
	assert_fox_ok(fox_gguf_finish(w, &e), &e);
	fox_gguf_writer_close(w);
	return path;
}

#endif
