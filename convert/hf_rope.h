/* hf_rope.h - scaled rotary angles, out of config.json's fields in both spellings ('rope_scaling', 'rope_parameters'),
 * and the tables that some scalings need. */
#ifndef FOX_HF_ROPE_H
#define FOX_HF_ROPE_H

#include "format/arch.h"
#include "format/base/json.h"

/* What only the tables are made from. */
struct fox_hf_rope {
	double factor, low, high;  /* llama3: factor, low_freq_factor, high_freq_factor */
	uint32_t orig_ctx;         /* llama3: original_max_position_embeddings */
	const struct fox_value *long_factor, *short_factor; /* longrope: arrays of rope_dims / 2 positive numbers; views */
};

/*
 * fox_hf_rope_read - fill h->rope and h->rope_dims
 *
 * h       derived (fox_arch_derive)
 * errors  FOX_E_UNSUPPORTED: a kind that this family does not know (dynamic, mrope, ...), a field inside the rotary
 *         settings that nothing here knows, settings for some layers only where the family has none; FOX_E_FORMAT:
 *         ill-typed or missing fields, spellings that contradict each other, factors that are not one per frequency
 * source  transformers modeling_rope_utils.py, configuration_phi3.py, configuration_gemma3.py; spec/arch.md 7
 */
enum fox_status fox_hf_rope_read(struct fox_hf_rope *out, struct fox_hparams *h, const struct fox_arch *arch,
    const struct fox_value *root, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_hf_rope_table - the values of rope_freqs.weight, rope_factors_long.weight or rope_factors_short.weight: what each
 * frequency base^(-2i/d) is divided by
 *
 * table   f32 [h->rope_dims / 2]
 * role    FOX_R_ROPE_FREQS when h->rope.kind is llama3, FOX_R_ROPE_LONG or _SHORT when it is longrope
 */
void fox_hf_rope_table(
    float *table, enum fox_role role, const struct fox_hf_rope *rope, const struct fox_hparams *h);

#endif
