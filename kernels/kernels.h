/* kernels.h - the table of compute kernels, and the contract each entry keeps.
 *
 * A kernel is a pure function: no allocation, no globals, no errors. Preconditions are asserted; shapes are
 * the caller's promise. Naming: fox_<op>_<type>_<isa>. Scalar kernels define the meaning: every sum below has
 * a fixed order, stated with its entry, so a result does not depend on threads or batch size. Other ISAs stay
 * within the stated bound. */
#ifndef FOX_KERNELS_H
#define FOX_KERNELS_H

#include "format/block.h"
#include "format/type.h"
#include "kernels/attn.h"
#include "kernels/cpu.h"
#include "kernels/product.h"

/*
 * dot - one row of weights times `cols` rows of activations, all in f32 ("exact" arithmetic)
 *
 *   y[c * y_step] = sum over i of w[i] * x[c * x_step + i]        w decoded to f32 exactly
 *
 * w       one row of n weights in its stored type; no alignment needed
 * x       f32, cols rows of n, x_step elements apart; no alignment needed
 * n       elements; a multiple of the type's block
 * cols    >= 1; the value of a column does not depend on how many columns are asked for at once
 * order   16 partial sums: element i goes to partial i % 16, in rising order; then partials are added
 *         pairwise 8, 4, 2, 1 apart (p[j] += p[j + 8], ...); a tail shorter than 16 goes to partials 0, 1...
 * bound   |y - y_scalar| <= 1e-6 * sum |w[i] * x[i]|  (FMA skips one rounding). Data contrived to bias every
 *         rounding stays within 2 (n / 16 + 5) 2^-24 * sum |w[i] * x[i]|: spec/kernels.md 3.2
 */
typedef void fox_dot_fn(
    float *y, size_t y_step, const void *w, const float *x, size_t x_step, size_t n, size_t cols);

/* decode - n stored weights (a multiple of the block) to f32. f32, f16, bf16: exact. Block types: the formula of
 * spec/quant.md, each operation rounded to f32 in the order that stands there. Bit-equal on every ISA (NaN payloads
 * included: a signalling f16 NaN comes out quiet, f32 and bf16 bits are kept). src needs no alignment. */
typedef void fox_decode_fn(float *dst, const void *src, size_t n);

/* encode - n f32 to a stored type: f16 and bf16 to nearest even, block types as spec/quant.md says (the same bytes as
 * ggml's reference quantizers without an importance matrix); bit-equal on every ISA. dst needs no alignment.
 * What does not survive is the caller's to count: fox_cast_report in quant.h. */
typedef void fox_encode_fn(void *dst, const float *src, size_t n);

/* encode_weighted - one row of n f32 to a block type, errors weighted by column (the same bytes as ggml's quantizers with
 * an importance matrix); bit-equal on every ISA
 *
 * importance  [n], >= 0 and finite: the mean square of the activation that meets each column
 * n           a whole row, not a piece of one: some types take a mean over the row */
typedef void fox_encode_weighted_fn(void *dst, const float *src, const float *importance, size_t n);

/* range - the magnitudes among n f32, as bits with the sign cleared, so that Inf and NaN are the largest
 * min_abs  the smallest that is not zero; UINT32_MAX when there is none
 * max_abs  the largest; 0 when n is 0
 * bound    equal on every ISA */
typedef void fox_range_fn(const float *src, size_t n, uint32_t *min_abs, uint32_t *max_abs);

/* How far a cast is from its source: sums over one span of values, or over one row (fox_cast_rows). */
struct fox_cast_error {
	double sum_square_error; /* of (x - y)^2, x the source and y what is stored */
	double sum_square;       /* of x^2 */
	double max_abs_error;    /* the largest |x - y| */
	uint64_t n;              /* values that count: those whose x - y is finite in f32 */
};

