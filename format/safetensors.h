/* safetensors.h - the header of one .safetensors file: JSON in, a checked list of tensors out.
 *
 * Refuses whatever breaks a rule of the format, so that every byte of a file belongs to the length, the
 * header or exactly one tensor.  spec/sources.md section 1 */
#ifndef FOX_SAFETENSORS_H
#define FOX_SAFETENSORS_H

#include "format/source.h"

#define FOX_ST_MAX_HEADER 100000000u /* bytes of JSON; the format's own limit */
#define FOX_ST_MAX_DIMS 8u           /* a limit of ours: struct fox_src_tensor holds no more */

struct fox_st_tensors {
	struct fox_src_tensor *list; /* in order of offset; lives in the arena */
	size_t n;
};

/*
 * fox_st_parse - check a header and list its tensors, sorted by offset (then size, then name)
 *
 * json       the header's bytes, which start 8 bytes into the file; not needed after the call
 * file_bytes size of the whole file; the data section is what follows the header
 * file       what fox_src_tensor.file is to be
 * errors     FOX_E_FORMAT, FOX_E_BOUND (a size over 64 bits, over 8 dimensions, a member over 4 MiB), FOX_E_TRUNCATED (the
 * file ends before a tensor does), FOX_E_UNSUPPORTED (dtype unknown), FOX_E_NOMEM; err->at is an offset in
 * the file, or FOX_NOWHERE where the text names the tensor and member
 */
enum fox_status fox_st_parse(struct fox_st_tensors *out, struct fox_arena *a, struct fox_str json,
    uint64_t file_bytes, uint32_t file, struct fox_err *err) FOX_MUST_CHECK;

/* Sort by offset, then size, then name. */
void fox_st_sort(struct fox_st_tensors *ts);

/*
 * fox_st_read_header - read and parse the header of an open file
 *
 * errors  as fox_st_parse; FOX_E_IO; FOX_E_BOUND for a header over the limit; FOX_E_TRUNCATED for one past
 * the file. err->file is set.
 */
enum fox_status fox_st_read_header(struct fox_st_tensors *out, struct fox_arena *a, const struct fox_file *f,
    uint32_t file, struct fox_err *err) FOX_MUST_CHECK;

#endif
