/* mixtures.h - what a run is asked to make: type names, rules and importance, turned into a type for every tensor of every
 * target.
 *
 * Shared by fox-convert and fox-quantize. Which tensor gets which type is convert/recipe.h's to say; here it meets the plan:
 * what can be read, what may be quantized again, what importance there is. */
#ifndef FOX_MIXTURES_H
#define FOX_MIXTURES_H

#include "convert/job.h"
#include "convert/recipe.h"
#include "convert/note.h"
#include "format/base/io.h"
#include "format/imatrix.h"

/* Texts given one by one on a command line. */
struct fox_mixture_texts {
	const char *const *item;
	size_t n;
};

/* How far quantizers look: kernels/search.h. */
enum fox_mixture_search {
	FOX_MIXTURE_PLAIN,
	FOX_MIXTURE_WIDE,
	FOX_MIXTURE_CALIBRATED /* with factors where there are any, wide elsewhere */
};
extern const char *const fox_mixture_searches[]; /* their names, in order; NULL ends */

/* As a user gives them; borrowed until fox_mixtures_close. */
struct fox_mixture_options {
	const char *
	    types; /* names of format/ftype.h in any case, separated by commas; "auto" where the caller allows it */
	bool pure, leave_output;
	const char *output_type, *embed_type;      /* names of format/type.h; NULL: as the mixture says */
	struct fox_mixture_texts rules;            /* REGEX=TYPE */
	const char *rules_file;                    /* NULL: none */
	const char *imatrix;                       /* path; NULL: none */
	struct fox_imatrix *measured;              /* in place of a file: stays the caller's. NULL: none */
	struct fox_mixture_texts include, exclude; /* entries of the importance matrix, by parts of names */
	int search;            /* enum fox_mixture_search */
	const float *(*factor)(void *ctx, struct fox_str name, uint64_t cols); /* fox_feedback_factor's, or NULL */
	void *factor_ctx;
	bool allow_requantize;
};

struct fox_mixture {
	const char *name;         /* lower case: "q4_k_m"; of auto, "auto" until it is settled */
	struct fox_recipe recipe; /* ftype is NULL for auto until it is settled */
};

struct fox_mixtures {
	struct fox_mixture *list;
	size_t n;
	struct fox_rules *rules;
	struct fox_imatrix *imatrix; /* NULL: none */
	bool own_imatrix;
	struct fox_file files[2]; /* of options that name one, open as long: never to be overwritten */
	const char *paths[2];
	size_t n_files;
	const struct fox_mixture_options *options;
};

/*
 * fox_mixtures_open - understand the options
 *
 * automatic  "auto" is a name too
 * errors     FOX_E_ARG: an unknown, empty or repeated name, too many of them; those of fox_ftype_parse, fox_rules_add,
 *            fox_rules_add_file, fox_recipe_parse_type, fox_recipe_check, fox_imatrix_open, fox_imatrix_filter
 */
enum fox_status fox_mixtures_open(struct fox_mixtures *m, const struct fox_mixture_options *options,
    bool automatic, struct fox_arena *arena, struct fox_err *err) FOX_MUST_CHECK;
void fox_mixtures_close(struct fox_mixtures *m); /* a zeroed one is fine */

/* Is one of them auto, still? */
bool fox_mixtures_automatic(const struct fox_mixtures *m);
/* Auto is `type` (f32, f16, bf16). FOX_E_ARG when that makes a name repeat. */
enum fox_status fox_mixtures_settle(
    struct fox_mixtures *m, enum fox_type type, struct fox_err *err) FOX_MUST_CHECK;

/* What was asked for and decides the bytes, canonical: "type=q4_k_m,pure,tensor-type=attn_v=q8_0". Added to out. */
void fox_mixtures_text(const struct fox_mixtures *m, size_t i, struct fox_buf *out);

/*
 * fox_mixtures_choose - give the job as many targets as there are mixtures, and each of them types and importance
 *
 * model   facts of the source; zeroed members are found from names and shapes
 * note    lines that a person should know
 * errors  FOX_E_ARG: tensors that would be quantized again without allow_requantize; COPY of a checkpoint
 *         FOX_E_UNSUPPORTED: a type that cannot be read, or must not be made without importance
 *         those of fox_recipe_types, fox_imatrix_for, fox_imatrix_covers_some; FOX_E_NOMEM
 */
enum fox_status fox_mixtures_choose(struct fox_mixtures *m, struct fox_job *job,
    const struct fox_recipe_model *model, fox_note_fn *note, void *note_ctx, struct fox_arena *arena,
    struct fox_err *err) FOX_MUST_CHECK;

#endif
