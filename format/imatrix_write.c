/* imatrix_write.c - writing importance matrices as GGUF, and the keys about one in a quantized file. See imatrix.h. */
#include "format/imatrix.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/base/num.h"

/* ---- keys of a quantized file */

/* The last part of a path: where a file lies is nothing that the output may depend on. */
static struct fox_str last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return fox_str_of(slash ? slash + 1 : path);
}

enum fox_status fox_imatrix_put_keys(
    const struct fox_imatrix *im, struct fox_gguf_writer *w, struct fox_err *err)
{
	char hex[FOX_SHA256_HEX + 1];
	enum fox_status s = fox_gguf_put_str(w, "quantize.imatrix.file", last_part(im->path), err);
	if (!s && im->n_datasets)
		s = fox_gguf_put_str(w, "quantize.imatrix.dataset", im->datasets[0], err);
	if (!s)
		s = fox_gguf_put_u32(w, "quantize.imatrix.entries_count", (uint32_t)im->n_kept, err);
	if (!s && im->n_chunks && im->n_chunks <= UINT32_MAX)
		s = fox_gguf_put_u32(w, "quantize.imatrix.chunks_count", (uint32_t)im->n_chunks, err);
	fox_hex(hex, im->sha256.b, sizeof im->sha256.b);
	if (!s)
		s = fox_gguf_put_str(w, "fox.imatrix.sha256", fox_str_of(hex), err);
	if (!s && im->n_datasets)
		s = fox_gguf_put_strings(w, "fox.imatrix.datasets", im->datasets, im->n_datasets, err);
	return s;
}

/* ---- the file itself */

static int by_name(const void *a, const void *b)
{
	const struct fox_imatrix_sum *const *x = a, *const *y = b;
	return fox_str_cmp((*x)->name, (*y)->name);
}

static enum fox_status check_values(
    struct fox_str name, const char *what, const float *v, uint64_t n, struct fox_err *err)
{
	for (uint64_t i = 0; i < n; i++)
		if (!(v[i] >= 0) || isinf(v[i]))
			return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "%s %llu of '%.*s' is %s", what,
			    (unsigned long long)i, FOX_STR_ARG(name), v[i] < 0 ? "negative" : "not finite");
	return FOX_OK;
}

static enum fox_status check(const struct fox_imatrix_sum *e, struct fox_err *err)
{
	uint64_t n, bytes;
	if (!e->name.n || e->name.n > FOX_GGUF_MAX_NAME - strlen(".in_sum2"))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "the name '%.*s' has %zu bytes; 1 to %zu fit",
		    FOX_STR_ARG(e->name), e->name.n, FOX_GGUF_MAX_NAME - strlen(".in_sum2"));
	if (!e->cols || !e->n_mats || !fox_mul(&n, e->cols, e->n_mats) || !fox_mul(&bytes, n, sizeof(float)))
		return fox_fail(
		    err, FOX_E_ARG, FOX_NOWHERE, "'%.*s' has no values, or too many", FOX_STR_ARG(e->name));
	enum fox_status s = check_values(e->name, "sum", e->sums, n, err);
	return s ? s : check_values(e->name, "count", e->counts, e->n_mats, err);
}

static enum fox_status declare(
    struct fox_gguf_writer *w, const struct fox_imatrix_sum *e, struct fox_err *err)
{
	char name[FOX_GGUF_MAX_NAME + 1];
	const uint64_t sums[] = {e->cols, e->n_mats}, counts[] = {1, e->n_mats};
	snprintf(name, sizeof name, "%.*s.in_sum2", (int)e->name.n, e->name.p);
	enum fox_status s = fox_gguf_put_tensor(w, fox_str_of(name), FOX_F32, 2, sums, err);
	snprintf(name, sizeof name, "%.*s.counts", (int)e->name.n, e->name.p);
	return s ? s : fox_gguf_put_tensor(w, fox_str_of(name), FOX_F32, 2, counts, err);
}

static enum fox_status put_data(
    struct fox_gguf_writer *w, size_t tensor, const float *v, uint64_t n, struct fox_err *err)
{
	size_t bytes = (size_t)(n * sizeof *v);
	fox_gguf_set_hash(w, tensor, fox_xxh3(v, bytes));
	return fox_gguf_write_data(w, tensor, 0, v, bytes, err);
}

static enum fox_status put_keys(struct fox_gguf_writer *w, const struct fox_str *datasets, size_t n_datasets,
    uint32_t n_chunks, uint32_t chunk_size, struct fox_err *err)
{
	enum fox_status s = fox_gguf_put_str(w, "general.type", fox_str_of("imatrix"), err);
	if (!s)
		s = fox_gguf_put_strings(w, "imatrix.datasets", datasets, n_datasets, err);
	if (!s)
		s = fox_gguf_put_u32(w, "imatrix.chunk_count", n_chunks, err);
	return s ? s : fox_gguf_put_u32(w, "imatrix.chunk_size", chunk_size, err);
}

static enum fox_status write_all(struct fox_gguf_writer *w, const char *path, bool replace,
    const struct fox_imatrix_sum *const *sorted, size_t n, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	for (size_t i = 0; i < n && !s; i++)
		s = declare(w, sorted[i], err);
	if (!s)
		s = fox_gguf_freeze(w, err);
	if (!s)
		s = fox_gguf_create(w, path, replace, err);
	for (size_t i = 0; i < n && !s; i++) {
		s = put_data(w, 2 * i, sorted[i]->sums, sorted[i]->cols * sorted[i]->n_mats, err);
		if (!s)
			s = put_data(w, 2 * i + 1, sorted[i]->counts, sorted[i]->n_mats, err);
	}
	return s ? s : fox_gguf_finish(w, err);
}

enum fox_status fox_imatrix_write(const char *path, bool replace, const struct fox_imatrix_sum *sums,
    size_t n, const struct fox_str *datasets, size_t n_datasets, uint32_t n_chunks, uint32_t chunk_size,
    struct fox_err *err)
{
	struct fox_gguf_writer *w = NULL;
	enum fox_status s = FOX_OK;
	if (!n || !n_datasets)
		return fox_fail(
		    err, FOX_E_ARG, FOX_NOWHERE, "an importance matrix without %s", n ? "datasets" : "entries");
	const struct fox_imatrix_sum **sorted = calloc(n, sizeof *sorted);
	if (!sorted)
		return fox_fail_nomem(err);
	for (size_t i = 0; i < n && !s; i++) {
		sorted[i] = &sums[i];
		s = check(&sums[i], err);
	}
	if (!s)
		qsort(sorted, n, sizeof *sorted, by_name);
	for (size_t i = 1; i < n && !s; i++)
		if (fox_str_eq(sorted[i - 1]->name, sorted[i]->name))
			s = fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "two entries '%.*s'", FOX_STR_ARG(sorted[i]->name));
	if (!s)
		s = fox_gguf_writer_open(&w, err);
	if (!s)
		s = put_keys(w, datasets, n_datasets, n_chunks, chunk_size, err);
	if (!s)
		s = write_all(w, path, replace, sorted, n, err);
	fox_gguf_writer_close(w);
	free(sorted);
	return s;
}
