/* outcome.h - what fox-convert and fox-quantize print about their outputs: lines "name value" for programs and people. */
#ifndef FOX_OUTCOME_H
#define FOX_OUTCOME_H

#include "convert/outputs.h"

struct fox_outcome {
	const struct fox_outputs *outs;
	uint64_t n_tensors, n_params;
	uint64_t src_bytes, memory_bytes, disk_free; /* dry run; disk_free UINT64_MAX: unknown */
	bool dry;
	bool tables; /* the table of each output before its lines, also where nothing is quantized */
};

/* The text, a blank line between outputs. What a run takes comes once, at the end. Added to b. */
void fox_outcome_add(const struct fox_outcome *s, struct fox_buf *b);

/* Bytes of all outputs together. */
uint64_t fox_outcome_bytes(const struct fox_outcome *s);

#endif
