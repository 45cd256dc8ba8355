/* kv.h - the key-value cache of one session: sizes, layout, memory.
 *
 * One block. Per layer first the keys, then the values, each [kv head][position][head_dim] in the cache's
 * type, so that the rows one head reads lie one after the other.  spec/runtime.md 4 */
#ifndef FOX_KV_H
#define FOX_KV_H

#include "format/hparam.h"

struct fox_kv {
	enum fox_type type; /* FOX_F32 or FOX_F16 */
	uint32_t n_ctx;     /* positions */
	uint64_t row_bytes; /* one head at one position */
	uint64_t bytes;     /* the whole block */
	uint8_t *block;
	uint64_t layer_at[FOX_MAX_LAYERS]; /* offset of a layer's keys */
	uint64_t half[FOX_MAX_LAYERS];     /* bytes of a layer's keys, and of its values */
};

/*
 * fox_kv_plan - sizes and offsets; no memory is taken
 *
 * n_ctx   >= 1 positions
 * errors  FOX_E_ARG a type other than f32 and f16; FOX_E_BOUND the cache does not fit 63 bits
 */
enum fox_status fox_kv_plan(struct fox_kv *kv, const struct fox_hparams *h, enum fox_type type,
    uint32_t n_ctx, struct fox_err *err) FOX_MUST_CHECK;

/* Take the memory of a planned cache; pages are touched as positions are filled. FOX_E_NOMEM, with the size.
 */
enum fox_status fox_kv_init(struct fox_kv *kv, struct fox_err *err) FOX_MUST_CHECK;
void fox_kv_free(struct fox_kv *kv); /* zeroed is fine */

/* The row of a head at a position. layer, head, pos in range: the caller's promise. */
static inline uint8_t *fox_kv_key(const struct fox_kv *kv, uint32_t layer, uint32_t head, uint32_t pos)
{
	return kv->block + kv->layer_at[layer] + ((uint64_t)head * kv->n_ctx + pos) * kv->row_bytes;
}
static inline uint8_t *fox_kv_value(const struct fox_kv *kv, uint32_t layer, uint32_t head, uint32_t pos)
{
	return fox_kv_key(kv, layer, head, pos) + kv->half[layer];
}

#endif
