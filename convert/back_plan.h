/* back_plan.h - which tensors of a checkpoint come from which of a container, and what has to be undone.
 *
 * The rows of the architecture, read from right to left (format/arch.h); nothing is read of the data. */
#ifndef FOX_BACK_PLAN_H
#define FOX_BACK_PLAN_H

#include "format/arch.h"
#include "format/gguf.h"
#include "format/safetensors_write.h"
#include "kernels/quant.h"

/* A tensor of the container, as rows of the checkpoint's tensor. */
struct back_part {
	const struct fox_tensor *t;
	uint64_t rows,
	    cols; /* in the container; of a vector whose elements move: its length, 1; of others 1, its length */
	uint64_t head_rows; /* rows of one head where they move, else 0 */
};

struct back_tensor {
	struct fox_st_member st;   /* name, dtype, shape in the checkpoint, file */
	enum fox_type type;       /* the same as st.dtype */
	enum fox_type was;        /* what the source had; FOX_TYPE_LIMIT: the container does not say */
	uint32_t how;             /* FOX_T_* of the first part's row, without those of halves */
	struct back_part part[2]; /* the first rows, then the others */
	uint32_t n_parts;
	/* found out while writing */
	struct fox_cast_report lost; /* by casts to type */
	uint64_t
	    n_vague; /* FOX_T_ADD_ONE: values for which other values of the source's dtype give the same stored one */
	uint64_t n_changed; /* likewise: values that no value of the source's dtype gives */
};

struct back_plan {
	struct back_tensor *list; /* [n] in the order of the container */
	size_t n;
	uint32_t n_shards;
	uint64_t bytes; /* of all data */
};

/*
 * back_plan_make - every tensor of a container to its place
 *
 * type       of all tensors; FOX_TYPE_LIMIT: of each what the source had, where the container does not say bf16
 * plain      names without the family's prefix, as old saves of the inner model have them; else as transformers names them
 * max_shard  bytes of tensor data in a file; a larger tensor has one alone
 * p          overwritten; memory is the arena's, names are the arena's too
 * errors     FOX_E_MISMATCH: a tensor that config.json asks for and is not there, one too many, or of another shape, by name;
 *            FOX_E_UNSUPPORTED: a type that cannot be decoded; FOX_E_NOMEM, FOX_E_BOUND
 */
enum fox_status back_plan_make(struct back_plan *p, const struct fox_gguf *g, const struct fox_arch *arch,
    const struct fox_hparams *hp, enum fox_type type, bool plain, uint64_t max_shard, struct fox_arena *arena,
    struct fox_err *err) FOX_MUST_CHECK;

/* One line per tensor: name, shape, dtype, from which tensors, what is undone. */
void back_plan_print(const struct back_plan *p, struct fox_buf *out);

#endif
