/* ops.h - operations on an open CUDA device: what runtime/cuda_exec.c calls, what tests/cuda checks against sums in double.
 *
 * Every pointer without a word beside it is device memory; [a][b] is row-major, f32 unless said. Sizes are the caller's
 * promise. Each returns FOX_OK or FOX_E_UNSUPPORTED / FOX_E_IO with CUDA's own words; results repeat bit for bit: no sum
 * depends on which block came first.
 *
 * pos     device u32: the position of row 0; row r is at pos + r. In device memory so that a recorded program serves all.
 * rows    >= 1 */
#ifndef FOX_CUDA_OPS_H
#define FOX_CUDA_OPS_H

#include "format/type.h"
#include "kernels/cuda/cuda.h"
#include "kernels/product.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A weight matrix as stored: data is 2-byte aligned at least (f32: 4), row_bytes likewise. FOX_CUDA_PAD bytes past its last row
 * can be read: kernels round loads up. */
#define FOX_CUDA_PAD 256u
struct fox_cuda_matrix {
	const void *data;
	enum fox_type type;
	uint32_t rows, cols;
	uint64_t row_bytes;
};

/* w NULL: no norm. bias NULL: none. layer false: y = x / sqrt(mean(x^2) + eps) * w; true: (x - mean) / sqrt(var + eps) * w + bias */
struct fox_cuda_norm {
	const float *w, *bias;
	float eps;
	bool layer;
};

enum fox_cuda_act { FOX_CUDA_SILU, FOX_CUDA_GELU }; /* those of silu_mul and gelu_mul in kernels/kernels.h */

/* y[r] = row ids[r] of w, decoded, times scale; ids: device i32 [rows], in range */
enum fox_status fox_cuda_embed(struct fox_cuda *c, float *y, const struct fox_cuda_matrix *w, const int32_t *ids,
    uint32_t rows, float scale, struct fox_err *err) FOX_MUST_CHECK;
/* y[r] = a[r] + row pos + r of w */
enum fox_status fox_cuda_add_pos(struct fox_cuda *c, float *y, const float *a, const struct fox_cuda_matrix *w,
    const uint32_t *pos, uint32_t rows, struct fox_err *err) FOX_MUST_CHECK;
