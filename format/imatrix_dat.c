/* imatrix_dat.c - the older form of importance matrices, .dat. See imatrix.h; spec/imatrix.md 2. */
#include <math.h>

#include "format/base/num.h"
#include "format/imatrix_in.h"

/* n_entries, then each (bytes of name, name, calls, n_values, f32 sums of means), then (calls, bytes, text); i32 */

struct reader {
	struct fox_span in;
	size_t at;
};

static enum fox_status need(const struct reader *r, uint64_t n, const char *what, struct fox_err *err)
{
	if (n <= r->in.n - r->at)
		return FOX_OK;
	return fox_fail(
	    err, FOX_E_TRUNCATED, r->at, "%s of %llu bytes ends past the file", what, (unsigned long long)n);
}

/* An i32 within [low, high]. */
static enum fox_status number(
    struct reader *r, int64_t low, int64_t high, const char *what, uint64_t *out, struct fox_err *err)
{
	enum fox_status s = need(r, 4, what, err);
	if (s)
		return s;
	int32_t v = (int32_t)fox_load32(r->in.p + r->at);
	if (v < low || v > high)
		return fox_fail(err, FOX_E_BOUND, r->at, "%s is %d; there may be %lld to %lld", what, v,
		    (long long)low, (long long)high);
	r->at += 4;
	*out = (uint64_t)v;
	return FOX_OK;
}

static enum fox_status dat_name(
    struct imatrix_own *o, struct reader *r, struct fox_str *out, struct fox_err *err)
{
	uint64_t n = 0;
	enum fox_status s = number(r, 1, FOX_IMATRIX_MAX_NAME, "the length of a name", &n, err);
	if (!s)
		s = need(r, n, "a name", err);
	if (s)
		return s;
	*out = (struct fox_str){(const char *)r->in.p + r->at, (size_t)n};
	s = imatrix_check_name(*out, r->at, err);
	r->at += (size_t)n;
	return s || imatrix_keep(o, out) ? s : fox_fail_nomem(err);
}

static enum fox_status dat_entry(
    struct imatrix_own *o, struct reader *r, struct fox_imatrix_entry *e, struct fox_err *err)
{
	enum fox_status s = dat_name(o, r, &e->name, err);
	if (!s)
		s = number(r, 0, INT32_MAX, "the number of evaluations", &e->calls, err);
	if (!s)
		s = number(r, 1, INT32_MAX, "the number of values", &e->n_values, err);
	if (!s)
		s = need(r, 4 * e->n_values, "the data", err);
	float *means = s ? NULL : fox_arena_alloc(&o->arena, (size_t)e->n_values, sizeof *means);
	if (!s && !means)
		return fox_fail_nomem(err);
	for (uint64_t i = 0; i < e->n_values && !s; i++, r->at += 4) {
		float v = fox_load_f32(r->in.p + r->at);
		if (!(v >= 0) || isinf(v))
			s = imatrix_bad_value(e->name, i, v, r->at, err);
		else /* without a call the sums stand as they are. source: quantize.cpp load_imatrix */
			means[i] = e->calls ? v / (float)e->calls : v;
	}
	e->means = means;
	if (s && e->name.n)
		fox_in(err, "in the entry '%.*s'", FOX_STR_ARG(e->name));
	return s;
}

static enum fox_status dat_end(struct fox_imatrix *im, struct reader *r, struct fox_err *err)
{
	struct imatrix_own *o = imatrix_own(im);
	uint64_t n = 0;
	if (r->at == r->in.n)
		return FOX_OK; /* the oldest files end here */
	enum fox_status s = number(r, 0, INT32_MAX, "the number of chunks", &im->n_chunks, err);
	if (!s)
		s = number(r, 0, INT32_MAX, "the length of the dataset's name", &n, err);
	if (!s)
		s = need(r, n, "the dataset's name", err);
	if (s)
		return s;
	struct fox_str *name = fox_arena_alloc(&o->arena, 1, sizeof *name);
	if (!name)
		return fox_fail_nomem(err);
	*name = (struct fox_str){(const char *)r->in.p + r->at, (size_t)n};
	r->at += (size_t)n;
	if (n && fox_utf8_bad(*name) != name->n)
		return fox_fail(err, FOX_E_FORMAT, r->at - (size_t)n, "the dataset's name is not UTF-8");
	if (r->at != r->in.n)
		return fox_fail(
		    err, FOX_E_FORMAT, r->at, "%llu bytes behind the end", (unsigned long long)(r->in.n - r->at));
	im->datasets = name;
	im->n_datasets = n != 0;
	return imatrix_keep(o, name) ? FOX_OK : fox_fail_nomem(err);
}

enum fox_status imatrix_read_dat(struct fox_imatrix *im, struct fox_span bytes, struct fox_err *err)
{
	struct imatrix_own *o = imatrix_own(im);
	struct reader r = {bytes, 0};
	uint64_t n = 0;
	im->legacy = true;
	if (bytes.n < 4 || !fox_load32(bytes.p))
		return fox_fail(
		    err, FOX_E_FORMAT, FOX_NOWHERE, "no importance matrix: neither GGUF nor a .dat with entries");
	enum fox_status s =
	    number(&r, 1, FOX_IMATRIX_MAX_ENTRIES, "no importance matrix: the number of entries", &n, err);
	if (!s)
		s = need(&r, 13 * n, "the least data of the entries", err); /* before memory is asked for */
	im->entries = s ? NULL : fox_arena_alloc(&o->arena, (size_t)n, sizeof *im->entries);
	if (!s && !im->entries)
		return fox_fail_nomem(err);
	for (uint64_t i = 0; i < n && !s; i++)
		s = dat_entry(o, &r, &im->entries[im->n_entries++], err);
	return s ? s : dat_end(im, &r, err);
}
