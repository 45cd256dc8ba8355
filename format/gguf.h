/* gguf.h - the container: reading any GGUF v2/v3 of either byte order, writing v3 little-endian.
 * spec/container.md
 *
 * Parse once, completely, in open: afterwards nothing a getter returns can point outside the file, and
 * getters fail only with "absent" or "other type". Time is linear in keys and tensors. */
#ifndef FOX_GGUF_H
#define FOX_GGUF_H

#include "format/base/hash.h"
#include "format/type.h"

#define FOX_GGUF_ALIGN 32u              /* default of general.alignment */
#define FOX_GGUF_MAX_ALIGN 65536u       /* limits of ours: spec/container.md section 7 */
#define FOX_GGUF_MAX_STRING (16u << 20) /* bytes of one string */
#define FOX_GGUF_MAX_ITEMS (64u << 20)  /* elements of one array */
#define FOX_GGUF_MAX_KEYS (1u << 20)
#define FOX_GGUF_MAX_TENSORS (1u << 20)
#define FOX_GGUF_MAX_NAME 63u /* bytes of a tensor name: llama.cpp's GGML_MAX_NAME less the NUL */

/* Value types, numbered as in the file. */
enum fox_gguf_type {
	FOX_GGUF_U8 = 0,
	FOX_GGUF_I8 = 1,
	FOX_GGUF_U16 = 2,
	FOX_GGUF_I16 = 3,
	FOX_GGUF_U32 = 4,
	FOX_GGUF_I32 = 5,
	FOX_GGUF_F32 = 6,
	FOX_GGUF_BOOL = 7,
	FOX_GGUF_STR = 8,
	FOX_GGUF_ARR = 9,
	FOX_GGUF_U64 = 10,
	FOX_GGUF_I64 = 11,
	FOX_GGUF_F64 = 12,
	FOX_GGUF_TYPES = 13
};
const char *fox_gguf_type_name(enum fox_gguf_type t); /* "u32", "str", ... */
uint32_t fox_gguf_type_bytes(enum fox_gguf_type t);   /* 0 for str and arr */

/* One key. Scalars and array elements stay in file byte order: use the getters. Valid until close. */
struct fox_gguf_kv {
	struct fox_str key;
	enum fox_gguf_type type;
	enum fox_gguf_type
	    item;            /* of the elements when FOX_GGUF_ARR (never ARR: no nesting), else equal to type */
	uint64_t n_items;    /* elements when FOX_GGUF_ARR, else 1 */
	uint64_t at;         /* offset of the value's first byte (after type and count) */
	struct fox_span raw; /* the value's bytes as in the file; strings include their lengths */
};

struct fox_tensor {
	struct fox_str name;
	enum fox_type type;
	uint32_t n_dims; /* 1..4 */
	uint64_t dim[4]; /* dim[0] is contiguous (columns); 1 past n_dims */
	uint64_t n_elems;
	uint32_t part;                  /* the file that holds it, of fox_gguf_parts */
	uint64_t at;                    /* absolute offset of the data in that file */
	struct fox_span data;           /* in the map; never copied; file byte order */
	const struct fox_hash128 *hash; /* from fox.hash.tensors; NULL: no such key, or of another length */
};

struct fox_gguf; /* an open container: owns its map and arena */

/*
 * fox_gguf_open - map and check a container
 *
 * errors  FOX_E_IO
 *         FOX_E_FORMAT       breaks the format: magic, types, repeats, UTF-8, NUL, alignment, order of data
 *         FOX_E_BOUND        a length, count or size points outside or wraps, or exceeds a limit of ours
 *         FOX_E_TRUNCATED    tensor data ends past the file
 *         FOX_E_UNSUPPORTED  version, array of arrays, tensor type removed or unknown
 *         FOX_E_NOMEM
 *         *out is NULL then. Which is which, case by case: spec/container.md section 7.
 */
enum fox_status fox_gguf_open(struct fox_gguf **out, const char *path, struct fox_err *err) FOX_MUST_CHECK;
/*
 * fox_gguf_open_set - a model as tools take it: one file, or the first shard of a set, whose others are opened with it
 *
 * *out holds the keys of the first file and the tensors of all, in the order of split.no; fox_tensor.part says in which file
 * a tensor lies. spec/container.md 9
 *
 * errors  those of fox_gguf_open, in any of the files, which the error names; FOX_E_IO: a shard is not there; FOX_E_MISMATCH:
 *         shards that do not belong together; FOX_E_FORMAT: split.* keys that are not what they must be; FOX_E_ARG: path is
 *         a later shard of a set
 */
