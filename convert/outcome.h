/* outcome.h - what came of a run of fox-convert or fox-quantize, and how they print it: lines "name value" for programs and
 * people. */
#ifndef FOX_OUTCOME_H
#define FOX_OUTCOME_H

#include "convert/outputs.h"

/* Zero-initialise; fox_outcome_free afterwards, whatever happened. */
struct fox_outcome {
	struct fox_outputs outs; /* one per type */
	uint64_t n_tensors, n_params;
	uint64_t src_bytes;    /* tensor data of the source */
	uint64_t memory_bytes; /* dry run: most that a run will hold; an estimate from above */
	uint64_t disk_free;    /* dry run: where the first output goes; UINT64_MAX when unknown */
};
void fox_outcome_free(struct fox_outcome *s);

/*
 * fox_outcome_print - to standard output, a blank line between outputs; what a dry run says once comes at the end, and a note
 * when the disk is too small
 *
 * tables  the table of each output before its lines, also where nothing is quantized
 * errors  FOX_E_IO, FOX_E_NOMEM
 */
enum fox_status fox_outcome_print(
    const struct fox_outcome *s, bool dry, bool tables, struct fox_err *err) FOX_MUST_CHECK;

#endif
