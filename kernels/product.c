/* product.c - the memory of rounded activations. */
#include "kernels/product.h"

const char *const fox_arith_names[] = {"exact", "fast", NULL};

/* Rows this far apart do not all fall into the same sets of a cache, as rows of 2^k bytes would. */
#define STEP_PAD 64u

static size_t element(enum fox_acts_kind kind)
{
	switch (kind) {
	case FOX_ACTS_BF16:
	case FOX_ACTS_Q16:
		return 2;
	case FOX_ACTS_BF16X3:
		return 6;
	case FOX_ACTS_Q8:
	case FOX_ACTS_U8:
		return 1;
	case FOX_ACTS_F32:
	case FOX_ACTS_COUNT:
		break;
	}
	return 0;
}

static size_t part(uint8_t **at, size_t bytes)
{
	bytes = (bytes + 63) / 64 * 64;
	if (*at)
		*at += bytes;
	return bytes;
}

size_t fox_acts_carve(struct fox_acts *a, enum fox_acts_kind kind, void *block, size_t rows, size_t n)
{
	bool sums = kind == FOX_ACTS_Q8 || kind == FOX_ACTS_Q16, blocks = sums || kind == FOX_ACTS_U8;
	/* rows of q, of d (step / 32 floats) and of sum (step / 16 int16) all start at a multiple of 64 bytes */
	size_t unit = blocks ? 512 : 64, step = (n + unit - 1) / unit * unit + STEP_PAD;
	step = blocks ? (step + unit - 1) / unit * unit : step;
	*a = (struct fox_acts){.kind = kind, .step = step};
	if (element(kind) == 0) {
		a->step = n;
		return 0;
	}
	uint8_t *at = block;
	a->q = at;
	size_t bytes = part(&at, rows * step * element(kind));
	if (blocks) {
		a->d = (float *)(void *)at;
		bytes += part(&at, rows * (step / FOX_ACTS_GROUP) * (sums ? 1 : 4) * sizeof(float));
	}
	if (sums) {
		a->sum = (int16_t *)(void *)at;
		bytes += part(&at, rows * (step / 16) * sizeof(int16_t));
	}
	return bytes;
}
