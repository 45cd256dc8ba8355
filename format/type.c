/* type.c - the geometry of every tensor type. Sizes are those of the structs in block.h. Values of q8_1 and q8_k, which
 * are never in files, are not read.  source: ggml-common.h, the block structs */
#include "format/type.h"

#include <string.h>

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

#define REMOVED(name) name ", removed from the format"
#define BITNET(name) ", or " name ", a type of bitnet.cpp"
#define IK(name) name ", a type of ik_llama.cpp"

/* Ids that files of another time or of a fork use: each begins with a name. Rising.
 * source: the comments in ggml.h enum ggml_type; enum ggml_type of ik_llama.cpp 8337e4cd3 and of bitnet.cpp, which gave ids
 * anew that ggml had dropped */
static const struct {
	uint32_t id;
	const char *text;
} refused[] = {
    {4, REMOVED("q4_2")},
    {5, REMOVED("q4_3")},
    {31, REMOVED("q4_0_4_4")},
    {32, REMOVED("q4_0_4_8")},
    {33, REMOVED("q4_0_8_8")},
    {36, REMOVED("iq4_nl_4_4") BITNET("i2_s")},
    {37, REMOVED("iq4_nl_4_8") BITNET("i8_s")},
    {38, REMOVED("iq4_nl_8_8") BITNET("tl1")},
    {97, IK("q8_0_x4")},
    {98, IK("q8_1_x4")},
    {99, IK("q8_2_x4")},
    {133, IK("q6_0")},
    {134, IK("iq1_bn")},
    {135, IK("iq2_bn")},
    {136, IK("q8_k64")},
    {137, IK("iq2_k")},
    {138, IK("iq3_k")},
    {139, IK("iq4_k")},
    {140, IK("iq5_k")},
    {141, IK("iq6_k")},
    {142, IK("iq2_tn")},
    {143, IK("iq1_tn")},
    {144, IK("iq4_ks")},
    {145, IK("iq2_ks")},
    {146, IK("iq4_kss")},
    {147, IK("q8_k16")},
    {148, IK("q8_k32")},
    {149, IK("q8_kr8")},
    {150, IK("q8_k128")},
    {151, IK("q8_kv")},
    {152, IK("iq5_ks")},
    {153, IK("iq2_kt")},
    {154, IK("iq3_kt")},
    {155, IK("iq4_kt")},
    {156, IK("iq3_ks")},
    {157, IK("iq2_kl")},
    {158, IK("iq1_kt")},
    {202, IK("q4_0_r8")},
    {206, IK("q5_0_r4")},
    {208, IK("q8_0_r8")},
    {210, IK("q2_k_r4")},
    {211, IK("q3_k_r4")},
    {212, IK("q4_k_r4")},
    {213, IK("q5_k_r4")},
    {214, IK("q6_k_r4")},
    {216, IK("iq2_xxs_r4")},
    {217, IK("iq2_xs_r4")},
    {218, IK("iq3_xxs_r4")},
    {219, IK("iq1_s_r4")},
    {220, IK("iq4_nl_r4")},
    {221, IK("iq3_s_r4")},
    {222, IK("iq2_s_r4")},
    {223, IK("iq4_xs_r8")},
    {229, IK("iq1_m_r4")},
    {230, IK("bf16_r16")},
    {233, IK("q6_0_r4")},
    {335, IK("iq2_bn_r4")},
    {337, IK("iq2_k_r4")},
    {338, IK("iq3_k_r4")},
    {339, IK("iq4_k_r4")},
    {340, IK("iq5_k_r4")},
    {344, IK("iq4_ks_r4")},
    {352, IK("iq5_ks_r4")},
    {353, IK("mxfp4_r8")},
    {397, IK("q8_k_r16")},
    {398, IK("q8_kv_r8")},
    {399, IK("q8_k_r8")},
};

const struct fox_type_info *fox_type_info(uint32_t id)
{
	return id < FOX_TYPE_LIMIT && types[id].name ? &types[id] : NULL;
}

const char *fox_type_refusal(uint32_t id)
{
	for (size_t i = 0; i < FOX_COUNT(refused); i++)
		if (refused[i].id == id)
			return refused[i].text;
	return "unknown";
}

enum fox_status fox_type_parse(struct fox_str name, enum fox_type *out, struct fox_err *err)
{
	for (uint32_t id = 0; id < FOX_TYPE_LIMIT; id++)
		if (types[id].name && fox_str_is(name, types[id].name)) {
			*out = (enum fox_type)id;
			return FOX_OK;
		}
	for (size_t i = 0; i < FOX_COUNT(refused); i++) {
		size_t n = strcspn(refused[i].text, ",");
		if (name.n == n && !memcmp(name.p, refused[i].text, n))
			return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "tensor type '%.*s' is not supported (%s)",
			    FOX_STR_ARG(name), refused[i].text + n + 2);
	}
	return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "no tensor type '%.*s'", FOX_STR_ARG(name));
}

bool fox_type_row_bytes(enum fox_type type, uint64_t cols, uint64_t *out)
{
	const struct fox_type_info *info = fox_type_info(type);
	return info && cols % info->elems == 0 && fox_mul(out, cols / info->elems, info->bytes);
}
