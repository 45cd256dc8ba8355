/* safetensors_write.h - the header of a .safetensors file, and the index of a checkpoint of several.
 *
 * source: safetensors 0.8 (order of tensors, padding of the header), transformers 5 (metadata, index, names of shards) */
#ifndef FOX_SAFETENSORS_WRITE_H
#define FOX_SAFETENSORS_WRITE_H

#include "format/source.h"

/* One tensor of a file to be written. */
struct fox_st_member {
	struct fox_str name;  /* UTF-8 */
	enum fox_dtype dtype; /* of whole bytes */
	uint32_t n_dims;
	uint64_t shape[8]; /* outermost first */
	uint64_t bytes;    /* of its data */
	uint64_t at;       /* set by fox_st_write_header: where its data begins in the file */
	uint32_t shard;    /* for fox_st_write_index: from 0 */
};

/*
 * fox_st_write_header - the length, the JSON and its padding: all that stands before the data
 *
 * The JSON names tensors in the order of their data: larger elements first (F64, F32, BF16, F16), then by name. It ends at a
 * multiple of 8, so that data is aligned.
 *
 * list        is sorted, and each entry's `at` set
 * out         appended to, from an empty buffer
 * file_bytes  of the whole file
 * errors      FOX_E_BOUND: more than 64 bits, or a header past FOX_ST_MAX_HEADER; FOX_E_NOMEM
 */
enum fox_status fox_st_write_header(struct fox_st_member **list, size_t n, struct fox_buf *out,
    uint64_t *file_bytes, struct fox_err *err) FOX_MUST_CHECK;

/* "model.safetensors" where n_shards is 1, else "model-00001-of-00003.safetensors". out has 48 bytes or more. */
void fox_st_shard_name(char out[48], uint32_t shard, uint32_t n_shards);

/*
 * fox_st_write_index - model.safetensors.index.json: the sum of bytes, and every tensor's file, by name
 *
 * list    is sorted by name
 * errors  FOX_E_NOMEM
 */
enum fox_status fox_st_write_index(struct fox_st_member **list, size_t n, uint32_t n_shards,
    struct fox_buf *out, struct fox_err *err) FOX_MUST_CHECK;

#endif
