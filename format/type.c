/* type.c - the geometry of every tensor type. Sizes are those of the structs in block.h. Values of q8_1 and q8_k, which
 * are never in files, are not read.  source: ggml-common.h, the block structs */
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

    [FOX_Q4_0] = {"q4_0", 32, sizeof(struct fox_q4_0), true},
    [FOX_Q4_1] = {"q4_1", 32, sizeof(struct fox_q4_1), true},
    [FOX_Q5_0] = {"q5_0", 32, sizeof(struct fox_q5_0), true},
    [FOX_Q5_1] = {"q5_1", 32, sizeof(struct fox_q5_1), true},
    [FOX_Q8_0] = {"q8_0", 32, sizeof(struct fox_q8_0), true},
    [FOX_Q8_1] = {"q8_1", 32, sizeof(struct fox_q8_1), false},

    [FOX_Q2_K] = {"q2_k", 256, sizeof(struct fox_q2_k), true},
    [FOX_Q3_K] = {"q3_k", 256, sizeof(struct fox_q3_k), true},
    [FOX_Q4_K] = {"q4_k", 256, sizeof(struct fox_q4_k), true},
    [FOX_Q5_K] = {"q5_k", 256, sizeof(struct fox_q5_k), true},
    [FOX_Q6_K] = {"q6_k", 256, sizeof(struct fox_q6_k), true},
    [FOX_Q8_K] = {"q8_k", 256, sizeof(struct fox_q8_k), false},

    [FOX_IQ2_XXS] = {"iq2_xxs", 256, sizeof(struct fox_iq2_xxs), true},
    [FOX_IQ2_XS] = {"iq2_xs", 256, sizeof(struct fox_iq2_xs), true},
    [FOX_IQ2_S] = {"iq2_s", 256, sizeof(struct fox_iq2_s), true},
    [FOX_IQ3_XXS] = {"iq3_xxs", 256, sizeof(struct fox_iq3_xxs), true},
    [FOX_IQ3_S] = {"iq3_s", 256, sizeof(struct fox_iq3_s), true},
    [FOX_IQ1_S] = {"iq1_s", 256, sizeof(struct fox_iq1_s), true},
    [FOX_IQ1_M] = {"iq1_m", 256, sizeof(struct fox_iq1_m), true},
    [FOX_IQ4_NL] = {"iq4_nl", 32, sizeof(struct fox_iq4_nl), true},
    [FOX_IQ4_XS] = {"iq4_xs", 256, sizeof(struct fox_iq4_xs), true},

    [FOX_TQ1_0] = {"tq1_0", 256, sizeof(struct fox_tq1_0), true},
    [FOX_TQ2_0] = {"tq2_0", 256, sizeof(struct fox_tq2_0), true},
    [FOX_MXFP4] = {"mxfp4", 32, sizeof(struct fox_mxfp4), true},
    [FOX_NVFP4] = {"nvfp4", 64, sizeof(struct fox_nvfp4), true},
    [FOX_Q1_0] = {"q1_0", 128, sizeof(struct fox_q1_0), true},
    [FOX_Q2_0] = {"q2_0", 64, sizeof(struct fox_q2_0), true},
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
