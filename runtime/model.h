/* model.h - a model ready to run: container, architecture, sizes, tensors bound by role, program. Immutable
 * after open and shareable between threads and sessions.
 *
 * Owns no weights: matrices are used in place from the container's map. Refuses what it would compute
 * wrongly: a tensor missing, left over, of another shape or of a type without arithmetic; a key of the
 * architecture that changes the maths and is not handled; big-endian data. */
#ifndef FOX_MODEL_H
#define FOX_MODEL_H

#include "runtime/graph.h"

struct fox_model;

/*
 * fox_model_open - open a container and bind it
 *
 * errors  those of fox_gguf_open_set; FOX_E_FORMAT: no architecture key, sizes out of range, tensors missing (all
 * listed, as far as a message goes) or of another shape; FOX_E_UNSUPPORTED: architecture, trait, key, tensor
 * or tensor type that this build cannot run, byte order; FOX_E_NOMEM. *out is NULL then. The error names the
 * file.
 */
enum fox_status fox_model_open(struct fox_model **out, const char *path, struct fox_err *err) FOX_MUST_CHECK;

/* The same over a container that the caller opened and keeps open until after fox_model_close. */
enum fox_status fox_model_bind(
    struct fox_model **out, const struct fox_gguf *g, struct fox_err *err) FOX_MUST_CHECK;

void fox_model_close(struct fox_model *m); /* NULL is fine */

const struct fox_gguf *fox_model_gguf(const struct fox_model *m);
const struct fox_arch *fox_model_arch(const struct fox_model *m);
const struct fox_hparams *fox_model_hparams(const struct fox_model *m);
const struct fox_graph *fox_model_graph(const struct fox_model *m);

/* The tensor of a role (layer is ignored for global roles); NULL: the model has none. Tied: output gives
 * token_embd. */
const struct fox_weight *fox_model_weight(const struct fox_model *m, enum fox_role role, uint32_t layer);

/* Bytes of all bound matrices in the map, and of the vectors decoded beside it. */
uint64_t fox_model_bytes(const struct fox_model *m);

#endif
