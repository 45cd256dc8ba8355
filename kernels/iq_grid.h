/* iq_grid.h - the grids of the iq types: which eight (iq3: four) values a row number stands for. Private to kernels/.
 *
 * A row is one number: value j is the code in its bits 2j and 2j + 1 (iq3: the four bits from 4j). What a code stands for:
 * iq2 and iq3: code_values.h; iq1 -1, 0, 1.
 * source: ggml-common.h iq2xxs_grid and its like */
#ifndef FOX_IQ_GRID_H
#define FOX_IQ_GRID_H

#include <stdint.h>

/* CUDA code includes iq_grid_tab.c itself, after it has said where its own copy lies. */
#ifndef FOX_GRID
#define FOX_GRID const
extern const uint16_t fox_grid_iq2_xxs[256], fox_grid_iq2_xs[512], fox_grid_iq2_s[1024], fox_grid_iq3_xxs[256],
    fox_grid_iq3_s[512], fox_grid_iq1[2048]; /* iq1: of iq1_s and iq1_m */
#endif

#endif
