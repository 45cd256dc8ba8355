/* sums_turn.h - what is hashed in the order of the file while chunks pass: the whole, and each tensor. Private to compress.c and
 * expand.c. */
#ifndef FOX_SUMS_TURN_H
#define FOX_SUMS_TURN_H

#include "format/gguf.h"
#include "format/planes.h"

struct fox_sums_turn {
	struct fox_xxh3_state *file, *tensor;
};

bool fox_sums_turn_open(struct fox_sums_turn *t); /* false: out of memory */
void fox_sums_turn_close(struct fox_sums_turn *t);

/*
 * fox_sums_turn_add - the next bytes of the file
 *
 * g       NULL: tensors are not checked
 * errors  FOX_E_MISMATCH: a tensor that ends with this part has not the hash that the file records
 */
enum fox_status fox_sums_turn_add(struct fox_sums_turn *t, const struct fox_planes_part *part,
    const uint8_t *bytes, const struct fox_gguf *g, struct fox_err *err) FOX_MUST_CHECK;

#endif
