/* reference.c - the same three arrays out of two kinds of file. */
#include "inspect/reference.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "format/base/num.h"
#include "format/npy.h"
#include "format/source.h"
#include "format/zip.h"

enum { MAX_POSITIONS = 1 << 24 };

/* Bytes of an array, twice over with its f32 copy, must fit this machine: a small zip may claim a thousand times its
 * size. */
static enum fox_status take_memory(uint8_t **out, uint64_t bytes, struct fox_err *err)
{
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
	uint64_t most = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page / 2 : SIZE_MAX / 2;
	*out = bytes <= most ? malloc((size_t)bytes + 1) : NULL;
	if (*out)
		return FOX_OK;
	return fox_fail(
	    err, FOX_E_NOMEM, FOX_NOWHERE, "no memory for an array of %llu bytes", (unsigned long long)bytes);
}

/* An array of either file, still in its bytes. Empty when the file has none of that name. */
struct array {
	struct fox_npy a;
	uint8_t *bytes; /* owned */
};

struct arrays {
	struct array ids, logits, hidden;
};

static const char *const names[3] = {"input_ids", "logits", "hidden_states"};

static struct array *array_at(struct arrays *a, int i)
{
	return i == 0 ? &a->ids : i == 1 ? &a->logits : &a->hidden;
}

static enum fox_status read_npz_member(
    struct array *out, const struct fox_zip *z, const char *name, struct fox_err *err)
{
	char file[64];
	struct fox_buf key = {0};
	fox_buf_fmt(&key, "%s.npy", name);
	if (key.failed || key.n >= sizeof file) {
		fox_buf_free(&key);
		return fox_fail_nomem(err);
	}
	memcpy(file, key.p, key.n + 1);
	fox_buf_free(&key);
	const struct fox_zip_member *m = fox_zip_find(z, fox_str_of(file));
	if (!m)
		return FOX_OK;
	enum fox_status s = take_memory(&out->bytes, m->bytes, err);
	if (!s)
		s = fox_zip_read(z, m, out->bytes, err);
	if (!s)
		s = fox_npy_parse(&out->a, (struct fox_span){out->bytes, (size_t)m->bytes}, err);
	fox_in(err, "in member '%s'", file);
	return s;
}

static enum fox_status read_npz(struct arrays *out, const char *path, struct fox_err *err)
{
	struct fox_file f = {0};
	struct fox_zip *z = NULL;
	enum fox_status s = fox_file_open(&f, path, err);
	if (s)
		return s;
	s = fox_zip_open(&z, &f, err);
	for (int i = 0; i < 3 && !s; i++)
		s = read_npz_member(array_at(out, i), z, names[i], err);
	fox_zip_close(z);
	fox_file_close(&f);
	return s;
}

static enum fox_status read_st_tensor(
    struct array *out, const struct fox_source *src, const struct fox_src_tensor *t, struct fox_err *err)
{
	struct fox_npy *a = &out->a;
	switch (t->dtype) {
	case FOX_DT_F32:
		a->kind = FOX_NPY_F32;
		break;
	case FOX_DT_F64:
		a->kind = FOX_NPY_F64;
		break;
	case FOX_DT_I32:
		a->kind = FOX_NPY_I32;
		break;
	case FOX_DT_I64:
		a->kind = FOX_NPY_I64;
		break;
	default:
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "tensor '%.*s' is %s, want F32, F64, I32 or I64",
		    FOX_STR_ARG(t->name), fox_dtypes[t->dtype].name);
	}
	a->item_bytes = fox_dtypes[t->dtype].bits / 8;
	a->n_dims = t->n_dims;
	memcpy(a->dim, t->shape, sizeof a->dim);
	a->n_items = t->n_elems;
	enum fox_status s = take_memory(&out->bytes, t->bytes, err);
	if (s)
		return fox_in(err, "in tensor '%.*s'", FOX_STR_ARG(t->name)), s;
	a->data = (struct fox_span){out->bytes, (size_t)t->bytes};
	return fox_source_read(src, t, 0, out->bytes, (size_t)t->bytes, err);
}

static enum fox_status read_safetensors(struct arrays *out, const char *path, struct fox_err *err)
{
	struct fox_source *src;
	enum fox_status s = fox_source_open(&src, path, true, err);
	for (int i = 0; i < 3 && !s; i++) {
		const struct fox_src_tensor *t = fox_source_find(src, fox_str_of(names[i]));
		if (t)
			s = read_st_tensor(array_at(out, i), src, t, err);
	}
	fox_source_close(src);
	return s;
}

