/* ppl_stat.h - inside perplexity: what is kept of a position, and the figures made of all of them. */
#ifndef FOX_PPL_STAT_H
#define FOX_PPL_STAT_H

#include "runtime/ppl.h"

/* One position that predicts an id. [0] the model's, [1] the base's. */
struct ppl_row {
	double nll[2]; /* -ln of the id's probability */
	double kld;
	bool same_top;
};

/* Perplexity of one side; n >= 1. */
struct fox_ppl ppl_stat_one(
    const struct ppl_row *rows, uint64_t n, int side, const struct fox_chunks *chunks);

/* All figures of a pair. FOX_E_NOMEM: 8 bytes a position, to sort them. */
enum fox_status ppl_stat_pair(struct fox_ppl_pair *out, const struct ppl_row *rows, uint64_t n,
    const struct fox_chunks *chunks, struct fox_err *err) FOX_MUST_CHECK;

#endif
