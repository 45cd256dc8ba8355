/* ver_block.h - quantized blocks taken apart for proofs: what values a block can hold, and which of them each weight is.
 *
 * The verifier's own reading, in double, of the formulas in spec/quant.md; no kernel takes part.
 * source: ggml-common.h (struct block_*, tables of values), ggml-quants.c (dequantize_row_*) */
#ifndef FOX_VER_BLOCK_H
#define FOX_VER_BLOCK_H

#include "format/type.h"

#define FOX_VER_BLOCK_GROUPS 16u /* most groups of a block: 256 weights in sixteens */

/* Weights that share a scale and a minimum: weight i is a * value[rank[i]] + b. */
struct fox_ver_group {
	double a, b;
	/* By how much a and b are off at most because scales and minima of the type end at a least step: half of f16's, times
	 * what multiplies it; of E4M3's in nvfp4 */
	double step_a, step_b;
	bool early;          /* quantizers choose weights before they round the scale, and go by what it was */
	const int8_t *value; /* [n_values] rising */
	uint32_t n_values;
	uint32_t n; /* weights: 16 or 32 */
	uint8_t rank[32];
};

/* Does a type have groups to be taken apart into: the block types that are quantized to? */
bool fox_ver_block_known(enum fox_type type);

/*
 * fox_ver_block - one block
 *
 * type     known
 * src      the block's bytes
 * returns  how many groups; their weights follow one another in the row
 */
uint32_t fox_ver_block(
    enum fox_type type, const uint8_t *src, struct fox_ver_group group[FOX_VER_BLOCK_GROUPS]);

#endif
