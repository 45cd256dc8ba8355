/* pickle_make.h - pickles and archives of PyTorch for tests, put together by hand so that every part can lie. */
#ifndef FOX_PICKLE_MAKE_H
#define FOX_PICKLE_MAKE_H

#include "tests/npz_make.h"

#define PK_BYTES(b, text) fox_buf_add(b, text, sizeof(text) - 1) /* opcodes as they stand */

static inline void pk_str(struct fox_buf *b, const char *s)
{
	fox_buf_char(b, 'X');
	npz_u32(b, strlen(s));
	fox_buf_str(b, s);
}

/* LONG1 of 8 bytes: any integer. */
static inline void pk_int(struct fox_buf *b, int64_t v)
{
	uint8_t p[8];
	fox_store64(p, (uint64_t)v);
	PK_BYTES(b, "\x8a\x08");
	fox_buf_add(b, p, 8);
}

static inline void pk_dims(struct fox_buf *b, size_t n, const int64_t *dims)
{
	fox_buf_char(b, '(');
	for (size_t i = 0; i < n; i++)
		pk_int(b, dims[i]);
	fox_buf_char(b, 't');
}

/* One view of a storage, as torch.save writes it. */
struct pk_view {
	const char *key, *type; /* "0", "FloatStorage" */
	int64_t count, first;   /* elements of the storage; offset */
	size_t n_dims;
	int64_t size[10], stride[10];
};

static inline void pk_storage(struct fox_buf *b, const struct pk_view *v)
{
	fox_buf_char(b, '(');
	pk_str(b, "storage");
	fox_buf_fmt(b, "ctorch\n%s\n", v->type);
	pk_str(b, v->key);
	pk_str(b, "cpu");
	pk_int(b, v->count);
	PK_BYTES(b, "tQ");
}

static inline void pk_tensor(struct fox_buf *b, const struct pk_view *v)
{
	fox_buf_str(b, "ctorch._utils\n_rebuild_tensor_v2\n(");
	pk_storage(b, v);
	pk_int(b, v->first);
	pk_dims(b, v->n_dims, v->size);
	pk_dims(b, v->n_dims, v->stride);
	fox_buf_str(b, "\x89"
	               "ccollections\nOrderedDict\n)RtR");
}

/* PROTO 2, a dict with one tensor of this name, STOP. */
static inline void pk_state(struct fox_buf *b, const char *name, const struct pk_view *v)
{
	PK_BYTES(b, "\x80\x02}");
	pk_str(b, name);
	pk_tensor(b, v);
	PK_BYTES(b, "s.");
}

/* An archive with this pickle and, when bytes is not NULL, data/0. */
static inline void pk_archive(struct npz *z, const struct fox_buf *pickle, const void *bytes, size_t n)
{
	npz_member(z, "m/data.pkl", pickle->p, pickle->n);
	if (bytes)
		npz_member(z, "m/data/0", bytes, n);
	npz_member(z, "m/version", "3\n", 2);
}

#endif
