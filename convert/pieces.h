/* pieces.h - source files cut into the pieces that workers carry, in the order in which they are taken.
 *
 * A piece holds whole units of its step (fox_step_unit), but for the last of a step, and no more than one buffer, before and
 * after conversion. Internal to the pipeline. */
#ifndef FOX_PIECES_H
#define FOX_PIECES_H

#include "convert/job.h"

#define FOX_NO_STEP SIZE_MAX
#define FOX_PAGE_BYTES 4096u /* buffers begin at multiples */

static inline uint64_t fox_whole_pages(uint64_t n)
{
	return (n + FOX_PAGE_BYTES - 1) / FOX_PAGE_BYTES * FOX_PAGE_BYTES;
}

/*
 * Bytes of one source file that one worker handles at once. Those of a gathered step or a view lie strewn over the file,
 * and those of two steps may be the same: such a piece is aside, it adds nothing to the file's SHA-256, and the same bytes come once more in their order, with no step.
 */
struct fox_piece {
	size_t file, step; /* FOX_NO_STEP: read for the file's SHA-256 alone */
	uint64_t at;       /* in the file */
	uint64_t elem;     /* of the tensor: where it begins */
	uint64_t n_elems;
	size_t bytes;
	uint64_t file_turn; /* pieces of this file before it */
	uint64_t step_turn; /* likewise of this step */
	bool last_of_file, last_of_step, aside;
};

/* In the order of tickets. */
struct fox_pieces {
	struct fox_piece *list;
	size_t n, cap;
	uint64_t total_bytes;
	bool serial; /* some file is read through a stream: one piece after the other, in this order */
};

struct fox_cut {
	const struct fox_job *job;
	const struct fox_file *const *files; /* those that steps lie in */
	size_t n_files;
	const bool *done; /* [steps] whose bytes nobody wants; NULL: none */
	uint64_t piece_bytes; /* of one buffer; at least what one unit of any step takes */
	unsigned workers;     /* files are read side by side, at most so many */
	bool all;             /* every byte of every file, also those that nothing becomes of */
};

/*
 * fox_pieces_cut - all pieces of a run
 *
 * out      overwritten; free with fox_pieces_free, also on failure
 * errors   FOX_E_NOMEM
 */
enum fox_status fox_pieces_cut(
    struct fox_pieces *out, const struct fox_cut *cut, struct fox_err *err) FOX_MUST_CHECK;
void fox_pieces_free(struct fox_pieces *l);

/* Bytes of n elements of a step's source, whole blocks. WRITE and TIED. */
uint64_t fox_piece_src_bytes(const struct fox_step *s, uint64_t n);

/* The largest of a step's buffers, before and after conversion, for n elements. WRITE and TIED. */
uint64_t fox_piece_bytes(const struct fox_job *job, const struct fox_step *s, uint64_t n);

/* Elements of a full piece of a step whose buffers have piece_bytes. */
uint64_t fox_piece_elems(const struct fox_job *job, const struct fox_step *s, uint64_t piece_bytes);

#endif
