/* kv.c - plans, holds and fills the key-value cache. */
#include "runtime/kv.h"

#include <stdlib.h>

#include "format/base/num.h"

enum { PANEL = FOX_ATTN_PANEL, BLOCK = FOX_ATTN_BLOCK, GROUP = 32 };

const enum fox_type fox_kv_types[FOX_KV_TYPES] = {FOX_F16, FOX_F32, FOX_BF16, FOX_Q8_0};
const char *const fox_kv_names[FOX_KV_TYPES + 1] = {"f16", "f32", "bf16", "q8_0", NULL};

/* Blocks that any span of n positions touches at most. */
static uint64_t blocks_of(uint64_t n)
{
	return (n + BLOCK - 2) / BLOCK + 1;
}

static uint64_t element_bytes(enum fox_type type, uint64_t n)
{
	return type == FOX_Q8_0 ? n / GROUP * 34 : n * (type == FOX_F32 ? 4 : 2);
}

bool fox_kv_type_fits(const struct fox_hparams *h, enum fox_type type)
{
	return type != FOX_Q8_0 || h->head_dim % GROUP == 0;
}

static enum fox_status check_type(const struct fox_hparams *h, enum fox_type type, struct fox_err *err)
{
	size_t i = 0;
	while (i < FOX_KV_TYPES && fox_kv_types[i] != type)
		i++;
	if (i == FOX_KV_TYPES)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "a key-value cache is f32, f16, bf16 or q8_0");
	if (!fox_kv_type_fits(h, type))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
		    "a key-value cache in q8_0 wants heads of a multiple of %d elements, these have %u", GROUP,
		    h->head_dim);
	return FOX_OK;
}

enum fox_status fox_kv_plan(struct fox_kv *kv, const struct fox_hparams *h, enum fox_type type,
    uint32_t n_ctx, uint32_t batch, struct fox_err *err)
{
	*kv = (struct fox_kv){.type = type, .n_ctx = n_ctx, .dim = h->head_dim};
	enum fox_status st = check_type(h, type, err);
	if (st)
		return st;
	if (n_ctx == 0)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "a context of 0 positions");
	uint64_t wide = ((uint64_t)h->head_dim + PANEL - 1) / PANEL * PANEL,
	         all = ((uint64_t)n_ctx + BLOCK - 1) / BLOCK;
	kv->key_bytes = element_bytes(type, (uint64_t)h->head_dim * BLOCK);
	kv->value_bytes = element_bytes(type, wide * BLOCK);
	bool fits = true;
	for (uint32_t l = 0; fits && l < h->n_layers; l++) {
		uint64_t n = all, window = fox_hparams_window(h, l);
		if (window) {
			kv->window = (uint32_t)window;
			/* the first row of a batch sees window - 1 positions before it, the last row is put by then */
			uint64_t touched = blocks_of(window - 1 + batch);
			n = touched < all ? touched : all;
		}
		kv->n_blocks[l] = (uint32_t)n;
		kv->layer_at[l] = kv->bytes;
		fits = fox_mul(&n, n, kv->key_bytes + kv->value_bytes) && fox_mul(&n, n, h->n_kv_heads[l]) &&
		       fox_add(&kv->bytes, kv->bytes, n) && kv->bytes <= INT64_MAX;
	}
	if (!fits)
		return fox_fail(
		    err, FOX_E_BOUND, FOX_NOWHERE, "the key-value cache of %u positions does not fit memory", n_ctx);
	return FOX_OK;
}

enum fox_status fox_kv_init(struct fox_kv *kv, struct fox_err *err)
{
	void *block = NULL;
	if (kv->bytes > SIZE_MAX / 2 || posix_memalign(&block, 64, (size_t)kv->bytes))
		return fox_fail(err, FOX_E_NOMEM, FOX_NOWHERE,
		    "out of memory: the key-value cache of %u positions takes %llu bytes", kv->n_ctx,
		    (unsigned long long)kv->bytes);
	kv->memory = block;
	return FOX_OK;
}

