/* t_checkpoint.h - a small checkpoint for converter tests: made in memory, changed by a test, written as safetensors.
 *
 * The shape is Llama's: 2 layers, 64 wide, 4 query and 2 key heads of 16, 96 in the middle, 100 tokens, tied. */
#ifndef T_CHECKPOINT_H
#define T_CHECKPOINT_H

#include "tests/test.h"

#include <sys/stat.h>

#include "format/arch.h"
#include "format/base/num.h"
#include "format/source.h"
#include "kernels/half.h"

enum { CK_D = 64, CK_Q = 64, CK_KV = 32, CK_FF = 96, CK_VOCAB = 100, CK_LAYERS = 2, CK_HEAD = 16 };

struct ck_tensor {
	char name[208];
	enum fox_dtype dtype;
	uint32_t n_dims;
	uint64_t shape[2];
	uint8_t *data;
	size_t bytes;
	int shard;
};

struct ck {
	struct ck_tensor t[64];
	size_t n;
};

static inline void ck_set(struct ck_tensor *t, size_t i, float v)
{
	if (t->dtype == FOX_DT_F32)
		fox_store_f32(t->data + 4 * i, v);
	else
		fox_store16(t->data + 2 * i, t->dtype == FOX_DT_F16 ? fox_f32_to_f16(v) : fox_f32_to_bf16(v));
}

/* rows 0: one dimension */
static inline struct ck_tensor *ck_add(
    struct ck *c, const char *name, enum fox_dtype dtype, uint64_t rows, uint64_t cols, uint64_t *seed)
{
	struct ck_tensor *t = &c->t[c->n++];
	*t = (struct ck_tensor){.dtype = dtype, .n_dims = rows ? 2 : 1, .shape = {rows ? rows : cols, cols}};
	snprintf(t->name, sizeof t->name, "%s", name);
	size_t n = (size_t)((rows ? rows : 1) * cols);
	t->bytes = n * fox_dtypes[dtype].bits / 8;
	t->data = malloc(t->bytes);
	memset(t->data, 0x11, t->bytes);
	for (size_t i = 0; fox_dtypes[dtype].codec && i < n; i++)
		ck_set(t, i, (float)((int)(test_rand(seed) % 2001) - 1000) / 1024.0f);
	return t;
}

static inline struct ck_tensor *ck_find(struct ck *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->t[i].name, name))
			return &c->t[i];
	fail_msg("no tensor '%s'", name);
	return NULL;
}

static inline void ck_drop(struct ck *c, const char *name)
{
	struct ck_tensor *t = ck_find(c, name);
	free(t->data);
	*t = c->t[--c->n];
}

static inline void ck_llama(struct ck *c, enum fox_dtype dtype)
{
	static const struct {
		const char *name;
		uint64_t rows, cols;
	} rows[] = {
	    {"self_attn.q_proj", CK_Q, CK_D},
	    {"self_attn.k_proj", CK_KV, CK_D},
	    {"self_attn.v_proj", CK_KV, CK_D},
	    {"self_attn.o_proj", CK_D, CK_Q},
	    {"mlp.gate_proj", CK_FF, CK_D},
	    {"mlp.up_proj", CK_FF, CK_D},
	    {"mlp.down_proj", CK_D, CK_FF},
	    {"input_layernorm", 0, CK_D},
	    {"post_attention_layernorm", 0, CK_D},
	};
	uint64_t seed = 5;
	memset(c, 0, sizeof *c);
	ck_add(c, "model.embed_tokens.weight", dtype, CK_VOCAB, CK_D, &seed);
	for (int l = 0; l < CK_LAYERS; l++)
		for (size_t i = 0; i < FOX_COUNT(rows); i++) {
			char name[208];
			snprintf(name, sizeof name, "model.layers.%d.%s.weight", l, rows[i].name);
			ck_add(c, name, dtype, rows[i].rows, rows[i].cols, &seed)->shard = l;
		}
	ck_add(c, "model.norm.weight", dtype, 0, CK_D, &seed)->shard = 1;
}

static inline void ck_free(struct ck *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->t[i].data);
}

static inline void ck_write_file(const struct ck *c, const char *path, int shard)
{
	struct fox_buf head = {0};
	size_t at = 0;
	fox_buf_char(&head, '{');
	for (size_t i = 0; i < c->n; i++) {
		const struct ck_tensor *t = &c->t[i];
		if (shard >= 0 && t->shard != shard)
			continue;
		fox_buf_fmt(&head, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%llu", at ? "," : "", t->name,
		    fox_dtypes[t->dtype].name, (unsigned long long)t->shape[0]);
		if (t->n_dims == 2)
			fox_buf_fmt(&head, ",%llu", (unsigned long long)t->shape[1]);
		fox_buf_fmt(&head, "],\"data_offsets\":[%zu,%zu]}", at, at + t->bytes);
		at += t->bytes;
	}
	fox_buf_char(&head, '}');
	while (head.n % 8)
		fox_buf_char(&head, ' ');
	uint8_t len[8];
	fox_store64(len, head.n);
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(len, 1, 8, f) != 8 || fwrite(head.p, 1, head.n, f) != head.n)
		abort();
	for (size_t i = 0; i < c->n; i++)
		if (shard < 0 || c->t[i].shard == shard)
			if (fwrite(c->t[i].data, 1, c->t[i].bytes, f) != c->t[i].bytes)
				abort();
	if (fclose(f))
		abort();
	fox_buf_free(&head);
}

