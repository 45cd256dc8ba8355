/* gather.h - reading a source tensor in the container's order, where the two differ by more than a head: transposed
 * matrices, Q, K and V that lie interleaved by head, and views whose elements lie in another order in the file. */
#ifndef FOX_GATHER_H
#define FOX_GATHER_H

#include "convert/job.h"

/*
 * fox_gather_read - elements [elem, elem + n) of the container's tensor, as the source stores them
 *
 * step    WRITE with a gather, and then elem and n are multiples of fox_step_unit(step); or WRITE or TIED without
 * out     n elements of step->x.from
 * spare   as large as out; overwritten
 * errors  those of fox_file_read (FOX_E_IO, FOX_E_TRUNCATED)
 */
enum fox_status fox_gather_read(const struct fox_step *step, const struct fox_file *file, uint64_t elem, size_t n,
    uint8_t *out, uint8_t *spare, struct fox_err *err) FOX_MUST_CHECK;

#endif