/* error - add to *e what n values y differ from x
 * order  x - y is rounded to f32, its square is exact in f64; 8 partial sums: value i goes to partial i % 8, in rising
 *        order; then partials are added pairwise, 4, 2, 1 apart, and the result to *e
 * bound  bit-equal on every ISA */
typedef void fox_error_fn(const float *x, const float *y, size_t n, struct fox_cast_error *e);

/* rmsnorm - y[i] = x[i] * (1 / sqrt(mean(x^2) + eps)) * w[i]; y may be x
 * order  the sum of squares in f64, rising
 * bound  |y - y_scalar| <= 1e-6 |y| */
typedef void fox_rmsnorm_fn(float *y, const float *x, const float *w, size_t n, float eps);

/* silu_mul - y[i] = g[i] / (1 + exp(-g[i])) * u[i]; y may be g or u
 * bound  |y - y_scalar| <= 1e-6 |y| + 1e-30; an element does not depend on n */
typedef void fox_silu_mul_fn(float *y, const float *g, const float *u, size_t n);

/* gelu_mul - y[i] = g[i] / (1 + exp(-2 t)) * u[i], t = sqrt(2 / pi) * (g[i] + 0.044715 g[i]^3); u NULL: no factor; y may be g
 * or u. The tanh form of GELU, g / 2 * (1 + tanh t), without its cancellation below 0; in f32 throughout, t rounded at each
 * operation.
 * bound  |y - y_scalar| <= 1e-6 |y| + 1e-30; an element does not depend on n
 * source Hendrycks and Gimpel 2016, section 2; transformers activations.py NewGELUActivation */
typedef void fox_gelu_mul_fn(float *y, const float *g, const float *u, size_t n);

/* layernorm - y[i] = (x[i] - mean) * (1 / sqrt(var + eps)) * w[i] + b[i], var the mean of (x - mean)^2; b NULL: 0;
 * y may be x
 * order  both sums in f64, rising
 * bound  |y - y_scalar| <= 1e-6 (|y| + |b|) */
typedef void fox_layernorm_fn(float *y, const float *x, const float *w, const float *b, size_t n, float eps);

/* softcap - x[i] = cap * tanh(x[i] / cap), in place; cap > 0
 * bound  |x - x_scalar| <= 1e-6 |x| */
typedef void fox_softcap_fn(float *x, size_t n, float cap);

/* axpy - y[i] += a * x[i]
 * order  each element is its own sum; product and sum are rounded one after the other
 * bound  bit-equal on every ISA */
typedef void fox_axpy_fn(float *y, float a, const float *x, size_t n);

/* rope - rotate pairs of one head in place: for i < n_pairs,
 *        (a, b) = (x[a_i], x[b_i]) becomes (a cos_i - b sin_i, a sin_i + b cos_i)
 * pairs  true: a_i = 2i, b_i = 2i + 1 (llama.cpp NORM); false: a_i = i, b_i = i + n_pairs (NEOX)
 * order  products exact in f64, their sum rounded to f64 and then to f32
 * bound  |y - y_scalar| <= 1e-6 (|a| + |b|) */
typedef void fox_rope_fn(float *x, const float *cos, const float *sin, size_t n_pairs, bool pairs);

struct fox_kernels {
	fox_dot_fn *dot[FOX_TYPE_LIMIT];       /* by weight type; NULL: this build cannot run it */
	fox_decode_fn *decode[FOX_TYPE_LIMIT]; /* NULL: values cannot be read */
	fox_encode_fn *encode[FOX_TYPE_LIMIT]; /* NULL: nothing is quantized to it */
	fox_encode_weighted_fn
	    *encode_weighted[FOX_TYPE_LIMIT]; /* NULL: importance does not matter, use encode */
	fox_acts_fn *acts[FOX_ACTS_COUNT];    /* F32: NULL */
	struct fox_gemv gemv[FOX_ARITH_COUNT][FOX_TYPE_LIMIT]; /* fn NULL: use dot */
	struct fox_gemm gemm[FOX_ARITH_COUNT][FOX_TYPE_LIMIT]; /* pack NULL: use gemv, or dot */
	fox_range_fn *range;
	fox_error_fn *error;
	fox_rmsnorm_fn *rmsnorm;
	fox_silu_mul_fn *silu_mul;
	fox_gelu_mul_fn *gelu_mul;
	fox_layernorm_fn *layernorm;
	fox_softcap_fn *softcap;
	fox_axpy_fn *axpy;
	fox_rope_fn *rope;
	struct fox_attn attn;
	const char *dot_isa[FOX_TYPE_LIMIT]; /* who won, for fox-inspect and for test reports */
	uint32_t isa;                        /* the set it was filled for */
};

