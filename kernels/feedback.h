/* feedback.h - from the inputs that a matrix was seen to meet to the factor that fox_search_feedback works with. */
#ifndef FOX_FEEDBACK_H
#define FOX_FEEDBACK_H

#include "format/base/err.h"
#include "kernels/pool.h"

/* Added to the diagonal, in units of its mean: inputs that never vary would otherwise let errors be paid with weights that
 * matter to some other text. source: Frantar et al. 2022, section 3.3 */
#define FOX_FEEDBACK_DAMP 0.01

/*
 * fox_feedback_factor - the upper triangular F with transpose(F) F = inverse(G + damp * mean(diagonal of G) * 1)
 *
 * out     f32 [n][n], row-major, zeros below the diagonal
 * gram    f32 [n][n], may be out; symmetric: sums over inputs of x_i x_j, in any unit (F is used only up to a factor). All zeros: F is 1
 * pool    NULL: the calling thread. The result does not depend on it
 * memory  8 n^2 bytes while it works; n^3 / 3 multiplications for each of two passes
 * errors  FOX_E_NOMEM; FOX_E_MISMATCH: gram is not finite, or not the Gram matrix of any inputs
 */
enum fox_status fox_feedback_factor(float *out, const float *gram, size_t n, double damp,
    struct fox_pool *pool, struct fox_err *err) FOX_MUST_CHECK;

#endif
