/* st_index.h - model.safetensors.index.json and pytorch_model.bin.index.json: which shard holds which tensor.
 *
 * Refuses shard names that do not end as those of their kind do, incomplete "-of-NNNNN" sets, and any difference between
 * the map and what the shards hold. That a name stays beneath the folder is checked when it is opened.
 * spec/sources.md 2 */
#ifndef FOX_ST_INDEX_H
#define FOX_ST_INDEX_H

#include "format/base/map.h"
#include "format/source.h"

#define FOX_ST_MAX_SHARDS 4096u     /* a limit of ours: every shard stays open */
#define FOX_ST_MAX_INDEX 100000000u /* bytes of JSON, as for a header */

struct fox_st_entry {
	struct fox_str tensor;
	uint32_t shard; /* index into shards */
};

struct fox_st_index {
	struct fox_str *shards; /* file names, each once, sorted by bytes */
	size_t n_shards;
	struct fox_st_entry *entries; /* in the order of the file */
	size_t n_entries;
};

/*
 * fox_st_index_parse - read the JSON text of an index; everything in *out lives in the arena
 *
 * suffix  of every shard's name: ".safetensors", ".bin"
 * errors  FOX_E_FORMAT (no weight_map, types, suffix, shard count), FOX_E_BOUND (too many shards),
 * FOX_E_NOMEM
 */
enum fox_status fox_st_index_parse(struct fox_st_index *out, struct fox_arena *a, struct fox_str json,
    const char *suffix, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_st_index_check - the map against the tensors of all shards: none missing, misplaced or left over
 *
 * tensors  of all shards; fox_src_tensor.file counts as in x->shards
 * by_name  tensor name -> index into tensors; no name twice
 * errors   FOX_E_FORMAT
 */
enum fox_status fox_st_index_check(const struct fox_st_index *x, const struct fox_src_tensor *tensors,
    size_t n, const struct fox_map *by_name, struct fox_err *err) FOX_MUST_CHECK;

#endif