/* Fill the table for a set of ISA bits: scalar first, then each better set overwrites. */
void fox_kernels_init(struct fox_kernels *k, uint32_t isa);
void fox_kernels_init_x86(struct fox_kernels *k, uint32_t isa);
void fox_kernels_init_gemv_x86(struct fox_kernels *k, uint32_t isa); /* a part of it */
void fox_kernels_init_gemm_x86(struct fox_kernels *k, uint32_t isa);

/* Overwrite the entries of gemm[arith] that `from`, a table by weight type, has (pack is not NULL). */
void fox_kernels_put_gemm(
    struct fox_kernels *k, enum fox_arith arith, const struct fox_gemm from[FOX_TYPE_LIMIT]);
void fox_kernels_init_vec_x86(struct fox_kernels *k, uint32_t isa); /* its part: attention and vectors */

/* The table for this CPU ($FOX_CPU_DISABLE respected), filled by the first call; any thread may make it. */
const struct fox_kernels *fox_kernels(void);

/* For --version (fits fox_version_extra): the lines "cpu: x86_64, avx2 avx512" and "cuda: ...". The text
 * lives in one buffer: not for two threads at once. */
const char *fox_kernels_describe(void);

/* The variants, for the ladders and for tests; everyone else asks the table. q8_0's scalar codecs: quant.h */
fox_dot_fn fox_dot_f32_scalar, fox_dot_f16_scalar, fox_dot_bf16_scalar, fox_dot_q8_0_scalar;
fox_dot_fn fox_dot_f32_avx2, fox_dot_f16_avx2, fox_dot_bf16_avx2, fox_dot_q8_0_avx2;
fox_decode_fn fox_decode_f32_scalar, fox_decode_f16_scalar, fox_decode_bf16_scalar;
fox_decode_fn fox_decode_f16_avx2, fox_decode_bf16_avx2, fox_decode_q8_0_avx2;
fox_encode_fn fox_encode_f32_scalar, fox_encode_f16_scalar, fox_encode_bf16_scalar;
fox_encode_fn fox_encode_f16_avx2, fox_encode_bf16_avx2, fox_encode_q8_0_avx2;
/* block types but q8_0 */
fox_dot_fn fox_dot_q4_0_scalar, fox_dot_q4_1_scalar, fox_dot_q5_0_scalar, fox_dot_q5_1_scalar,
    fox_dot_q2_k_scalar, fox_dot_q3_k_scalar, fox_dot_q4_k_scalar, fox_dot_q5_k_scalar, fox_dot_q6_k_scalar,
    fox_dot_iq4_nl_scalar, fox_dot_iq4_xs_scalar, fox_dot_mxfp4_scalar, fox_dot_nvfp4_scalar,
    fox_dot_iq1_s_scalar, fox_dot_iq1_m_scalar, fox_dot_iq2_xxs_scalar, fox_dot_iq2_xs_scalar,
    fox_dot_iq2_s_scalar, fox_dot_iq3_xxs_scalar, fox_dot_iq3_s_scalar, fox_dot_tq1_0_scalar,
    fox_dot_tq2_0_scalar, fox_dot_q1_0_scalar, fox_dot_q2_0_scalar;