enum fox_status fox_gguf_open_set(struct fox_gguf **out, const char *path, struct fox_err *err) FOX_MUST_CHECK;
/* The files of a model: 1 unless fox_gguf_open_set opened a set. Part i < parts is that file alone, with its own header, keys,
 * tensors and bytes; it is g's, and closed with it. Of a set as a whole, header, bytes, path and file are those of its
 * first file. */
size_t fox_gguf_parts(const struct fox_gguf *g);
const struct fox_gguf *fox_gguf_part(const struct fox_gguf *g, size_t i);
/* For who takes the bytes of the files as they lie there: FOX_E_MISMATCH when one of them has a header that was left half
 * changed (fox_gguf_header.interrupted). */
enum fox_status fox_gguf_settled(const struct fox_gguf *g, struct fox_err *err) FOX_MUST_CHECK;
/* The same over bytes that the caller keeps alive (fuzzing, tests). path is for messages. */
enum fox_status fox_gguf_open_bytes(
    struct fox_gguf **out, struct fox_span bytes, const char *path, struct fox_err *err) FOX_MUST_CHECK;
void fox_gguf_close(struct fox_gguf *g); /* NULL is fine */
/* Does a file begin like a container, of any version or byte order? Nothing else is looked at. FOX_E_IO. */
enum fox_status fox_gguf_is(bool *yes, const char *path, struct fox_err *err) FOX_MUST_CHECK;

struct fox_gguf_header {
	uint32_t version;
	bool big_endian;
	uint32_t alignment;
	uint64_t header_end; /* end of the tensor table; padding up to data_at follows */
	uint64_t data_at;    /* offset of the data section; without tensors at most file_bytes */
	uint64_t data_end;   /* end of the last tensor's data, padding excluded */
	uint64_t file_bytes;
	uint64_t trailing;    /* bytes past the padded end of the last tensor: 0 in a strict file */
	bool padding_nonzero; /* some padding byte, after the header or after a tensor, is not 0 */
	bool interrupted;     /* changing the header in place was cut short: keys are those of the journal beside it */
};
const struct fox_gguf_header *fox_gguf_header(const struct fox_gguf *g);
struct fox_span fox_gguf_bytes(const struct fox_gguf *g); /* the whole file */
/* Part of the file has been read and will not be soon: its pages may leave memory, so that walking a 70 GB model does not
 * make it resident. Contents stay readable; nothing happens where the caller lent the bytes. */
void fox_gguf_done_with(const struct fox_gguf *g, struct fox_span part);
const char *fox_gguf_path(const struct fox_gguf *g);
struct fox_file;
const struct fox_file *fox_gguf_file(const struct fox_gguf *g); /* open, and g's; NULL where the caller lent the bytes */

size_t fox_gguf_keys(const struct fox_gguf *g);
const struct fox_gguf_kv *fox_gguf_key(const struct fox_gguf *g, size_t i);             /* i < keys */
const struct fox_gguf_kv *fox_gguf_find_key(const struct fox_gguf *g, const char *key); /* NULL: absent */
size_t fox_gguf_tensors(const struct fox_gguf *g);
const struct fox_tensor *fox_gguf_tensor(const struct fox_gguf *g, size_t i);          /* i < tensors */
const struct fox_tensor *fox_gguf_find(const struct fox_gguf *g, struct fox_str name); /* NULL: absent */

/* Typed getters over a key found by name. Absent: FOX_E_FORMAT "no key 'x'"; other type: FOX_E_FORMAT naming
 * both. u32/u64/f32/f64 accept every integer (or float) type whose value fits exactly. */
