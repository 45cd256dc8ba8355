/* ftype.c - the table of file types. See ftype.h. */
#include "format/ftype.h"

#include <stdio.h>

#include "format/base/near.h"

#define ALIAS FOX_FTYPE_ALIAS
#define IMP FOX_FTYPE_IMPORTANCE

/* Bits per weight in `about` are those of the base type, or of a common model where the mixture says more. */
static const struct fox_ftype rows[] = {
    {"IQ1_S", FOX_FT_IQ1_S, FOX_IQ1_S, IMP, "1.56 bits per weight"},
    {"IQ1_M", FOX_FT_IQ1_M, FOX_IQ1_M, IMP, "1.75 bits per weight"},
    {"Q1_0", FOX_FT_Q1_0, FOX_Q1_0, 0, "1.13 bits per weight, for models trained with signs"},
    {"TQ1_0", FOX_FT_TQ1_0, FOX_TQ1_0, 0, "1.69 bits per weight, for models trained with -1, 0, 1"},
    {"TQ2_0", FOX_FT_TQ2_0, FOX_TQ2_0, 0, "2.06 bits per weight, for models trained with -1, 0, 1"},
    {"Q2_0", FOX_FT_Q2_0, FOX_Q2_0, 0, "2.25 bits per weight, for models trained with four levels"},
    {"IQ2_XXS", FOX_FT_IQ2_XXS, FOX_IQ2_XXS, IMP, "2.06 bits per weight"},
    {"IQ2_XS", FOX_FT_IQ2_XS, FOX_IQ2_XS, IMP, "2.31 bits per weight"},
    {"IQ2_S", FOX_FT_IQ2_S, FOX_IQ2_XS, IMP, "2.5 bits per weight: iq2_xs, some iq3_s"},
    {"IQ2_M", FOX_FT_IQ2_M, FOX_IQ2_S, IMP, "2.7 bits per weight: iq2_s, some iq3_s"},
    {"Q2_K_S", FOX_FT_Q2_K_S, FOX_Q2_K, IMP, "q2_k, some q4_k"},
    {"Q2_K", FOX_FT_Q2_K, FOX_Q2_K, 0, "q2_k, much q3_k"},
    {"IQ3_XXS", FOX_FT_IQ3_XXS, FOX_IQ3_XXS, IMP, "3.06 bits per weight"},
    {"IQ3_XS", FOX_FT_IQ3_XS, FOX_IQ3_S, IMP, "3.3 bits per weight: iq3_s, some iq3_xxs"},
    {"IQ3_S", FOX_FT_IQ3_S, FOX_IQ3_S, 0, "3.44 bits per weight"},
    {"IQ3_M", FOX_FT_IQ3_M, FOX_IQ3_S, 0, "3.66 bits per weight: iq3_s, some q4_k"},
    {"Q3_K_S", FOX_FT_Q3_K_S, FOX_Q3_K, 0, "q3_k"},
    {"Q3_K_M", FOX_FT_Q3_K_M, FOX_Q3_K, 0, "q3_k, some q4_k and q5_k"},
    {"Q3_K", FOX_FT_Q3_K_M, FOX_Q3_K, ALIAS, "Q3_K_M"},
    {"Q3_K_L", FOX_FT_Q3_K_L, FOX_Q3_K, 0, "q3_k, some q5_k"},
    {"MXFP4_MOE", FOX_FT_MXFP4_MOE, FOX_MXFP4, FOX_FTYPE_EXPERTS, "experts mxfp4, all else q8_0"},
    {"MXFP4", FOX_FT_MXFP4_MOE, FOX_MXFP4, ALIAS,
        "mxfp4 (OCP microscaling, 4.25 bits), also without experts"},
    {"IQ4_XS", FOX_FT_IQ4_XS, FOX_IQ4_XS, 0, "4.25 bits per weight, levels not evenly spaced"},
    {"IQ4_NL", FOX_FT_IQ4_NL, FOX_IQ4_NL, 0, "4.5 bits per weight, levels not evenly spaced"},
    {"NVFP4", FOX_FT_NVFP4, FOX_NVFP4, 0, "nvfp4 (4.5 bits: e2m1, a scale for each 16)"},
    {"Q4_0", FOX_FT_Q4_0, FOX_Q4_0, 0, "4.5 bits per weight"},
    {"Q4_1", FOX_FT_Q4_1, FOX_Q4_1, 0, "5 bits per weight"},
    {"Q4_K_S", FOX_FT_Q4_K_S, FOX_Q4_K, 0, "q4_k, some q5_k"},
    {"Q4_K_M", FOX_FT_Q4_K_M, FOX_Q4_K, 0, "q4_k, some q6_k: the common choice"},
    {"Q4_K", FOX_FT_Q4_K_M, FOX_Q4_K, ALIAS, "Q4_K_M"},
    {"Q5_0", FOX_FT_Q5_0, FOX_Q5_0, 0, "5.5 bits per weight"},
    {"Q5_1", FOX_FT_Q5_1, FOX_Q5_1, 0, "6 bits per weight"},
    {"Q5_K_S", FOX_FT_Q5_K_S, FOX_Q5_K, 0, "q5_k"},
    {"Q5_K_M", FOX_FT_Q5_K_M, FOX_Q5_K, 0, "q5_k, some q6_k"},
    {"Q5_K", FOX_FT_Q5_K_M, FOX_Q5_K, ALIAS, "Q5_K_M"},
    {"Q6_K", FOX_FT_Q6_K, FOX_Q6_K, 0, "6.56 bits per weight"},
    {"Q8_0", FOX_FT_Q8_0, FOX_Q8_0, 0, "8.5 bits per weight"},
    {"F16", FOX_FT_F16, FOX_F16, 0, "16 bits: IEEE half precision"},
    {"BF16", FOX_FT_BF16, FOX_BF16, 0, "16 bits: the upper half of f32"},
    {"F32", FOX_FT_F32, FOX_F32, 0, "32 bits"},
    {"COPY", 0, FOX_F32, FOX_FTYPE_COPY, "every tensor as it is"},
};

