/* interleave.h - numbers of 2, 4 or 8 bytes apart into planes of bytes, and together again.
 *
 *   r = x rotated left by one bit;  plane[0][i] = most significant byte of r[i], ..., plane[width - 1][i] = least
 *
 * The rotation takes the sign from the front of a float to its end, so that for bf16 and f32 plane 0 is the exponent and
 * nothing else: of weights it takes few values, often, while sign and mantissa are close to random.  spec/planes.md 4 */
#ifndef FOX_INTERLEAVE_H
#define FOX_INTERLEAVE_H

#include "format/base/fox.h"

#define FOX_PLANES_MAX 8u

/* src: n little-endian numbers of `width` bytes (1, 2, 4 or 8; of 1: a copy), of any alignment. plane: `width` blocks of n
 * bytes, which overlap neither each other nor src. */
void fox_planes_split(uint8_t *const *plane, const uint8_t *src, size_t n, unsigned width);

/* The inverse. */
void fox_planes_join(uint8_t *dst, const uint8_t *const *plane, size_t n, unsigned width);

#endif