void fox_kv_free(struct fox_kv *kv)
{
	free(kv->memory);
	kv->memory = NULL;
}

/* A key becomes a column of a panel, whose rows are its elements; a value becomes a row of each panel. */

static void put_plain(uint8_t *keys, uint8_t *values, const struct fox_kv *kv, uint32_t at,
    const uint8_t *key, const uint8_t *value, size_t size)
{
	size_t dim = kv->dim;
	uint8_t *column = keys + (at / PANEL * dim * PANEL + at % PANEL) * size;
	if (size == 2)
		for (size_t i = 0; i < dim; i++)
			fox_store16(column + i * PANEL * 2, fox_load16(key + 2 * i));
	else
		for (size_t i = 0; i < dim; i++)
			fox_store32(column + i * PANEL * 4, fox_load32(key + 4 * i));
	for (size_t i = 0; i < dim; i += PANEL) {
		size_t n = dim - i < PANEL ? dim - i : PANEL;
		uint8_t *row = values + (i * BLOCK + at * PANEL) * size;
		memcpy(row, value + i * size, n * size);
		memset(row + n * size, 0, (PANEL - n) * size);
	}
}

static void put_q8_0(uint8_t *keys, uint8_t *values, const struct fox_kv *kv, uint32_t at, const uint8_t *key,
    const uint8_t *value)
{
	size_t groups = kv->dim / GROUP;
	for (size_t g = 0; g < groups; g++, key += 34, value += 34) {
		uint8_t *to = keys + (at / PANEL * groups + g) * (34 * PANEL);
		memcpy(to + at % PANEL * 2, key, 2);
		for (size_t i = 0; i < GROUP; i++)
			to[2 * PANEL + i * PANEL + at % PANEL] = key[2 + i];
		to = values + g * (34 * BLOCK);
		memcpy(to + 2 * at, value, 2);
		memcpy(to + 2 * BLOCK + at * PANEL, value + 2, PANEL);
		memcpy(to + 2 * BLOCK + (BLOCK + at) * PANEL, value + 2 + PANEL, PANEL);
	}
}

void fox_kv_put(
    struct fox_kv *kv, uint32_t layer, uint32_t head, uint32_t pos, const uint8_t *key, const uint8_t *value)
{
	uint8_t *keys = kv->memory + (fox_kv_block(kv, layer, head, pos / BLOCK) - kv->memory);
	uint8_t *values = keys + kv->key_bytes;
	if (kv->type == FOX_Q8_0)
		put_q8_0(keys, values, kv, pos % BLOCK, key, value);
	else
		put_plain(keys, values, kv, pos % BLOCK, key, value, kv->type == FOX_F32 ? 4 : 2);
}

/* Blocks that a windowed layer has; all have one window, and so the same number. 0: no layer has one. */
static uint32_t ring_of(const struct fox_kv *kv)
{
	uint32_t least = kv->n_blocks[0];
	for (uint32_t l = 0; l < FOX_MAX_LAYERS && kv->n_blocks[l]; l++)
		least = kv->n_blocks[l] < least ? kv->n_blocks[l] : least;
	return kv->window ? least : 0;
}

void fox_kv_filled(struct fox_kv *kv, uint32_t end)
{
	uint32_t ring = ring_of(kv), last = (end - 1) / BLOCK;
	if (!ring || last < ring)
		return;
	uint32_t oldest = (last - ring + 1) * BLOCK;
	kv->oldest = oldest > kv->oldest ? oldest : kv->oldest;
}

uint32_t fox_kv_rewind(struct fox_kv *kv, uint32_t pos)
{
	uint32_t sees = pos >= kv->window ? pos - kv->window + 1 : 0;
	if (pos && (!kv->window || sees >= kv->oldest))
		return pos;
	kv->oldest = 0;
	return 0;
}