fox_decode_fn fox_decode_q4_0_scalar, fox_decode_q4_1_scalar, fox_decode_q5_0_scalar, fox_decode_q5_1_scalar,
    fox_decode_q2_k_scalar, fox_decode_q3_k_scalar, fox_decode_q4_k_scalar, fox_decode_q5_k_scalar,
    fox_decode_q6_k_scalar, fox_decode_iq4_nl_scalar, fox_decode_iq4_xs_scalar, fox_decode_mxfp4_scalar,
    fox_decode_nvfp4_scalar, fox_decode_iq1_s_scalar, fox_decode_iq1_m_scalar, fox_decode_iq2_xxs_scalar,
    fox_decode_iq2_xs_scalar, fox_decode_iq2_s_scalar, fox_decode_iq3_xxs_scalar, fox_decode_iq3_s_scalar,
    fox_decode_tq1_0_scalar, fox_decode_tq2_0_scalar, fox_decode_q1_0_scalar, fox_decode_q2_0_scalar;
fox_encode_fn fox_encode_q4_0_scalar, fox_encode_q4_1_scalar, fox_encode_q5_0_scalar, fox_encode_q5_1_scalar,
    fox_encode_q2_k_scalar, fox_encode_q3_k_scalar, fox_encode_q4_k_scalar, fox_encode_q5_k_scalar,
    fox_encode_q6_k_scalar, fox_encode_iq4_nl_scalar, fox_encode_iq4_xs_scalar, fox_encode_mxfp4_scalar,
    fox_encode_nvfp4_scalar;
fox_encode_weighted_fn fox_encode_weighted_q4_0_scalar, fox_encode_weighted_q4_1_scalar,
    fox_encode_weighted_q5_0_scalar, fox_encode_weighted_q5_1_scalar, fox_encode_weighted_q2_k_scalar,
    fox_encode_weighted_q3_k_scalar, fox_encode_weighted_q4_k_scalar, fox_encode_weighted_q5_k_scalar,
    fox_encode_weighted_q6_k_scalar, fox_encode_weighted_iq4_nl_scalar, fox_encode_weighted_iq4_xs_scalar;
fox_dot_fn fox_dot_q4_0_avx2, fox_dot_q4_1_avx2, fox_dot_q5_0_avx2, fox_dot_q5_1_avx2, fox_dot_q2_k_avx2,
    fox_dot_q3_k_avx2, fox_dot_q4_k_avx2, fox_dot_q5_k_avx2, fox_dot_q6_k_avx2, fox_dot_iq4_nl_avx2,
    fox_dot_iq4_xs_avx2, fox_dot_mxfp4_avx2, fox_dot_nvfp4_avx2, fox_dot_iq1_s_avx2, fox_dot_iq1_m_avx2,
    fox_dot_iq2_xxs_avx2, fox_dot_iq2_xs_avx2, fox_dot_iq2_s_avx2, fox_dot_iq3_xxs_avx2, fox_dot_iq3_s_avx2,
    fox_dot_tq1_0_avx2, fox_dot_tq2_0_avx2, fox_dot_q1_0_avx2, fox_dot_q2_0_avx2;
fox_decode_fn fox_decode_q4_0_avx2, fox_decode_q4_1_avx2, fox_decode_q5_0_avx2, fox_decode_q5_1_avx2,
    fox_decode_q2_k_avx2, fox_decode_q3_k_avx2, fox_decode_q4_k_avx2, fox_decode_q5_k_avx2,
    fox_decode_q6_k_avx2, fox_decode_iq4_nl_avx2, fox_decode_iq4_xs_avx2, fox_decode_mxfp4_avx2,
    fox_decode_nvfp4_avx2, fox_decode_iq1_s_avx2, fox_decode_iq1_m_avx2, fox_decode_iq2_xxs_avx2,
    fox_decode_iq2_xs_avx2, fox_decode_iq2_s_avx2, fox_decode_iq3_xxs_avx2, fox_decode_iq3_s_avx2,
    fox_decode_q1_0_avx2;
