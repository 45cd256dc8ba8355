/* type.c - the geometry of every tensor type.
 *
 * Where block.h holds a struct the size is its sizeof; the other sizes are numbers with the sum that gives
 * them, and become sizeof when a codec for the type arrives.  source: ggml-common.h, the block structs */
#include "format/type.h"

#include "format/base/num.h"
#include "format/block.h"

static const struct fox_type_info types[FOX_TYPE_LIMIT] = {
    [FOX_F32] = {"f32", 1, 4, true},
    [FOX_F16] = {"f16", 1, 2, true},
    [FOX_BF16] = {"bf16", 1, 2, true},
    [FOX_F64] = {"f64", 1, 8, false},
    [FOX_I8] = {"i8", 1, 1, false},
    [FOX_I16] = {"i16", 1, 2, false},
    [FOX_I32] = {"i32", 1, 4, false},
    [FOX_I64] = {"i64", 1, 8, false},

    [FOX_Q4_0] = {"q4_0", 32, 18, false}, /* f16 scale 2 + nibbles 16 */
    [FOX_Q4_1] = {"q4_1", 32, 20, false}, /* f16 scale and minimum 4 + nibbles 16 */
    [FOX_Q5_0] = {"q5_0", 32, 22, false}, /* scale 2 + fifth bits 4 + nibbles 16 */
    [FOX_Q5_1] = {"q5_1", 32, 24, false}, /* scale and minimum 4 + fifth bits 4 + nibbles 16 */
    [FOX_Q8_0] = {"q8_0", 32, sizeof(struct fox_q8_0), true},
    [FOX_Q8_1] = {"q8_1", 32, 36, false}, /* scale and scaled sum 4 + bytes 32 */

    [FOX_Q2_K] = {"q2_k", 256, sizeof(struct fox_q2_k), true},
    [FOX_Q3_K] = {"q3_k", 256, sizeof(struct fox_q3_k), true},
    [FOX_Q4_K] = {"q4_k", 256, sizeof(struct fox_q4_k), true},
    [FOX_Q5_K] = {"q5_k", 256, sizeof(struct fox_q5_k), true},
    [FOX_Q6_K] = {"q6_k", 256, sizeof(struct fox_q6_k), true},
    [FOX_Q8_K] = {"q8_k", 256, 292, false}, /* f32 scale 4 + bytes 256 + sixteen i16 sums 32 */

    [FOX_IQ2_XXS] = {"iq2_xxs", 256, 66, false}, /* scale 2 + grid words 64 */
    [FOX_IQ2_XS] = {"iq2_xs", 256, 74, false},   /* as iq2_xxs + sub-scales 8 */
    [FOX_IQ2_S] = {"iq2_s", 256, 82, false},     /* scale 2 + quants 64 + high bits 8 + sub-scales 8 */
    [FOX_IQ3_XXS] = {"iq3_xxs", 256, 98, false}, /* scale 2 + quants 96 */
    [FOX_IQ3_S] = {"iq3_s", 256, 110,
        false},                              /* scale 2 + quants 64 + high bits 8 + signs 32 + sub-scales 4 */
    [FOX_IQ1_S] = {"iq1_s", 256, 50, false}, /* scale 2 + quants 32 + high bits 16 */
    [FOX_IQ1_M] = {"iq1_m", 256, 56, false}, /* quants 32 + high bits 16 + sub-scales 8 */
    [FOX_IQ4_NL] = {"iq4_nl", 32, 18, false},   /* scale 2 + nibbles 16 */
    [FOX_IQ4_XS] = {"iq4_xs", 256, 136, false}, /* scale 2 + scale bits 2 + 4 + nibbles 128 */

    [FOX_TQ1_0] = {"tq1_0", 256, 54, false}, /* five trits per byte 48 + four per byte 4 + scale 2 */
    [FOX_TQ2_0] = {"tq2_0", 256, 66, false}, /* four per byte 64 + scale 2 */
    [FOX_MXFP4] = {"mxfp4", 32, 17, false},  /* E8M0 scale 1 + nibbles 16 */
    [FOX_NVFP4] = {"nvfp4", 64, 36, false},  /* four E4M3 scales 4 + nibbles 32 */
    [FOX_Q1_0] = {"q1_0", 128, 18, false},   /* scale 2 + bits 16 */
    [FOX_Q2_0] = {"q2_0", 64, 18, false},    /* scale 2 + bit pairs 16 */
};

/* Ids that files once used.  source: the comments in ggml.h enum ggml_type */
static const char *const removed[FOX_TYPE_LIMIT] = {
    [4] = "q4_2, removed from the format",
    [5] = "q4_3, removed from the format",
    [31] = "q4_0_4_4, removed from the format",
    [32] = "q4_0_4_8, removed from the format",
    [33] = "q4_0_8_8, removed from the format",
    [36] = "iq4_nl_4_4, removed from the format",
    [37] = "iq4_nl_4_8, removed from the format",
    [38] = "iq4_nl_8_8, removed from the format",
};

const struct fox_type_info *fox_type_info(uint32_t id)
{
	return id < FOX_TYPE_LIMIT && types[id].name ? &types[id] : NULL;
}

const char *fox_type_refusal(uint32_t id)
{
	return id < FOX_TYPE_LIMIT && removed[id] ? removed[id] : "unknown";
}

enum fox_status fox_type_parse(struct fox_str name, enum fox_type *out, struct fox_err *err)
{
	for (uint32_t id = 0; id < FOX_TYPE_LIMIT; id++)
		if (types[id].name && fox_str_is(name, types[id].name)) {
			*out = (enum fox_type)id;
			return FOX_OK;
		}
	return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "no tensor type '%.*s'", FOX_STR_ARG(name));
}

bool fox_type_row_bytes(enum fox_type type, uint64_t cols, uint64_t *out)
{
	const struct fox_type_info *info = fox_type_info(type);
	return info && cols % info->elems == 0 && fox_mul(out, cols / info->elems, info->bytes);
}
