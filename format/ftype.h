/* ftype.h - the table of file types: what general.file_type says, and what users ask quantizing tools for.
 *
 * A file type names a mixture: most matrices have its base type, some have another, as convert/recipe.h chooses.
 * source: llama.h enum llama_ftype (ids); tools/quantize/quantize.cpp QUANT_OPTIONS (names);
 * llama-quant.cpp llama_ftype_get_default_type (base types) */
#ifndef FOX_FTYPE_H
#define FOX_FTYPE_H

#include "format/type.h"

#define FOX_FTYPE_LIMIT 64u /* ids at or above are unknown */
#define FOX_FTYPE_GUESSED                                                                                    \
	1024u /* a bit that llama.cpp adds to an id which it found by counting: never written */

/* Ids that code needs by name; the table has the others. */
enum {
	FOX_FT_F32 = 0,
	FOX_FT_F16 = 1,
	FOX_FT_Q4_0 = 2,
	FOX_FT_Q4_1 = 3,
	FOX_FT_Q8_0 = 7,
	FOX_FT_Q5_0 = 8,
	FOX_FT_Q5_1 = 9,
	FOX_FT_Q2_K = 10,
	FOX_FT_Q3_K_S = 11,
	FOX_FT_Q3_K_M = 12,
	FOX_FT_Q3_K_L = 13,
	FOX_FT_Q4_K_S = 14,
	FOX_FT_Q4_K_M = 15,
	FOX_FT_Q5_K_S = 16,
	FOX_FT_Q5_K_M = 17,
	FOX_FT_Q6_K = 18,
	FOX_FT_IQ2_XXS = 19,
	FOX_FT_IQ2_XS = 20,
	FOX_FT_Q2_K_S = 21,
	FOX_FT_IQ3_XS = 22,
	FOX_FT_IQ3_XXS = 23,
	FOX_FT_IQ1_S = 24,
	FOX_FT_IQ4_NL = 25,
	FOX_FT_IQ3_S = 26,
	FOX_FT_IQ3_M = 27,
	FOX_FT_IQ2_S = 28,
	FOX_FT_IQ2_M = 29,
	FOX_FT_IQ4_XS = 30,
	FOX_FT_IQ1_M = 31,
	FOX_FT_BF16 = 32,
	FOX_FT_TQ1_0 = 36,
	FOX_FT_TQ2_0 = 37,
	FOX_FT_MXFP4_MOE = 38,
	FOX_FT_NVFP4 = 39,
	FOX_FT_Q1_0 = 40,
	FOX_FT_Q2_0 = 41
};

enum {
	FOX_FTYPE_ALIAS = 1,      /* shares its id with another row, which fox_ftype_of_id returns */
	FOX_FTYPE_IMPORTANCE = 2, /* some tensor cannot be quantized without an importance matrix */
	FOX_FTYPE_EXPERTS = 4,    /* only expert tensors have the base type: MXFP4_MOE */
	FOX_FTYPE_COPY = 8        /* every tensor keeps its type, and the file its file type: COPY */
};

struct fox_ftype {
	const char *name;   /* upper case, as users write it and as reports print it: "Q4_K_M" */
	uint32_t id;        /* general.file_type; of COPY, 0 and without meaning */
	enum fox_type type; /* the base type; of COPY, f32 and without meaning */
	uint32_t how;       /* FOX_FTYPE_* */
	const char *about;  /* one phrase for --help: lower case, no full stop */
};

/* The rows in the order of --help: rising size, aliases behind what they stand for, COPY last. i < fox_ftypes(). */
size_t fox_ftypes(void);
const struct fox_ftype *fox_ftype_at(size_t i);

/*
 * fox_ftype_parse - find a file type by the name that a user gives
 *
 * name    in any case; or an id in decimal, as llama-quantize accepts it
 * errors  FOX_E_ARG: no such file type; the message lists names that look like it, or all when none does
 */
enum fox_status fox_ftype_parse(
    struct fox_str name, const struct fox_ftype **out, struct fox_err *err) FOX_MUST_CHECK;

/* The row of an id (no alias, not COPY); NULL where the id is unknown or no longer in use. */
const struct fox_ftype *fox_ftype_of_id(uint64_t id);

/* The row whose name is the type's and which has it as its base (no alias, not COPY): what a file of one type is called.
 * NULL: none. */
const struct fox_ftype *fox_ftype_of_type(enum fox_type type);

/* For reports: the name of an id, "Q4_2 (removed)" for one no longer in use, "unknown" otherwise. The guessed bit is
 * left out of account. */
const char *fox_ftype_label(uint64_t id);

#endif
