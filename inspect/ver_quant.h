/* ver_quant.h - quantized tensors against their source: what is counted of them, and how far they may be off.
 * spec/verify.md 3.9 */
#ifndef FOX_VER_QUANT_H
#define FOX_VER_QUANT_H

#include "format/type.h"

/* How weights were rounded, by what the container says. */
enum fox_ver_rounding {
	FOX_VER_NEAREST,  /* all columns counted alike */
	FOX_VER_WEIGHTED, /* columns differed in importance: scales suit some more than others */
	FOX_VER_FED_BACK  /* what rounding cost a weight was made up for by others */
};

/* Of a tensor or a piece of it. x the source's values, y the container's. Zero-initialise, and say how. */
struct fox_ver_quant {
	enum fox_ver_rounding how;
	uint64_t n;        /* weights */
	double x2, y2, e2; /* sums of x^2, y^2, (x - y)^2 */
	double range2;     /* of the squares of what the range of the type's scales may cost each weight */
	double row_x2, row_e2, row_range2; /* of the row in work */
	double worst_row;                  /* largest error of a row: root of (e2 - range2) / x2 */
	uint64_t worst_row_at;
	uint64_t n_off[3]; /* weights 1, 2, and 3 or more values away from the nearest that their scales give */
	uint32_t farthest; /* most values away */
	uint64_t off_row, off_col;     /* the first of them */
	uint64_t n_blocks_off;         /* blocks farther from the source than any rounding puts them */
	uint64_t block_row, block_col; /* the first of them */
};

/*
 * fox_ver_quant_blocks - add a part of a row; fox_ver_quant_end_row - that was the row's last
 *
 * type    known to ver_block.h
 * got     n weights, a multiple of the type's block
 * x       [n] the source's values
 */
void fox_ver_quant_blocks(struct fox_ver_quant *q, enum fox_type type, uint64_t row, uint64_t col,
    const uint8_t *got, const double *x, uint64_t n);
void fox_ver_quant_end_row(struct fox_ver_quant *q, uint64_t row);

/* Add the counts of another piece, that comes after. */
void fox_ver_quant_merge(struct fox_ver_quant *into, const struct fox_ver_quant *from);

/* The relative error, root of e2 / x2; 0 where the source is zeros and the container too, else infinite. */
double fox_ver_quant_error(const struct fox_ver_quant *q);

/* Is the tensor what a quantizer makes of the source? Else false, and why in text. */
bool fox_ver_quant_judge(const struct fox_ver_quant *q, enum fox_type type, char text[320]);

#endif