fox_encode_fn fox_encode_q4_0_avx2, fox_encode_q4_1_avx2, fox_encode_q5_0_avx2, fox_encode_q5_1_avx2,
    fox_encode_q2_k_avx2, fox_encode_q3_k_avx2, fox_encode_q4_k_avx2, fox_encode_q5_k_avx2,
    fox_encode_q6_k_avx2, fox_encode_iq4_nl_avx2, fox_encode_iq4_xs_avx2, fox_encode_mxfp4_avx2,
    fox_encode_nvfp4_avx2;
fox_encode_weighted_fn fox_encode_weighted_q4_0_avx2, fox_encode_weighted_q4_1_avx2,
    fox_encode_weighted_q5_0_avx2, fox_encode_weighted_q5_1_avx2, fox_encode_weighted_q2_k_avx2,
    fox_encode_weighted_q3_k_avx2, fox_encode_weighted_q4_k_avx2, fox_encode_weighted_q5_k_avx2,
    fox_encode_weighted_q6_k_avx2, fox_encode_weighted_iq4_nl_avx2, fox_encode_weighted_iq4_xs_avx2;
fox_range_fn fox_range_scalar, fox_range_avx2;
fox_error_fn fox_error_scalar, fox_error_avx2;
fox_axpy_fn fox_axpy_scalar, fox_axpy_avx2, fox_axpy_avx512;
fox_rmsnorm_fn fox_rmsnorm_scalar, fox_rmsnorm_avx2, fox_rmsnorm_avx512;
fox_silu_mul_fn fox_silu_mul_scalar, fox_silu_mul_avx2, fox_silu_mul_avx512;
fox_gelu_mul_fn fox_gelu_mul_scalar, fox_gelu_mul_avx2, fox_gelu_mul_avx512;
fox_layernorm_fn fox_layernorm_scalar, fox_layernorm_avx2, fox_layernorm_avx512;
fox_softcap_fn fox_softcap_scalar, fox_softcap_avx2, fox_softcap_avx512;
fox_rope_fn fox_rope_scalar, fox_rope_avx2, fox_rope_avx512;
fox_acts_fn fox_acts_bf16_scalar, fox_acts_bf16x3_scalar, fox_acts_q8_scalar, fox_acts_q16_scalar;
fox_acts_fn fox_acts_u8_scalar, fox_acts_u8_avx2;
/* gemm: one table for each way of multiplying */
extern const struct fox_gemm fox_gemm_exact_scalar[FOX_TYPE_LIMIT], fox_gemm_exact_avx2[FOX_TYPE_LIMIT],
    fox_gemm_f32_avx2[FOX_TYPE_LIMIT], fox_gemm_u8_avx2[FOX_TYPE_LIMIT], fox_gemm_i16_avx2[FOX_TYPE_LIMIT],
    fox_gemm_u8_wide_avx2[FOX_TYPE_LIMIT], fox_gemm_bf16_avx512bf16[FOX_TYPE_LIMIT],
    fox_gemm_fast_amx[FOX_TYPE_LIMIT], fox_gemm_exact_amx[FOX_TYPE_LIMIT];
fox_panel_mul_fn fox_panel_mul_u8_32_avx2, fox_panel_mul_u8_32b_avx2, fox_panel_mul_u8_16_avx2,
    fox_panel_mul_u8_16b_avx2;
fox_panel_mul_fn fox_panel_mul_u8_32_avx512, fox_panel_mul_u8_32b_avx512, fox_panel_mul_u8_16_avx512,
    fox_panel_mul_u8_16b_avx512, fox_panel_mul_exact_avx512, fox_panel_mul_f32_avx512;