/* A fresh folder test_dir()/name with the weights, in one file or in two shards. The path lasts for 32 calls. */
static inline const char *ck_write(const struct ck *c, const char *name, bool sharded)
{
	static char dirs[32][512];
	static unsigned turn;
	char *dir = dirs[turn++ % 32], path[600];
	snprintf(dir, sizeof dirs[0], "%s/%s", test_dir(), name);
	if (mkdir(dir, 0777))
		abort();
	if (!sharded) {
		snprintf(path, sizeof path, "%s/model.safetensors", dir);
		ck_write_file(c, path, -1);
		return dir;
	}
	struct fox_buf index = {0};
	size_t total = 0;
	for (int s = 0; s < 2; s++) {
		snprintf(path, sizeof path, "%s/model-0000%d-of-00002.safetensors", dir, s + 1);
		ck_write_file(c, path, s);
	}
	for (size_t i = 0; i < c->n; i++)
		total += c->t[i].bytes;
	fox_buf_fmt(&index, "{\"metadata\":{\"total_size\":%zu},\"weight_map\":{", total);
	for (size_t i = 0; i < c->n; i++)
		fox_buf_fmt(&index, "%s\"%s\":\"model-0000%d-of-00002.safetensors\"", i ? "," : "", c->t[i].name,
		    c->t[i].shard + 1);
	fox_buf_str(&index, "}}");
	snprintf(path, sizeof path, "%s/model.safetensors.index.json", dir);
	test_write(path, index.p, index.n);
	fox_buf_free(&index);
	return dir;
}

/* The tensors that a family's rows want of a source, under the plain or the prefixed names. A tied output is left out. */
static inline void ck_family(
    struct ck *c, const struct fox_arch *arch, const struct fox_hparams *h, enum fox_dtype dtype, bool prefixed)
{
	struct fox_arena arena = {0};
	struct fox_slot *s;
	size_t n;
	uint64_t seed = 6;
	memset(c, 0, sizeof *c);
	if (fox_arch_slots(arch, h, &arena, &s, &n, NULL))
		abort();
	for (size_t i = 0; i < n; i++) {
		uint32_t how = s[i].row->how;
		uint64_t rows = s[i].rows * (how & FOX_T_FIRST_HALF ? 2 : 1), cols = s[i].cols;
		bool turned = how & FOX_T_TRANSPOSE;
		if (how & (FOX_T_MADE | FOX_T_SECOND_HALF) || (h->tied && how & FOX_T_TIED_EMBED))
			continue;
		if (c->n == FOX_COUNT(c->t))
			abort();
		ck_add(c, prefixed && !(how & FOX_T_TIED_EMBED) ? s[i].prefixed : s[i].hf, dtype,
		    s[i].row->rows == FOX_D_NONE ? 0 : turned ? cols : rows, turned ? rows : cols, &seed)
		    ->shard = (int)s[i].layer;
	}
	fox_arena_free(&arena);
}

static inline void ck_hparams(struct fox_hparams *h)
{
	*h = (struct fox_hparams){.n_layers = CK_LAYERS,
	    .n_ctx = 128,
	    .d_model = CK_D,
	    .n_vocab = CK_VOCAB,
	    .head_dim = CK_HEAD,
	    .rope_dims = CK_HEAD,
	    .rope_theta = 10000,
	    .norm_eps = 1e-5f,
	    .tied = true};
	for (int l = 0; l < CK_LAYERS; l++)
		h->n_heads[l] = 4, h->n_kv_heads[l] = 2, h->d_ff[l] = CK_FF;
}

/* Sizes for a family: those of ck_hparams, and what its rows take for granted. */
static inline void ck_family_hparams(struct fox_hparams *h, const struct fox_arch *arch)
{
	ck_hparams(h);
	for (uint32_t l = 0; l < CK_LAYERS; l++) {
		if (arch->traits.rope == FOX_ROPE_NONE)
			h->n_kv_heads[l] = h->n_heads[l];
		if (arch->traits.ff_multiple)
			h->d_ff[l] = CK_D * arch->traits.ff_multiple;
	}
	if (arch->traits.rope == FOX_ROPE_NONE)
		h->rope_dims = 0, h->rope_theta = 0;
}

#endif
