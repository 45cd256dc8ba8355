/* tenhash.h - hashes of the data of each tensor and of all of a file, as llama-gguf-hash defines them. */
#ifndef FOX_TENHASH_H
#define FOX_TENHASH_H

#include "format/gguf.h"
#include "format/hashlist.h"
#include "kernels/pool.h"

/* Told once for each hash: tensors in the file's order, of each the kinds in theirs; then the file's own, tensor NULL. */
typedef void fox_tenhash_fn(
    void *ctx, enum fox_hashlist_kind kind, const struct fox_tensor *tensor, const uint8_t *hash);

/*
 * fox_tenhash - hash one file (of fox_gguf_part) in a single pass over its tensors' data, padding left out
 *
 * kinds   bits 1 << enum fox_hashlist_kind; of FOX_LIST_UUID there is only the file's own
 * pool    kinds are hashed side by side; NULL: one after the other. The hashes are the same.
 * memory  8 MiB of the file are resident at a time
 * errors  FOX_E_CANCELLED, FOX_E_NOMEM
 */
enum fox_status fox_tenhash(const struct fox_gguf *part, unsigned kinds, struct fox_pool *pool,
    fox_tenhash_fn *fn, void *ctx, struct fox_err *err) FOX_MUST_CHECK;

#endif
