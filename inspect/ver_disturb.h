/* ver_disturb.h - noise in a running model, as large as rounding of its weights makes it: how much a type may cost.
 * spec/verify.md 5 */
#ifndef FOX_VER_DISTURB_H
#define FOX_VER_DISTURB_H

#include "runtime/session.h"

struct fox_ver_disturb;

/*
 * fox_ver_disturb_open - measure the weights of a model
 *
 * m       outlives it
 * arith   fast: the noise of rounded activations is added to that of the weights, and every product has it
 * errors  FOX_E_NOMEM
 */
enum fox_status fox_ver_disturb_open(struct fox_ver_disturb **out, const struct fox_model *m,
    enum fox_arith arith, struct fox_pool *pool, struct fox_err *err) FOX_MUST_CHECK;
void fox_ver_disturb_close(struct fox_ver_disturb *d); /* NULL is fine */

/* The observer of a session's steps, ctx the struct above, from position 0 on. The noise of a position is the same however
 * steps are cut: it depends on the operation, the position and the element. */
fox_observe_fn fox_ver_disturb_add;

/* The relative error that rounding to a type costs a matrix: root of sum (x - y)^2 / sum x^2, of normally distributed rows;
 * 0 for f32, f16 and bf16. */
double fox_ver_disturb_cost(enum fox_type type);

#endif
