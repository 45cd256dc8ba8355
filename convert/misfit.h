/* misfit.h - the lines that tell of tensors that do not fit, and which field of config.json each contradicts.
 *
 * A field is told by the first of its names that the family knows, with its value. Lines are added to b. */
#ifndef FOX_MISFIT_H
#define FOX_MISFIT_H

#include "format/arch.h"
#include "format/source.h"

struct fox_misfit {
	const struct fox_arch *arch;
	const struct fox_hparams *hp;
};

/* "tensor 'x' is missing", ", which 'attention_bias' (true) asks for" where that field could have spared it. layers: how
 * many the source has; of a tensor of a later one the number of layers is to blame. */
void fox_misfit_missing(
    struct fox_buf *b, const struct fox_misfit *m, const struct fox_slot *slot, uint64_t layers);

/* "tensor 'x' has no place in architecture 'llama'", " with 'num_hidden_layers' 5" where another value would give one. */
void fox_misfit_extra(struct fox_buf *b, const struct fox_misfit *m, struct fox_str name);

/* "tensor 'x' has shape [64, 64], want [128, 64]", " by 'num_attention_heads', 'head_dim'": the fields of the sizes that
 * differ. want: n sizes in the source's order, those of the container exchanged if the row says so. */
void fox_misfit_shape(struct fox_buf *b, const struct fox_misfit *m, const struct fox_slot *slot,
    const struct fox_src_tensor *t, const uint64_t *want, uint32_t n);

/* The layer that a source name belongs to by the family's rows; UINT64_MAX: to none. */
uint64_t fox_misfit_layer(const struct fox_arch *arch, struct fox_str name);

#endif