/* One leading dimension of 1 (a batch of one) is dropped. */
static enum fox_status squeeze(struct array *x, const char *name, uint32_t want, struct fox_err *err)
{
	struct fox_npy *a = &x->a;
	if (!x->bytes)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "no array '%s'", name);
	if (a->n_dims == want + 1 && a->dim[0] == 1) {
		a->n_dims--;
		memmove(a->dim, a->dim + 1, sizeof a->dim - sizeof a->dim[0]);
	}
	if (a->n_dims != want)
		return fox_fail(
		    err, FOX_E_MISMATCH, FOX_NOWHERE, "'%s' has %u dimensions, want %u", name, a->n_dims, want);
	return FOX_OK;
}

static enum fox_status take_ids(struct fox_reference *r, const struct fox_npy *a, struct fox_err *err)
{
	if (a->kind != FOX_NPY_I32 && a->kind != FOX_NPY_I64)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "'input_ids' are not integers");
	r->n = a->dim[0];
	if (!r->n || r->n > MAX_POSITIONS)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "'input_ids' has %llu elements, want 1 to %u",
		    (unsigned long long)r->n, MAX_POSITIONS);
	r->ids = malloc((size_t)r->n * sizeof *r->ids);
	if (!r->ids)
		return fox_fail_nomem(err);
	for (uint64_t i = 0; i < r->n; i++) {
		int64_t id = fox_npy_i64(a, i);
		if (id < 0 || id > INT32_MAX)
			return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'input_ids[%llu]' is %lld",
			    (unsigned long long)i, (long long)id);
		r->ids[i] = (int32_t)id;
	}
	return FOX_OK;
}

static enum fox_status take_floats(
    float **out, const struct fox_npy *a, const char *name, struct fox_err *err)
{
	uint64_t bytes;
	if (a->kind != FOX_NPY_F32 && a->kind != FOX_NPY_F64)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "'%s' are not floats", name);
	if (!fox_mul(&bytes, a->n_items, sizeof(float)) || bytes > SIZE_MAX ||
	    !(*out = malloc((size_t)bytes + 1)))
		return fox_fail_nomem(err);
	for (uint64_t i = 0; i < a->n_items; i++) {
		(*out)[i] = (float)fox_npy_f64(a, i);
		if (!isfinite((*out)[i]))
			return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'%s' holds NaN or Inf at element %llu", name,
			    (unsigned long long)i);
	}
	return FOX_OK;
}

static enum fox_status take(struct fox_reference *r, struct arrays *x, struct fox_err *err)
{
	enum fox_status s;
	if ((s = squeeze(&x->ids, names[0], 1, err)) || (s = squeeze(&x->logits, names[1], 2, err)) ||
	    (s = take_ids(r, &x->ids.a, err)))
		return s;
	r->n_vocab = x->logits.a.dim[1];
	if (x->logits.a.dim[0] != r->n || !r->n_vocab)
		return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE, "'logits' is [%llu][%llu] for %llu ids",
		    (unsigned long long)x->logits.a.dim[0], (unsigned long long)r->n_vocab, (unsigned long long)r->n);
	if ((s = take_floats(&r->logits, &x->logits.a, names[1], err)))
		return s;
	if (!x->hidden.bytes)
		return FOX_OK;
	if ((s = squeeze(&x->hidden, names[2], 3, err)))
		return s;
	const uint64_t *dim = x->hidden.a.dim;
	if (!dim[0] || !dim[2] || dim[1] != r->n)
		return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
		    "'hidden_states' is [%llu][%llu][%llu] for %llu ids", (unsigned long long)dim[0],
		    (unsigned long long)dim[1], (unsigned long long)dim[2], (unsigned long long)r->n);
	r->n_layers = dim[0];
	r->d_model = dim[2];
	return take_floats(&r->hidden, &x->hidden.a, names[2], err);
}

enum fox_status fox_reference_open(struct fox_reference *out, const char *path, struct fox_err *err)
{
	struct arrays x = {0};
	enum fox_status s;
	*out = (struct fox_reference){0};
	if (fox_str_ends(fox_str_of(path), ".npz"))
		s = read_npz(&x, path, err);
	else if (fox_str_ends(fox_str_of(path), ".safetensors"))
		s = read_safetensors(&x, path, err);
	else
		s = fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "reference is neither .npz nor .safetensors");
	if (!s)
		s = take(out, &x, err);
	for (int i = 0; i < 3; i++)
		free(array_at(&x, i)->bytes);
	if (s) {
		fox_reference_close(out);
		return fox_in_file(err, path), s;
	}
	return FOX_OK;
}

void fox_reference_close(struct fox_reference *r)
{
	free(r->ids);
	free(r->logits);
	free(r->hidden);
	*r = (struct fox_reference){0};
}
