/* cuda_kv.c - the key-value cache of a CUDA session: pages of 256 positions, taken when they are reached. */
#include "runtime/cuda_exec.h"

#include <stdlib.h>

#include "format/base/num.h"
#include "runtime/kv.h"

enum { ALL, WINDOWED, PAGE = FOX_CUDA_PAGE };

/* Pages that any span of n positions touches at most. */
static uint64_t pages_of(uint64_t n)
{
	return (n + PAGE - 2) / PAGE + 1;
}

enum fox_status fox_cuda_kv_plan(struct fox_cuda_kv *kv, const struct fox_hparams *h, enum fox_type type,
    uint32_t n_ctx, uint32_t batch, struct fox_err *err)
{
	struct fox_kv host; /* asked only for what it refuses */
	enum fox_status st = fox_kv_plan(&host, h, type, n_ctx, batch, err);
	if (st)
		return st;
	*kv = (struct fox_cuda_kv){.type = type, .all = (uint32_t)(((uint64_t)n_ctx + PAGE - 1) / PAGE)};
	for (uint32_t l = 0; l < h->n_layers; l++) {
		uint32_t window = fox_hparams_window(h, l), k = window ? WINDOWED : ALL;
		uint64_t side = fox_cuda_side_bytes(type, h->n_kv_heads[l], h->head_dim);
		uint64_t touched = pages_of((uint64_t)window - 1 + batch);
		kv->window = window ? window : kv->window;
		kv->kind[k].n_pages = window && touched < kv->all ? (uint32_t)touched : kv->all;
		kv->kind_of[l] = (uint8_t)k;
		kv->key_at[l] = kv->kind[k].page_bytes;
		kv->value_at[l] = kv->kind[k].page_bytes + side;
		kv->kind[k].page_bytes += 2 * side;
	}
	return FOX_OK;
}

uint64_t fox_cuda_kv_bytes(const struct fox_cuda_kv *kv)
{
	uint64_t n = 0;
	for (int k = 0; k < FOX_CUDA_KINDS; k++)
		n += kv->kind[k].page_bytes ? kv->kind[k].n_pages * kv->kind[k].page_bytes : 0;
	return n;
}

uint64_t fox_cuda_kv_table_bytes(const struct fox_cuda_kv *kv)
{
	return ((uint64_t)kv->kind[ALL].n_pages + kv->kind[WINDOWED].n_pages) * sizeof(void *);
}

enum fox_status fox_cuda_kv_init(struct fox_cuda_kv *kv, void *tables, struct fox_err *err)
{
	void **at = tables;
	for (int k = 0; k < FOX_CUDA_KINDS; k++) {
		kv->kind[k].table = at;
		at += kv->kind[k].n_pages;
		kv->kind[k].page = calloc((size_t)kv->kind[k].n_pages + 1, sizeof(void *));
		if (!kv->kind[k].page)
			return fox_fail_nomem(err);
	}
	return FOX_OK;
}

void fox_cuda_kv_free(struct fox_cuda_kv *kv, struct fox_cuda *c)
{
	for (int k = 0; k < FOX_CUDA_KINDS; k++) {
		for (uint32_t i = 0; i < kv->kind[k].have; i++)
			fox_cuda_free(c, kv->kind[k].page[i]);
		free(kv->kind[k].page);
		kv->kind[k].page = NULL;
		kv->kind[k].have = 0;
	}
}

enum fox_status fox_cuda_kv_reach(
    struct fox_cuda_kv *kv, struct fox_cuda *c, uint32_t end, struct fox_err *err)
{
	uint32_t want = (end - 1) / PAGE + 1, ring = kv->kind[WINDOWED].n_pages;
	if (kv->window && want > ring && (want - ring) * PAGE > kv->oldest)
		kv->oldest = (want - ring) * PAGE;
	for (int k = 0; k < FOX_CUDA_KINDS; k++) {
		uint32_t first = kv->kind[k].have, most = want < kv->kind[k].n_pages ? want : kv->kind[k].n_pages;
		enum fox_status st = FOX_OK;
		if (!kv->kind[k].page_bytes || first >= most)
			continue;
		while (!st && kv->kind[k].have < most) {
			st = fox_cuda_alloc(c, &kv->kind[k].page[kv->kind[k].have], kv->kind[k].page_bytes, err);
			kv->kind[k].have += !st;
		}
		if (!st)
			st = fox_cuda_upload(
			    c, kv->kind[k].table + first, kv->kind[k].page + first, (most - first) * sizeof(void *), err);
		if (st)
			return fox_in(err, "for position %u of the key-value cache", end - 1), st;
	}
	return FOX_OK;
}

uint32_t fox_cuda_kv_rewind(struct fox_cuda_kv *kv, uint32_t pos)
{
	uint32_t sees = pos >= kv->window ? pos - kv->window + 1 : 0;
	if (pos && (!kv->window || sees >= kv->oldest))
		return pos;
	kv->oldest = 0;
	return 0;
}

struct fox_cuda_cache fox_cuda_kv_of(
    const struct fox_cuda_kv *kv, const struct fox_hparams *h, uint32_t layer)
{
	int k = kv->kind_of[layer];
	return (struct fox_cuda_cache){.pages = kv->kind[k].table,
	    .n_pages = kv->kind[k].n_pages,
	    .key_at = kv->key_at[layer],
	    .value_at = kv->value_at[layer],
	    .type = kv->type,
	    .kv_heads = h->n_kv_heads[layer],
	    .dim = h->head_dim};
}
