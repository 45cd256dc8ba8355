/* type.h - the table of tensor types: name, container id, block geometry.
 *
 * Every type that GGUF files in the wild use is known by name and geometry, so that any file can be listed
 * and hashed; `codec` says which of them this build can read values from.  source: ggml.h enum ggml_type,
 * ggml-common.h */
#ifndef FOX_TYPE_H
#define FOX_TYPE_H

#include "format/base/str.h"

/* Values are the container's ids (ggml_type), so no second numbering exists. Gaps are ids that were removed.
 */
enum fox_type {
	FOX_F32 = 0,
	FOX_F16 = 1,
	FOX_Q4_0 = 2,
	FOX_Q4_1 = 3,
	FOX_Q5_0 = 6,
	FOX_Q5_1 = 7,
	FOX_Q8_0 = 8,
	FOX_Q8_1 = 9,
	FOX_Q2_K = 10,
	FOX_Q3_K = 11,
	FOX_Q4_K = 12,
	FOX_Q5_K = 13,
	FOX_Q6_K = 14,
	FOX_Q8_K = 15,
	FOX_IQ2_XXS = 16,
	FOX_IQ2_XS = 17,
	FOX_IQ3_XXS = 18,
	FOX_IQ1_S = 19,
	FOX_IQ4_NL = 20,
	FOX_IQ3_S = 21,
	FOX_IQ2_S = 22,
	FOX_IQ4_XS = 23,
	FOX_I8 = 24,
	FOX_I16 = 25,
	FOX_I32 = 26,
	FOX_I64 = 27,
	FOX_F64 = 28,
	FOX_IQ1_M = 29,
	FOX_BF16 = 30,
	FOX_TQ1_0 = 34,
	FOX_TQ2_0 = 35,
	FOX_MXFP4 = 39,
	FOX_NVFP4 = 40,
	FOX_Q1_0 = 41,
	FOX_Q2_0 = 42,
	FOX_TYPE_LIMIT = 64 /* ids at or above are unknown */
};

struct fox_type_info {
	const char *name; /* lower case; NULL where the id is unknown or removed */
	uint32_t elems;   /* weights per block */
	uint32_t bytes;   /* bytes per block */
	bool codec;       /* values can be decoded to f32 by this build */
};

/* The row of a container id; NULL for unknown and removed ids. */
const struct fox_type_info *fox_type_info(uint32_t id);

/* Why an id without a row is refused, after its name: "q4_2, removed from the format", "iq4_k, a type of ik_llama.cpp"; or
 * "unknown". */
const char *fox_type_refusal(uint32_t id);

/* Find a type by its lower-case name. FOX_E_ARG when there is none; the message says so of removed and foreign types. */
enum fox_status fox_type_parse(struct fox_str name, enum fox_type *out, struct fox_err *err) FOX_MUST_CHECK;

/* Bytes of one row of `cols` weights; false when cols is no multiple of the block or it does not fit 64 bits.
 */
bool fox_type_row_bytes(enum fox_type type, uint64_t cols, uint64_t *out);

#endif