/* source: the comments in llama.h enum llama_ftype */
static const struct {
	uint32_t id;
	const char *name;
} removed[] = {{4, "Q4_1_SOME_F16 (removed)"}, {5, "Q4_2 (removed)"}, {6, "Q4_3 (removed)"},
    {33, "Q4_0_4_4 (removed)"}, {34, "Q4_0_4_8 (removed)"}, {35, "Q4_0_8_8 (removed)"}};

size_t fox_ftypes(void)
{
	return FOX_COUNT(rows);
}

const struct fox_ftype *fox_ftype_at(size_t i)
{
	return &rows[i];
}

static bool same_word(struct fox_str a, const char *b)
{
	size_t n = strlen(b);
	if (a.n != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = a.p[i];
		if ((c >= 'a' && c <= 'z' ? c - 32 : c) != b[i])
			return false;
	}
	return true;
}

static enum fox_status no_such(struct fox_str name, struct fox_err *err)
{
	struct fox_near near = {.word = name};
	char text[600];
	size_t at = 0;
	for (size_t i = 0; i < FOX_COUNT(rows); i++)
		fox_near_offer(&near, rows[i].name);
	if (near.n)
		fox_near_text(&near, text, sizeof text);
	for (size_t i = 0; i < FOX_COUNT(rows) && !near.n; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", i ? ", " : "; there are ", rows[i].name);
	return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "no file type '%.*s'%s", FOX_STR_ARG(name), text);
}

enum fox_status fox_ftype_parse(struct fox_str name, const struct fox_ftype **out, struct fox_err *err)
{
	uint64_t id;
	for (size_t i = 0; i < FOX_COUNT(rows); i++)
		if (same_word(name, rows[i].name)) {
			*out = &rows[i];
			return FOX_OK;
		}
	const struct fox_ftype *f = fox_str_u64(name, &id) ? fox_ftype_of_id(id) : NULL;
	if (!f)
		return no_such(name, err);
	*out = f;
	return FOX_OK;
}

const struct fox_ftype *fox_ftype_of_id(uint64_t id)
{
	for (size_t i = 0; i < FOX_COUNT(rows); i++)
		if (rows[i].id == id && !(rows[i].how & (FOX_FTYPE_ALIAS | FOX_FTYPE_COPY)))
			return &rows[i];
	return NULL;
}

const struct fox_ftype *fox_ftype_of_type(enum fox_type type)
{
	const struct fox_type_info *info = fox_type_info(type);
	for (size_t i = 0; i < FOX_COUNT(rows) && info; i++)
		if (rows[i].type == type && !(rows[i].how & (FOX_FTYPE_ALIAS | FOX_FTYPE_COPY)) &&
		    same_word(fox_str_of(info->name), rows[i].name))
			return &rows[i];
	return NULL;
}

const char *fox_ftype_label(uint64_t id)
{
	id &= ~(uint64_t)FOX_FTYPE_GUESSED;
	const struct fox_ftype *f = fox_ftype_of_id(id);
	if (f)
		return f->name;
	for (size_t i = 0; i < FOX_COUNT(removed); i++)
		if (removed[i].id == id)
			return removed[i].name;
	return "unknown";
}
