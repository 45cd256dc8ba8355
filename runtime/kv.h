/* kv.h - the key-value cache of one session: sizes, layout, memory.
 *
 * One memory block. Per layer [kv head][block of positions], each with its keys and then its values as kernels/attn.h lays
 * them out, so that what one head reads is one stream. A layer with a sliding window has only as many blocks as its window
 * and a batch can touch: block i of positions lies at i modulo their number.  spec/runtime.md 4 */
#ifndef FOX_KV_H
#define FOX_KV_H

#include "format/hparam.h"
#include "kernels/attn.h"

/* The types a cache can have, and their names, NULL at the end; the first is the default of the tools. */
#define FOX_KV_TYPES 4
extern const enum fox_type fox_kv_types[FOX_KV_TYPES];
extern const char *const fox_kv_names[FOX_KV_TYPES + 1];

struct fox_kv {
	enum fox_type type;
	uint32_t n_ctx;                  /* positions */
	uint32_t dim;                    /* elements of a head */
	uint32_t window;                 /* of windowed layers; 0: there are none */
	uint64_t key_bytes, value_bytes; /* of one block of one head */
	uint64_t bytes;                  /* the whole memory */
	uint32_t oldest;                 /* from this position on windowed layers hold what was put */
	uint8_t *memory;
	uint64_t layer_at[FOX_MAX_LAYERS]; /* offset of a layer */
	uint32_t n_blocks[FOX_MAX_LAYERS]; /* of one head of a layer */
};

/* Can heads of this size be stored in this type? q8_0 wants a multiple of 32 elements. */
bool fox_kv_type_fits(const struct fox_hparams *h, enum fox_type type);

/*
 * fox_kv_plan - sizes and offsets; no memory is taken
 *
 * n_ctx   >= 1 positions; memory is taken for whole blocks
 * batch   >= 1: most positions put before the first of them is read
 * errors  FOX_E_ARG a type that no cache has, or q8_0 where heads are not a multiple of 32; no position;
 *         FOX_E_BOUND the cache does not fit 63 bits
 */
enum fox_status fox_kv_plan(struct fox_kv *kv, const struct fox_hparams *h, enum fox_type type,
    uint32_t n_ctx, uint32_t batch, struct fox_err *err) FOX_MUST_CHECK;

/* Take the memory of a planned cache; pages are touched as positions are filled. FOX_E_NOMEM, with the size. */
enum fox_status fox_kv_init(struct fox_kv *kv, struct fox_err *err) FOX_MUST_CHECK;
void fox_kv_free(struct fox_kv *kv); /* zeroed is fine */

/* Put one head's key and value at a position: dim elements each, encoded in the cache's type. */
void fox_kv_put(
    struct fox_kv *kv, uint32_t layer, uint32_t head, uint32_t pos, const uint8_t *key, const uint8_t *value);

/* Positions below `end` have been put; called once a batch, in every layer alike. */
void fox_kv_filled(struct fox_kv *kv, uint32_t end);

/* Go back to `pos`, so that the next put is there. Returns where it can be: pos when windowed layers still hold all that
 * a row at pos sees, else 0. */
uint32_t fox_kv_rewind(struct fox_kv *kv, uint32_t pos);

/* The keys of block i of a head (positions 64 i and on); its values are key_bytes behind. */
static inline const uint8_t *fox_kv_block(const struct fox_kv *kv, uint32_t layer, uint32_t head, uint32_t i)
{
	uint64_t at = (uint64_t)head * kv->n_blocks[layer] + i % kv->n_blocks[layer];
	return kv->memory + kv->layer_at[layer] + at * (kv->key_bytes + kv->value_bytes);
}

#endif
