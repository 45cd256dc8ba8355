/* code_values.h - what the codes of types with a table stand for, in rising order of the code. Private to kernels/.
 * source: ggml-common.h kvalues_iq4nl, kvalues_mxfp4 and the magnitudes of iq2xxs_grid, iq3xxs_grid, iq3s_grid */
#ifndef FOX_CODE_VALUES_H
#define FOX_CODE_VALUES_H

/* iq4_nl, iq4_xs */
#define FOX_IQ4_VALUES -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
/* mxfp4, nvfp4: E2M1 doubled, so that it is whole; bit 3 is the sign */
#define FOX_FP4_VALUES 0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12
/* iq2: rows have no code 3 */
#define FOX_IQ2_VALUES 8, 25, 43, 0
#define FOX_IQ3_XXS_VALUES 4, 12, 20, 28, 36, 44, 52, 62
#define FOX_IQ3_S_VALUES 1, 3, 5, 7, 9, 11, 13, 15

#endif
