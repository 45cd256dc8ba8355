/* kv.c - plans and holds the key-value cache. */
#include "runtime/kv.h"

#include <stdlib.h>

#include "format/base/num.h"

enum fox_status fox_kv_plan(
    struct fox_kv *kv, const struct fox_hparams *h, enum fox_type type, uint32_t n_ctx, struct fox_err *err)
{
	*kv = (struct fox_kv){.type = type, .n_ctx = n_ctx};
	if (type != FOX_F32 && type != FOX_F16)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "a key-value cache is f32 or f16");
	if (n_ctx == 0)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "a context of 0 positions");
	kv->row_bytes = (uint64_t)h->head_dim * (type == FOX_F32 ? 4 : 2);
	bool fits = true;
	for (uint32_t l = 0; fits && l < h->n_layers; l++) {
		kv->layer_at[l] = kv->bytes;
		fits = fox_mul(&kv->half[l], kv->row_bytes, n_ctx) &&
		       fox_mul(&kv->half[l], kv->half[l], h->n_kv_heads[l]) &&
		       fox_add(&kv->bytes, kv->bytes, kv->half[l]) && fox_add(&kv->bytes, kv->bytes, kv->half[l]) &&
		       kv->bytes <= INT64_MAX;
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
	kv->block = block;
	return FOX_OK;
}

void fox_kv_free(struct fox_kv *kv)
{
	free(kv->block);
	kv->block = NULL;
}
