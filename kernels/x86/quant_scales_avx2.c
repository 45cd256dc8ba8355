/* quant_scales_avx2.c - fox_k_fit_scales for eight super-blocks at once: lane b belongs to super-block b. */
#include "kernels/x86/lanes_avx2.h"

enum { SUBS = FOX_K_SUBS, BATCH = FOX_K_BATCH };

struct scale_sums {
	__m256 qx, qq;
};

LANES_INLINE __m256i scale_code(__m256 v, int top)
{
	return _mm256_min_epi32(lanes_nearest(v), _mm256_set1_epi32(top));
}

LANES_INLINE __m256 scales_error(const __m256 *x, const __m256 *w, int n, int top, __m256 inverse, int mask)
{
	__m256 scale = _mm256_div_ps(_mm256_set1_ps(1), inverse), sum = _mm256_setzero_ps();
	for (int i = 0; i < n; i++) {
		__m256i c = _mm256_and_si256(scale_code(_mm256_mul_ps(inverse, x[i]), top), _mm256_set1_epi32(mask));
		__m256 diff = _mm256_sub_ps(x[i], _mm256_mul_ps(scale, _mm256_cvtepi32_ps(c)));
		sum = _mm256_add_ps(sum, _mm256_mul_ps(_mm256_mul_ps(w[i], diff), diff));
	}
	return sum;
}

/* One code of each lane. Returns the lanes whose code moved. */
LANES_INLINE __m256 move_scale(struct scale_sums *s, __m256i *q, __m256 x, __m256 w, int top)
{
	const __m256 zero = _mm256_setzero_ps();
	__m256 old = _mm256_cvtepi32_ps(*q), wx = _mm256_mul_ps(w, x);
	__m256 qx = _mm256_sub_ps(s->qx, _mm256_mul_ps(wx, old));
	__m256 qq = _mm256_sub_ps(s->qq, _mm256_mul_ps(_mm256_mul_ps(w, old), old));
	__m256 valid = _mm256_and_ps(lanes_less(zero, qx), lanes_less(zero, qq));
	__m256i code = scale_code(_mm256_div_ps(_mm256_mul_ps(x, qq), qx), top);
	valid = _mm256_andnot_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(code, *q)), valid);
	__m256 c = _mm256_cvtepi32_ps(code);
	qx = _mm256_add_ps(qx, _mm256_mul_ps(wx, c));
	qq = _mm256_add_ps(qq, _mm256_mul_ps(_mm256_mul_ps(w, c), c));
	__m256 now = _mm256_mul_ps(_mm256_mul_ps(s->qx, s->qx), qq);
	__m256 better = lanes_less(now, _mm256_mul_ps(_mm256_mul_ps(qx, qx), s->qq));
	better = _mm256_and_ps(better, valid);
	code = _mm256_and_si256(code, _mm256_set1_epi32(0xff));
	*q = _mm256_blendv_epi8(*q, code, _mm256_castps_si256(better));
	s->qx = lanes_pick(better, qx, s->qx);
	s->qq = lanes_pick(better, qq, s->qq);
	return better;
}

/* fox_k_fit_scales for eight super-blocks of n sub-blocks. */
static void fit_scales(float scale[BATCH], __m256i *q, const __m256 *x, const __m256 *w, int n, int top)
{
	const __m256 zero = _mm256_setzero_ps();
	__m256 max = zero;
	for (int i = 0; i < n; i++)
		max = _mm256_max_ps(max, x[i]);
	__m256 none = lanes_less(max, _mm256_set1_ps(FOX_K_TINY));
	__m256 inverse = _mm256_div_ps(_mm256_set1_ps((float)top), max);
	__m256 best = scales_error(x, w, n, top, inverse, 0xff);
	for (int i = -4; i <= 4; i++) {
		if (i == 0)
			continue;
		__m256 tried = _mm256_div_ps(_mm256_set1_ps(0.1f * (float)i + (float)top), max);
		__m256 error = scales_error(x, w, n, top, tried, -1), better = lanes_less(error, best);
		best = lanes_pick(better, error, best);
		inverse = lanes_pick(better, tried, inverse);
	}
	struct scale_sums s = {zero, zero};
	for (int i = 0; i < n; i++) {
		__m256i code = scale_code(_mm256_mul_ps(inverse, x[i]), top);
		__m256 c = _mm256_cvtepi32_ps(code);
		q[i] = _mm256_and_si256(code, _mm256_set1_epi32(0xff));
		s.qx = _mm256_add_ps(s.qx, _mm256_mul_ps(_mm256_mul_ps(w[i], x[i]), c));
		s.qq = _mm256_add_ps(s.qq, _mm256_mul_ps(_mm256_mul_ps(w[i], c), c));
	}
	__m256 moved = _mm256_cmp_ps(zero, zero, _CMP_EQ_OQ);
	for (int round = 0; round < 5 && _mm256_movemask_ps(moved); round++) {
		moved = zero;
		for (int i = 0; i < n; i++)
			moved = _mm256_or_ps(moved, move_scale(&s, &q[i], x[i], w[i], top));
		moved = _mm256_andnot_ps(none, moved);
	}
	for (int i = 0; i < n; i++)
		q[i] = _mm256_andnot_si256(_mm256_castps_si256(none), q[i]);
	__m256 result = _mm256_and_ps(lanes_less(zero, s.qq), _mm256_div_ps(s.qx, s.qq));
	_mm256_storeu_ps(scale, _mm256_andnot_ps(none, result));
}

void fox_k_fit_scales_avx2(uint8_t codes[][FOX_K_SUBS], uint16_t d[], float values[][FOX_K_SUBS],
    float weights[][FOX_K_SUBS], int n, int top)
{
	__m256 x[SUBS], w[SUBS];
	__m256i q[SUBS];
	float scale[BATCH];
	lanes_load(x, 1, values[0], SUBS, n);
	lanes_load(w, 1, weights[0], SUBS, n);
	fit_scales(scale, q, x, w, n, top);
	for (int s = 0; s < n; s++) {
		int32_t lane[BATCH];
		_mm256_storeu_si256((__m256i *)(void *)lane, q[s]);
		for (int b = 0; b < BATCH; b++)
			codes[b][s] = (uint8_t)lane[b];
	}
	for (int b = 0; b < BATCH; b++)
		d[b] = fox_f32_to_f16(scale[b]);
}
