/* imatrix_in.h - inside importance matrices: what both readers use. */
#ifndef FOX_IMATRIX_IN_H
#define FOX_IMATRIX_IN_H

#include "format/base/arena.h"
#include "format/imatrix.h"

struct imatrix_own {
	struct fox_arena arena;
	size_t n_asked, n_found; /* by fox_imatrix_for */
	size_t walk_i, walk_k;   /* where fox_imatrix_unused stands: its i-th is entry k or a later one */
};

static inline struct imatrix_own *imatrix_own(const struct fox_imatrix *im)
{
	return im->own;
}

/* Copy a text into the arena; false: out of memory. */
bool imatrix_keep(struct imatrix_own *o, struct fox_str *s);

/* The error for a value that is negative, infinite or NaN, at byte `at`. */
enum fox_status imatrix_bad_value(struct fox_str name, uint64_t i, float v, uint64_t at, struct fox_err *err);

/* A name stands for a weight tensor, and goes into messages and other files: not empty, UTF-8, no NUL. */
enum fox_status imatrix_check_name(struct fox_str name, uint64_t at, struct fox_err *err) FOX_MUST_CHECK;

/* The entries and facts of a .dat into im, unsorted. */
enum fox_status imatrix_read_dat(
    struct fox_imatrix *im, struct fox_span bytes, struct fox_err *err) FOX_MUST_CHECK;

#endif
