/* safetensors_write.c - headers as the safetensors library writes them, so that equal tensors give equal files. */
#include "format/safetensors_write.h"

#include <stdio.h>
#include <stdlib.h>

#include "format/base/json.h"
#include "format/base/num.h"
#include "format/safetensors.h"

/* The library's order of types is that of their alignment; BF16 stands after F16.  source: safetensors 0.8 tensor.rs Dtype */
static unsigned rank_of(enum fox_dtype d)
{
	return fox_dtypes[d].bits * 2 + (d == FOX_DT_BF16);
}

static int by_name(const void *a, const void *b)
{
	const struct fox_st_member *x = *(struct fox_st_member *const *)a, *y = *(struct fox_st_member *const *)b;
	return fox_str_cmp(x->name, y->name);
}

static int by_place(const void *a, const void *b)
{
	const struct fox_st_member *x = *(struct fox_st_member *const *)a, *y = *(struct fox_st_member *const *)b;
	unsigned r = rank_of(x->dtype), q = rank_of(y->dtype);
	return r != q ? (r < q ? 1 : -1) : by_name(a, b);
}

static void put_entry(struct fox_json_writer *w, const struct fox_st_member *e, uint64_t from)
{
	fox_jw_key_str(w, e->name);
	fox_jw_object(w);
	fox_jw_key(w, "dtype");
	fox_jw_cstr(w, fox_dtypes[e->dtype].name);
	fox_jw_key(w, "shape");
	fox_jw_array(w);
	for (uint32_t i = 0; i < e->n_dims; i++)
		fox_jw_u64(w, e->shape[i]);
	fox_jw_end_array(w);
	fox_jw_key(w, "data_offsets");
	fox_jw_array(w);
	fox_jw_u64(w, from);
	fox_jw_u64(w, from + e->bytes);
	fox_jw_end_array(w);
	fox_jw_end_object(w);
}

enum fox_status fox_st_write_header(
    struct fox_st_member **list, size_t n, struct fox_buf *out, uint64_t *file_bytes, struct fox_err *err)
{
	uint64_t sum = 0;
	uint8_t length[8] = {0};
	struct fox_json_writer w = {.out = out, .compact = true};
	qsort(list, n, sizeof *list, by_place);
	fox_buf_add(out, length, sizeof length);
	fox_jw_object(&w);
	fox_jw_key(&w, "__metadata__");
	fox_jw_object(&w);
	fox_jw_key(&w, "format");
	fox_jw_cstr(&w, "pt");
	fox_jw_end_object(&w);
	for (size_t i = 0; i < n; i++) {
		list[i]->at = sum;
		if (!fox_add(&sum, sum, list[i]->bytes) || sum > INT64_MAX - FOX_ST_MAX_HEADER)
			return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "tensors of more than 2^63 bytes");
		put_entry(&w, list[i], list[i]->at);
	}
	fox_jw_end_object(&w);
	while (out->n % 8 && !out->failed)
		fox_buf_char(out, ' ');
	if (out->failed)
		return fox_fail_nomem(err);
	if (out->n - 8 > FOX_ST_MAX_HEADER)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "a safetensors header of %zu bytes, more than %u",
		    out->n - 8, FOX_ST_MAX_HEADER);
	fox_store64(out->p, out->n - 8);
	for (size_t i = 0; i < n; i++)
		list[i]->at += out->n;
	*file_bytes = out->n + sum;
	return FOX_OK;
}

void fox_st_shard_name(char out[48], uint32_t shard, uint32_t n_shards)
{
	if (n_shards == 1)
		snprintf(out, 48, "model.safetensors");
	else
		snprintf(out, 48, "model-%05u-of-%05u.safetensors", shard + 1, n_shards);
}

enum fox_status fox_st_write_index(
    struct fox_st_member **list, size_t n, uint32_t n_shards, struct fox_buf *out, struct fox_err *err)
{
	struct fox_json_writer w = {.out = out};
	uint64_t sum = 0;
	qsort(list, n, sizeof *list, by_name);
	for (size_t i = 0; i < n; i++)
		sum += list[i]->bytes;
	fox_jw_object(&w);
	fox_jw_key(&w, "metadata");
	fox_jw_object(&w);
	fox_jw_key(&w, "total_size");
	fox_jw_u64(&w, sum);
	fox_jw_end_object(&w);
	fox_jw_key(&w, "weight_map");
	fox_jw_object(&w);
	for (size_t i = 0; i < n; i++) {
		char file[48];
		fox_st_shard_name(file, list[i]->shard, n_shards);
		fox_jw_key_str(&w, list[i]->name);
		fox_jw_cstr(&w, file);
	}
	fox_jw_end_object(&w);
	fox_jw_end_object(&w);
	return out->failed ? fox_fail_nomem(err) : FOX_OK;
}