/* gemv: fast, then exact; where a table has no entry, dot serves */
fox_gemv_fn fox_gemv_q8_0_scalar, fox_gemv_q4_0_scalar, fox_gemv_q4_1_scalar, fox_gemv_q5_0_scalar,
    fox_gemv_q5_1_scalar, fox_gemv_iq4_nl_scalar, fox_gemv_mxfp4_scalar, fox_gemv_nvfp4_scalar,
    fox_gemv_q2_k_scalar, fox_gemv_q3_k_scalar, fox_gemv_q4_k_scalar, fox_gemv_q5_k_scalar,
    fox_gemv_q6_k_scalar, fox_gemv_iq4_xs_scalar;
fox_gemv_fn fox_gemv_q8_0_avx2, fox_gemv_q4_0_avx2, fox_gemv_q4_1_avx2, fox_gemv_q5_0_avx2,
    fox_gemv_q5_1_avx2, fox_gemv_iq4_nl_avx2, fox_gemv_mxfp4_avx2, fox_gemv_nvfp4_avx2, fox_gemv_q2_k_avx2,
    fox_gemv_q3_k_avx2, fox_gemv_q4_k_avx2, fox_gemv_q5_k_avx2, fox_gemv_q6_k_avx2, fox_gemv_iq4_xs_avx2;
fox_gemv_fn fox_gemv_exact_f32_avx2, fox_gemv_exact_f16_avx2, fox_gemv_exact_bf16_avx2,
    fox_gemv_exact_q8_0_avx2, fox_gemv_exact_q4_0_avx2, fox_gemv_exact_q4_1_avx2, fox_gemv_exact_q5_0_avx2,
    fox_gemv_exact_q5_1_avx2, fox_gemv_exact_iq4_nl_avx2, fox_gemv_exact_mxfp4_avx2,
    fox_gemv_exact_nvfp4_avx2, fox_gemv_exact_q2_k_avx2, fox_gemv_exact_q3_k_avx2, fox_gemv_exact_q4_k_avx2,
    fox_gemv_exact_q5_k_avx2, fox_gemv_exact_q6_k_avx2, fox_gemv_exact_iq4_xs_avx2,
    fox_gemv_exact_iq1_s_avx2, fox_gemv_exact_iq1_m_avx2, fox_gemv_exact_iq2_xxs_avx2,
    fox_gemv_exact_iq2_xs_avx2, fox_gemv_exact_iq2_s_avx2, fox_gemv_exact_iq3_xxs_avx2,
    fox_gemv_exact_iq3_s_avx2, fox_gemv_exact_tq1_0_avx2, fox_gemv_exact_tq2_0_avx2,
    fox_gemv_exact_q1_0_avx2, fox_gemv_exact_q2_0_avx2;
fox_acts_fn fox_acts_bf16_avx2, fox_acts_bf16x3_avx2, fox_acts_q8_avx2, fox_acts_q16_avx2;
fox_gemv_fn fox_gemv_q8_0_avx512, fox_gemv_q4_0_avx512, fox_gemv_q4_1_avx512, fox_gemv_q5_0_avx512,
    fox_gemv_q5_1_avx512, fox_gemv_iq4_nl_avx512, fox_gemv_mxfp4_avx512, fox_gemv_q2_k_avx512,
    fox_gemv_q3_k_avx512, fox_gemv_q4_k_avx512, fox_gemv_q5_k_avx512, fox_gemv_q6_k_avx512,
    fox_gemv_iq4_xs_avx512;
fox_gemv_fn fox_gemv_exact_f32_avx512, fox_gemv_exact_f16_avx512, fox_gemv_exact_bf16_avx512,
    fox_gemv_exact_q8_0_avx512;
fox_gemv_fn fox_gemv_bf16_avx512bf16;
fox_acts_fn fox_acts_bf16_avx512, fox_acts_bf16x3_avx512, fox_acts_q8_avx512, fox_acts_q16_avx512;

#endif
