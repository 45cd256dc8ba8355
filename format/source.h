/* source.h - "something that holds named tensors": a checkpoint folder (or file) as it came from its
 * publisher.
 *
 * fox_source_open finds what lies at a path: a plain folder, an HF cache snapshot (symlinks into blobs/ stay
 * inside the repository folder), a repository id "org/name" held by the local HF cache, one .safetensors, .bin,
 * .pt or .pth file, or an archive of a folder (format/archive_files.h). Names inside are a stranger's choice: every file is opened beneath the root. All rules:
 * spec/sources.md. */
#ifndef FOX_SOURCE_H
#define FOX_SOURCE_H

#include "format/base/arena.h"
#include "format/base/hash.h"
#include "format/base/io.h"
#include "format/base/str.h"

/* Element types of sources. Those with fox_dtype_info().codec can be converted; others are refused by name.
 */
enum fox_dtype {
	FOX_DT_F64,
	FOX_DT_F32,
	FOX_DT_F16,
	FOX_DT_BF16,
	FOX_DT_I64,
	FOX_DT_I32,
	FOX_DT_I16,
	FOX_DT_I8,
	FOX_DT_U64,
	FOX_DT_U32,
	FOX_DT_U16,
	FOX_DT_U8,
	FOX_DT_BOOL,
	FOX_DT_C64,
	FOX_DT_F8_E4M3,
	FOX_DT_F8_E5M2,
	FOX_DT_F8_E8M0,
	FOX_DT_F8_E4M3FNUZ,
	FOX_DT_F8_E5M2FNUZ,
	FOX_DT_F6_E2M3,
	FOX_DT_F6_E3M2,
	FOX_DT_F4,
	FOX_DT_COUNT
};
struct fox_dtype_info {
	const char *name; /* as safetensors spells it: "BF16" */
	uint32_t bits;    /* per element */
	bool codec;
};
extern const struct fox_dtype_info fox_dtypes[FOX_DT_COUNT];

struct fox_strided;

/* One tensor of the source. shape is in the source's order: outermost first. */
struct fox_src_tensor {
	struct fox_str name;
	enum fox_dtype dtype;
	uint32_t n_dims; /* 0..8 */
	uint64_t shape[8];
	uint64_t n_elems, bytes;
	uint32_t file; /* index of the weight file that holds it */
	uint64_t at;   /* absolute offset of its first element in that file */
	const struct fox_strided
	    *view; /* where the others are; NULL: in row-major order from there, as in every safetensors */
};

/* One file that the conversion depends on: weights, then whatever fox_source_read_file touched. */
struct fox_src_file {
	struct fox_str name; /* relative to the folder */
	uint64_t bytes;
	bool weights;
	bool has_sha256; /* known after reading: small files at once, weights when the pipeline streamed them */
	struct fox_sha256 sha256;
	bool has_expected; /* the HF blob's own name is a SHA-256, which the bytes must have */
	struct fox_sha256 expected;
	struct fox_file fd; /* weights: open until close; others: closed after reading */
};

struct fox_source; /* opaque handle */

/* Names that weights have in a folder, the first that is there taken: FOX_SOURCE_NAMES of them. */
#define FOX_SOURCE_NAMES 4u
extern const char *const fox_source_names[FOX_SOURCE_NAMES];

/*
 * fox_source_open - find and check a checkpoint
 *
 * path     folder, HF repository id (only when no such path exists), one weight file, or an archive (by its bytes, whatever
 *          its name, but for names that weight files have); config.json and others are read later by name
 * weights  false: open the folder only (for --dry-run with config.json alone): no tensors
 * errors   FOX_E_IO, FOX_E_FORMAT, FOX_E_BOUND, FOX_E_TRUNCATED, FOX_E_MISMATCH (an index that is not what its blob's
 *          name says), FOX_E_UNSUPPORTED (unknown dtype, GGUF, LFS pointer...), those of
 *          fox_archive_files_open, each naming file and offset or key path. A known dtype without codec is no error here.
 */
enum fox_status fox_source_open(
    struct fox_source **out, const char *path, bool weights, struct fox_err *err) FOX_MUST_CHECK;
void fox_source_close(struct fox_source *s);
/* Would fox_source_open take path for an archive? */
bool fox_source_is_archive(const char *path);

const char *fox_source_kind(const struct fox_source *s);     /* "safetensors" or "pytorch" */
const char *fox_source_revision(const struct fox_source *s); /* HF snapshot name (40 hex digits), or NULL */
const char *fox_source_repo(const struct fox_source *s);     /* "org/name" when inside an HF cache, or NULL */
const char *fox_source_dir(const struct fox_source *s);      /* the folder or archive, for messages only */

/*
 * fox_source_streamed - do weights come out of a stream, which is read best from front to back?
 *
 * True for a compressed archive. fox_source_read and reading weight files are then for one thread at a time; each step back
 * of more than FOX_ARCHIVE_WINDOW bytes reads the archive from its front, and too many fail (format/archive_files.h).
 */
bool fox_source_streamed(const struct fox_source *s);
/* Where a tensor begins in that stream; in any other source, in its file. */
uint64_t fox_source_place(const struct fox_source *s, const struct fox_src_tensor *t);

size_t fox_source_tensors(const struct fox_source *s);
const struct fox_src_tensor *fox_source_tensor(
    const struct fox_source *s, size_t i); /* by file, then by offset */
const struct fox_src_tensor *fox_source_find(
    const struct fox_source *s, struct fox_str name); /* NULL: absent */
size_t fox_source_files(const struct fox_source *s);
struct fox_src_file *fox_source_file(struct fox_source *s, size_t i); /* weights first, in order of name */

/*
 * fox_source_read_file - a small file of the checkpoint by name ("config.json", "tokenizer.model")
 *
 * Its name, size and SHA-256 join fox_source_files, and an HF blob's name is checked against its bytes
 * (FOX_E_MISMATCH). text    NUL-terminated, lives until fox_source_close; *text = {NULL, 0} and FOX_OK when
 * there is no such file limit   bytes; FOX_E_BOUND above
 */
enum fox_status fox_source_read_file(struct fox_source *s, const char *name, uint64_t limit,
    struct fox_str *text, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_source_adopt - count the small files that `other` has read among those of s, as "prefix/name"
 *
 * For parts of a checkpoint that came from elsewhere. Their bytes stay other's; call it once, when all is read.
 *
 * errors  FOX_E_NOMEM
 */
enum fox_status fox_source_adopt(struct fox_source *s, const struct fox_source *other, const char *prefix,
    struct fox_err *err) FOX_MUST_CHECK;

/* Read n bytes at `at` of a tensor's data, as they stand in the source (little-endian). Thread-safe, unless streamed. */
enum fox_status fox_source_read(const struct fox_source *s, const struct fox_src_tensor *t, uint64_t at,
    void *dst, size_t n, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_source_check_digest - record a weight file's SHA-256 (computed beside the copying) and check what can
 * be checked
 *
 * errors  FOX_E_MISMATCH when an HF blob's name says otherwise; FOX_E_IO when the file changed since it was
 * opened; FOX_E_ARG when it is no weight file
 */
enum fox_status fox_source_check_digest(
    struct fox_source *s, size_t file, const struct fox_sha256 *sha, struct fox_err *err) FOX_MUST_CHECK;

#endif