enum fox_status fox_gguf_u32(
    const struct fox_gguf *g, const char *key, uint32_t *out, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_gguf_u64(
    const struct fox_gguf *g, const char *key, uint64_t *out, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_gguf_f32(
    const struct fox_gguf *g, const char *key, float *out, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_gguf_bool(
    const struct fox_gguf *g, const char *key, bool *out, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_gguf_str(
    const struct fox_gguf *g, const char *key, struct fox_str *out, struct fox_err *err) FOX_MUST_CHECK;

/* Elements of a key (scalars count as one element). i < n_items. Integers of any width; false when not of
 * that kind. */
bool fox_gguf_item_i64(const struct fox_gguf *g, const struct fox_gguf_kv *kv, uint64_t i, int64_t *out);
bool fox_gguf_item_u64(const struct fox_gguf *g, const struct fox_gguf_kv *kv, uint64_t i, uint64_t *out);
bool fox_gguf_item_f64(const struct fox_gguf *g, const struct fox_gguf_kv *kv, uint64_t i, double *out);
bool fox_gguf_item_bool(const struct fox_gguf *g, const struct fox_gguf_kv *kv, uint64_t i, bool *out);
/* Strings vary in length, so they are walked: *cursor starts at 0 and moves to the next; false at the end. */
bool fox_gguf_next_str(
    const struct fox_gguf *g, const struct fox_gguf_kv *kv, uint64_t *cursor, struct fox_str *out);

/*
 * The writer - two steps: declare all keys and tensors, freeze (offsets become known, the header is laid out), create the
 * file at its full size, then write tensor data at positions, from any thread, in any order; finish hashes the header and
 * commits.
 *
 * Keys are written in the order of declaration, except that fox.* come last: hashes, then fox.pad. An alignment is asked
 * for by putting general.alignment as a u32 (a power of two, 8 to 65536); 32 is the default and never written. The writer
 * itself adds every fox.hash.* key and fox.pad, which nobody else may put, and fox.profile and fox.version unless they
 * were put (spec/container.md 4). Strings and arrays past the reader's limits are FOX_E_BOUND.
 */
struct fox_gguf_writer;
enum fox_status fox_gguf_writer_open(struct fox_gguf_writer **out, struct fox_err *err) FOX_MUST_CHECK;
void fox_gguf_writer_close(struct fox_gguf_writer *w); /* NULL is fine; aborts what is not finished */

/* Each key once: FOX_E_ARG on a repeat or an ill-formed key. Strings are copied. */
enum fox_status fox_gguf_put_u16(
    struct fox_gguf_writer *w, const char *key, uint16_t v, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_gguf_put_u32(
    struct fox_gguf_writer *w, const char *key, uint32_t v, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_gguf_put_u64(
    struct fox_gguf_writer *w, const char *key, uint64_t v, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_gguf_put_i32(
    struct fox_gguf_writer *w, const char *key, int32_t v, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_gguf_put_f32(
    struct fox_gguf_writer *w, const char *key, float v, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_gguf_put_bool(
    struct fox_gguf_writer *w, const char *key, bool v, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_gguf_put_str(
    struct fox_gguf_writer *w, const char *key, struct fox_str v, struct fox_err *err) FOX_MUST_CHECK;
/* n fixed-size little-endian elements (native arrays on this machine): item is a number type or bool. */
enum fox_status fox_gguf_put_array(struct fox_gguf_writer *w, const char *key, enum fox_gguf_type item,
    const void *items, uint64_t n, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_gguf_put_strings(struct fox_gguf_writer *w, const char *key, const struct fox_str *items,
    uint64_t n, struct fox_err *err) FOX_MUST_CHECK;
/* A key as it stands in another container (bytes swapped where its order differs). */
enum fox_status fox_gguf_put_copy(struct fox_gguf_writer *w, const struct fox_gguf *from,
    const struct fox_gguf_kv *kv, struct fox_err *err) FOX_MUST_CHECK;
/* Replace the value of a string key already declared, by one of the same length, before finish (SHA-256 of
 * sources, known only after the copying). FOX_E_ARG otherwise. i: element of an array of strings. */
enum fox_status fox_gguf_patch_str(struct fox_gguf_writer *w, const char *key, uint64_t i, struct fox_str v,
    struct fox_err *err) FOX_MUST_CHECK;

/* Declare a tensor; its index counts from 0 in order of declaration, which is also the order of data. */
enum fox_status fox_gguf_put_tensor(struct fox_gguf_writer *w, struct fox_str name, enum fox_type type,
    uint32_t n_dims, const uint64_t *dim, struct fox_err *err) FOX_MUST_CHECK;

/* The same into a header of just so many bytes, a multiple of 4096, that exists already: fox.pad takes what is left, 1 element
 * at least. *fits false: it has no room; nothing is laid out then, and fox_gguf_freeze may follow. */
enum fox_status fox_gguf_freeze_at(
    struct fox_gguf_writer *w, uint64_t header_bytes, bool *fits, struct fox_err *err) FOX_MUST_CHECK;
/* The hashes of a frozen header whose tensors have theirs (fox_gguf_set_hash): fox_gguf_writer_head is then all of it. For
 * files whose data is there already; nothing can follow but close. FOX_E_ARG: a tensor without hash. */
enum fox_status fox_gguf_seal(struct fox_gguf_writer *w, struct fox_err *err) FOX_MUST_CHECK;
/* Lay out header and data; no file is touched. After it: sizes below are valid, no more declarations. */
enum fox_status fox_gguf_freeze(struct fox_gguf_writer *w, struct fox_err *err) FOX_MUST_CHECK;
uint64_t fox_gguf_writer_bytes(const struct fox_gguf_writer *w);        /* whole file */
uint64_t fox_gguf_writer_header_bytes(const struct fox_gguf_writer *w); /* up to the data section */
uint64_t fox_gguf_writer_tensor_at(const struct fox_gguf_writer *w, size_t tensor); /* absolute offset */
uint64_t fox_gguf_writer_tensor_bytes(const struct fox_gguf_writer *w, size_t tensor);

struct fox_out;
/* Create the (temporary) file and reserve its size. */
enum fox_status fox_gguf_create(
    struct fox_gguf_writer *w, const char *path, bool replace, struct fox_err *err) FOX_MUST_CHECK;
/* The same as PATH.part, which stays behind when the work fails and is taken up again: fox_out_open_part. */
enum fox_status fox_gguf_create_part(
    struct fox_gguf_writer *w, const char *path, bool replace, bool *had, struct fox_err *err) FOX_MUST_CHECK;
/* A tensor's data is in the file from an earlier run, with this hash. */
void fox_gguf_adopt(struct fox_gguf_writer *w, size_t tensor, struct fox_hash128 hash);
/* The header as it will be, but for the hashes: zeros. Frozen and not finished. */
struct fox_span fox_gguf_writer_head(const struct fox_gguf_writer *w);
struct fox_out *fox_gguf_writer_out(
    struct fox_gguf_writer *w); /* to compare with inputs; NULL before create */
/* n bytes of a tensor's data at `at` within it. Thread-safe for distinct ranges. FOX_E_BOUND outside the
 * tensor. */
enum fox_status fox_gguf_write_data(struct fox_gguf_writer *w, size_t tensor, uint64_t at, const void *p,
    size_t n, struct fox_err *err) FOX_MUST_CHECK;
/* The same, of bytes that stand in an open file from from_at on: the kernel copies them where it can. FOX_E_TRUNCATED when
 * that file ends before. */
enum fox_status fox_gguf_copy_data(struct fox_gguf_writer *w, size_t tensor, uint64_t at, const struct fox_file *from,
    uint64_t from_at, uint64_t n, struct fox_err *err) FOX_MUST_CHECK;
/* The XXH3-128 of a tensor's whole data, computed by whoever streams it. Thread-safe for distinct tensors. */
void fox_gguf_set_hash(struct fox_gguf_writer *w, size_t tensor, struct fox_hash128 hash);
/* Write padding and header with all hashes, read the header back, fsync, rename. FOX_E_ARG when a tensor has no hash or fewer bytes than its
 * size were written to it: the file is still open then. */
enum fox_status fox_gguf_finish(struct fox_gguf_writer *w, struct fox_err *err) FOX_MUST_CHECK;
/* The root hash as written: zeros before finish. */
struct fox_hash128 fox_gguf_writer_root(const struct fox_gguf_writer *w);
/* The root hash that the file would have: after freeze, when every tensor has its hash; no file is needed. */
enum fox_status fox_gguf_writer_foresee(
    struct fox_gguf_writer *w, struct fox_hash128 *root, struct fox_err *err) FOX_MUST_CHECK;

#endif
