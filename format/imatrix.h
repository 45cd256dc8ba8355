/* imatrix.h - importance matrices: for each weight matrix and column, the mean square of the activations that met it.
 *
 * Read from both files that llama-imatrix writes (GGUF, and the older .dat), written as GGUF. All bytes are checked when
 * opened: sizes, names, and that no value is negative, infinite or NaN.  spec/imatrix.md
 * source: llama.cpp tools/imatrix/imatrix.cpp save_imatrix, common/imatrix-loader.cpp, tools/quantize/quantize.cpp
 * load_imatrix and prepare_imatrix */
#ifndef FOX_IMATRIX_H
#define FOX_IMATRIX_H

#include "format/gguf.h"

#define FOX_IMATRIX_MAX_NAME 256u /* bytes of a tensor's name in .dat */
#define FOX_IMATRIX_MAX_ENTRIES (1u << 20)

/* One weight matrix, or one stack of experts' matrices. Memory is the imatrix's. */
struct fox_imatrix_entry {
	struct fox_str name; /* of the weight tensor: "blk.0.ffn_down.weight" */
	const float *
	    means; /* [n_values], matrix by matrix; the numbers that llama-quantize computes from the same file */
	uint64_t n_values; /* n_mats * columns */
	uint64_t n_mats;   /* 0: not in the file (.dat), any divisor of n_values */
	uint64_t
	    n_unseen; /* matrices that no token met: their means are all 1, as llama-quantize has it. .dat: 0 */
	const float *counts; /* [n_mats] rows (tokens) summed; NULL for .dat */
	uint64_t calls;      /* .dat: evaluations; 0 in GGUF */
	bool left_out;       /* by fox_imatrix_filter: not found any more */
	bool used;           /* fox_imatrix_for has returned it */
};

struct fox_imatrix {
	struct fox_imatrix_entry *entries; /* sorted by name (bytes) */
	size_t n_entries;
	size_t n_kept;                  /* entries that are not left out */
	const struct fox_str *datasets; /* texts it was made from, as the file names them */
	size_t n_datasets;
	uint64_t n_chunks;        /* 0: not said */
	uint64_t chunk_size;      /* tokens; 0: not said (.dat) */
	bool legacy;              /* .dat */
	struct fox_sha256 sha256; /* of the file */
	const char *path;         /* as opened */
	void *own;                /* private */
};

/*
 * fox_imatrix_open - read a file whole; GGUF by its magic, else .dat
 *
 * errors  FOX_E_IO, FOX_E_NOMEM
 *         FOX_E_FORMAT     no importance matrix (a model's GGUF, no entries); sums without counts or the reverse, of
 *                          another type than f32, or of sizes that do not divide; an entry twice; a value that is
 *                          negative, NaN or infinite (naming tensor and index); a name that is empty, holds NUL or is
 *                          not UTF-8
 *         FOX_E_BOUND      .dat: a count or length that is negative or past our limits; GGUF: a count over 2^53
 *         FOX_E_TRUNCATED  .dat: ends within an entry
 *                          (bytes behind the end of a .dat are FOX_E_FORMAT)
 *         and those of fox_gguf_open; *out is NULL then
 */
enum fox_status fox_imatrix_open(
    struct fox_imatrix **out, const char *path, struct fox_err *err) FOX_MUST_CHECK;
/* The same over bytes that need not outlive the call. path is for messages, and copied. */
enum fox_status fox_imatrix_open_bytes(
    struct fox_imatrix **out, struct fox_span bytes, const char *path, struct fox_err *err) FOX_MUST_CHECK;
void fox_imatrix_close(struct fox_imatrix *im); /* NULL is fine */

/*
 * fox_imatrix_filter - leave entries out by name (--include-weights, --exclude-weights)
 *
 * parts    texts found anywhere in a name; include true: entries with none of them are left out, false: those with
 *          any
 * errors   FOX_E_ARG: a part that is found in no entry of the file, named
 */
enum fox_status fox_imatrix_filter(struct fox_imatrix *im, bool include, const struct fox_str *parts,
    size_t n, struct fox_err *err) FOX_MUST_CHECK;

/* The entry of a tensor; NULL: none, or left out. Any thread. */
const struct fox_imatrix_entry *fox_imatrix_find(const struct fox_imatrix *im, struct fox_str name);

/*
 * fox_imatrix_for - the importance of a tensor that is about to be quantized, and a mark that its entry is used
 *
 * out     [n_mats][cols], valid until close; NULL when the file has nothing for it (which is not an error: say so)
 * cols    dim[0]; n_mats: dim[2], the number of experts (1 for a plain matrix). A file with one count for all matrices fits
 *         any number of them
 * errors  FOX_E_MISMATCH: an entry of another size, naming both: the file was made with another model. Of the token
 *         embeddings such an entry is passed over, as llama-quantize does: a tied output matrix is recorded under that
 *         name by some versions.
 * threads one at a time
 */
enum fox_status fox_imatrix_for(struct fox_imatrix *im, const float **out, struct fox_str name, uint64_t cols,
    uint64_t n_mats, struct fox_err *err) FOX_MUST_CHECK;

/* Entries kept that fox_imatrix_for has not returned: i counts from 0; NULL: no more. One thread at a time; linear when i
 * rises. */
const struct fox_imatrix_entry *fox_imatrix_unused(const struct fox_imatrix *im, size_t i);
/* FOX_E_MISMATCH when tensors were asked for and not one had an entry: a file for another model. FOX_OK otherwise. */
enum fox_status fox_imatrix_covers_some(const struct fox_imatrix *im, struct fox_err *err) FOX_MUST_CHECK;

/* Declare the keys that llama-quantize writes about an importance matrix: quantize.imatrix.{file,dataset,entries_count,
 * chunks_count}; and fox.imatrix.{sha256,datasets}. The file's name is written without its folder. */
enum fox_status fox_imatrix_put_keys(
    const struct fox_imatrix *im, struct fox_gguf_writer *w, struct fox_err *err) FOX_MUST_CHECK;

/* ---- writing */

struct fox_imatrix_sum {
	struct fox_str name; /* of the weight tensor; at most FOX_GGUF_MAX_NAME - 8 bytes */
	uint64_t cols, n_mats;
	const float *sums;   /* [n_mats][cols] sums of squares over rows */
	const float *counts; /* [n_mats] rows (tokens) summed, whole numbers */
};

/*
 * fox_imatrix_write - write the GGUF form
 *
 * sums        any order; written sorted by name
 * datasets    names of texts, at least one: llama-quantize refuses a file without the key, and no array of ours is empty
 * errors      FOX_E_ARG: no sums or datasets, a name too long or repeated, a value that is negative or not finite, a file that
 *             exists and !replace; those of the writer in gguf.h
 */
enum fox_status fox_imatrix_write(const char *path, bool replace, const struct fox_imatrix_sum *sums,
    size_t n, const struct fox_str *datasets, size_t n_datasets, uint32_t n_chunks, uint32_t chunk_size,
    struct fox_err *err) FOX_MUST_CHECK;

#endif