/* n vectors of `cols` elements; y may be x */
enum fox_status fox_cuda_norm(struct fox_cuda *c, float *y, const float *x, const struct fox_cuda_norm *norm, uint32_t n,
    uint32_t cols, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_cuda_add(struct fox_cuda *c, float *y, const float *a, const float *b, uint64_t n,
    struct fox_err *err) FOX_MUST_CHECK;
/* y = act(gate) * up; up NULL: act(gate) */
enum fox_status fox_cuda_act_mul(struct fox_cuda *c, float *y, const float *gate, const float *up, uint64_t n,
    enum fox_cuda_act act, struct fox_err *err) FOX_MUST_CHECK;
/* y = cap * tanh(y / cap) */
enum fox_status fox_cuda_softcap(struct fox_cuda *c, float *y, uint64_t n, float cap, struct fox_err *err) FOX_MUST_CHECK;
/* *best = the lowest index of the largest of n logits (as fox_sample's greedy choice: runtime/sample.h; -1 when none is a
 * number above -inf); device i32. scratch: FOX_CUDA_ARGMAX_BYTES */
#define FOX_CUDA_ARGMAX_BYTES 1024u
enum fox_status fox_cuda_argmax(struct fox_cuda *c, int32_t *best, const float *logits, uint32_t n, void *scratch,
    struct fox_err *err) FOX_MUST_CHECK;

/* Angles: cos, sin [positions][pairs]. adjacent: elements 2i and 2i + 1, else i and i + pairs. */
struct fox_cuda_rope {
	const float *cos, *sin;
	uint32_t pairs;
	bool adjacent;
};
/* x [rows][heads][dim], in place */
enum fox_status fox_cuda_rope(struct fox_cuda *c, float *x, const struct fox_cuda_rope *rope, const uint32_t *pos,
    uint32_t rows, uint32_t heads, uint32_t dim, struct fox_err *err) FOX_MUST_CHECK;

/*
 * The cache of one layer, in pages of FOX_CUDA_PAGE positions: page i of positions is pages[i % n_pages] (a device array of
 * device pointers). In a page the layer's keys lie at key_at, its values at value_at, each side fox_cuda_side_bytes long:
 *   f32, f16, bf16   [kv_heads][FOX_CUDA_PAGE][dim]
 *   q8_0             [kv_heads] of int8 [FOX_CUDA_PAGE][dim], then f16 d [FOX_CUDA_PAGE][dim / 32]
 * key_at and value_at are multiples of 256.
 */
#define FOX_CUDA_PAGE 256u
struct fox_cuda_cache {
	void *const *pages;
	uint32_t n_pages;
	uint64_t key_at, value_at;
	enum fox_type type;
	uint32_t kv_heads, dim;
};
uint64_t fox_cuda_side_bytes(enum fox_type type, uint32_t kv_heads, uint32_t dim); /* a multiple of 256 */

/* k, v [rows][kv_heads][dim], rounded as the CPU's encoders round. rope not NULL: keys are rotated on the way (k is not
 * changed), and q [rows][heads][dim] too, in place, when q is not NULL: one launch for rope, rope, kv_put. */
struct fox_cuda_put {
	const struct fox_cuda_cache *cache;
	const float *k, *v;
	const struct fox_cuda_rope *rope;
	float *q;
	uint32_t heads;
	const uint32_t *pos;
	uint32_t rows;
};
enum fox_status fox_cuda_kv_put(struct fox_cuda *c, const struct fox_cuda_put *put, struct fox_err *err) FOX_MUST_CHECK;

/*
 * y [rows][heads][dim] = causal attention of q over the cache, spec/runtime.md 4 with its meaning but not its order of sums.
 * What a row gets does not depend on `pages` nor on the rows beside it, only on whether there are more than FOX_CUDA_FEW.
 *
 * slopes   ALiBi, [heads]; NULL: none.   cap 0, window 0: none
 * pages    pages that positions 0 .. last row can touch, at most: how far the launch reaches. A recorded program serves
 *          positions up to pages * FOX_CUDA_PAGE.
 * scratch  fox_cuda_attn_scratch bytes
 */
#define FOX_CUDA_FEW 8u /* rows that are a step of decoding; more are a prompt */
struct fox_cuda_attn {
	const struct fox_cuda_cache *cache;
	const float *q;
	float *y;
	const uint32_t *pos;
	uint32_t rows, heads, pages, window;
	float scale, cap;
	const float *slopes;
	void *scratch;
	enum fox_arith arith; /* fast: tensor cores may round q, k, weights and v to bf16 or f16 */
};
uint64_t fox_cuda_attn_scratch(uint32_t rows, uint32_t heads, uint32_t kv_heads, uint32_t dim, uint32_t pages);
enum fox_status fox_cuda_attn(struct fox_cuda *c, const struct fox_cuda_attn *a, struct fox_err *err) FOX_MUST_CHECK;

/*
 * Products: part p's y_p [rows][w_p.rows] = x [rows][cols] times w_p transposed, plus bias_p.
 *
 * exact   f32 activations times decoded weights, f32 sums (matmul: parts of 16 bits whose products give near-f32 results)
 * fast    activations rounded once: to 8-bit groups of 32 (as FOX_ACTS_Q8) where integers pay, else f32. matmul: both sides to bf16,
 *         weights that bf16 cannot hold too; to f16 under a power of two for each row where all parts are f16
 *
 * Bounds: matvec.cuh, matmul.cuh. An f16 part beside one of another type is multiplied as that one is.
 */
enum fox_cuda_end {
	FOX_CUDA_STORE, /* y = */
	FOX_CUDA_ADD,   /* y += (y is both the stream that is added to and the result) */
	FOX_CUDA_GATE,  /* two parts of the same rows: part[0].y = act(part 0) * part 1; part[1].y is not used */
};
struct fox_cuda_part {
	struct fox_cuda_matrix w;
	const float *bias; /* [w.rows], or NULL */
	float *y;
};
#define FOX_CUDA_PARTS 4u
struct fox_cuda_product {
	enum fox_arith arith;
	const float *x;
	uint32_t rows, cols;
	struct fox_cuda_norm norm; /* of each row of x before the product; matvec only */
	struct fox_cuda_part part[FOX_CUDA_PARTS];
	uint32_t n_parts;
	enum fox_cuda_end end;
	enum fox_cuda_act act;
	void *scratch; /* fox_cuda_product_scratch bytes */
};
/* Of any product of at most so many rows and columns, matvec or matmul, in that arithmetic. */
uint64_t fox_cuda_product_scratch(enum fox_arith arith, uint32_t rows, uint32_t cols);
/* rows <= FOX_CUDA_FEW: streams the weights once. */
enum fox_status fox_cuda_matvec(struct fox_cuda *c, const struct fox_cuda_product *p, struct fox_err *err) FOX_MUST_CHECK;
/* Any rows: tensor cores. norm.w must be NULL. */
enum fox_status fox_cuda_matmul(struct fox_cuda *c, const struct fox_cuda_product *p, struct fox_err *err) FOX_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
