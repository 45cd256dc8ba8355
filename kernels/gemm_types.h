/* gemm_types.h - the types whose weights can be decoded to f32, for tables with an entry for each. Private to kernels/. */
#ifndef FOX_GEMM_TYPES_H
#define FOX_GEMM_TYPES_H

/* WIDE(ID, name): decoders exist for vector sets; PLAIN(ID, name): the scalar one serves all. */
#define FOX_GEMM_TYPES(WIDE, PLAIN)                                                                          \
	FOX_GEMM_FLOATS(WIDE, PLAIN)                                                                             \
	FOX_GEMM_BLOCKS(WIDE, PLAIN)

#define FOX_GEMM_FLOATS(WIDE, PLAIN)                                                                         \
	PLAIN(F32, f32)                                                                                          \
	WIDE(F16, f16)                                                                                           \
	WIDE(BF16, bf16)

#define FOX_GEMM_BLOCKS(WIDE, PLAIN)                                                                         \
	WIDE(Q8_0, q8_0)                                                                                         \
	WIDE(Q4_0, q4_0)                                                                                         \
	WIDE(Q4_1, q4_1)                                                                                         \
	WIDE(Q5_0, q5_0)                                                                                         \
	WIDE(Q5_1, q5_1)                                                                                         \
	WIDE(Q2_K, q2_k)                                                                                         \
	WIDE(Q3_K, q3_k)                                                                                         \
	WIDE(Q4_K, q4_k)                                                                                         \
	WIDE(Q5_K, q5_k)                                                                                         \
	WIDE(Q6_K, q6_k)                                                                                         \
	WIDE(IQ4_NL, iq4_nl)                                                                                     \
	WIDE(IQ4_XS, iq4_xs)                                                                                     \
	WIDE(MXFP4, mxfp4)                                                                                       \
	WIDE(NVFP4, nvfp4)                                                                                       \
	WIDE(IQ1_S, iq1_s)                                                                                       \
	WIDE(IQ1_M, iq1_m)                                                                                       \
	WIDE(IQ2_XXS, iq2_xxs)                                                                                   \
	WIDE(IQ2_XS, iq2_xs)                                                                                     \
	WIDE(IQ2_S, iq2_s)                                                                                       \
	WIDE(IQ3_XXS, iq3_xxs)                                                                                   \
	WIDE(IQ3_S, iq3_s)                                                                                       \
	WIDE(Q1_0, q1_0)                                                                                         \
	PLAIN(TQ1_0, tq1_0)                                                                                      \
	PLAIN(TQ2_0, tq2_0)                                                                                      \
	PLAIN(Q2_0, q2_0)

#endif
