/* gguf_writer.h - the writer's state, shared by gguf_put.c (declaring) and gguf_write.c (laying out and
 * writing).
 *
 * Private to those two. */
#ifndef FOX_GGUF_WRITER_H
#define FOX_GGUF_WRITER_H

#include <stdatomic.h>

#include "format/base/map.h"
#include "format/base/num.h"
#include "format/gguf.h"

#define FOX_WRITER_OWN_KEYS 5u /* fox.hash.{layout,root,set,tensors} and fox.pad */
#define FOX_WRITER_HEAD 24u    /* bytes before the first key */

enum fox_writer_stage { FOX_WRITER_DECLARING, FOX_WRITER_FROZEN, FOX_WRITER_CREATED, FOX_WRITER_FINISHED };

/* A key declared: where its value stands, for patching. */
struct fox_put {
	struct fox_str key;
	bool fox; /* in w->fox, which follows w->plain in the file */
	enum fox_gguf_type type, item;
	uint64_t n;
	size_t at; /* of the value, in its buffer */
};

struct fox_put_tensor {
	struct fox_str name;
	enum fox_type type;
	uint32_t n_dims;
	uint64_t dim[4];
	uint64_t at; /* relative to the data section; absolute once frozen */
	uint64_t bytes;
	_Atomic uint64_t written; /* to notice data that nobody wrote */
	struct fox_hash128 hash;
	bool hashed;
};

/* A map that grows: fox_map has a fixed size, and the number of declarations is not known beforehand. */
struct fox_names {
	struct fox_map map;
	size_t cap;
};

struct fox_gguf_writer {
	struct fox_arena arena;
	struct fox_buf plain, fox;         /* encoded keys; empty once frozen */
	struct fox_buf head;               /* the header, once frozen */
	size_t fox_base;                   /* where w->fox begins in head; w->plain begins at 24 */
	size_t root_at, set_at, hashes_at; /* values in head */
	struct fox_put *puts;
	size_t n_puts, cap_puts;
	struct fox_put_tensor *tensors;
	size_t n_tensors, cap_tensors;
	struct fox_names keys, names;
	uint64_t data_bytes; /* padded */
	uint32_t align;
	bool align_put;
	enum fox_writer_stage stage;
	struct fox_out *out;
};

/* Little-endian encoding into a buffer. */
static inline void fox_writer_u32(struct fox_buf *b, uint32_t v)
{
	uint8_t p[4];
	fox_store32(p, v);
	fox_buf_add(b, p, sizeof p);
}

static inline void fox_writer_u64(struct fox_buf *b, uint64_t v)
{
	uint8_t p[8];
	fox_store64(p, v);
	fox_buf_add(b, p, sizeof p);
}

static inline void fox_writer_str(struct fox_buf *b, struct fox_str s)
{
	fox_writer_u64(b, s.n);
	fox_buf_add(b, s.p, s.n);
}

#endif
