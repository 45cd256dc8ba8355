/* codec_avx2.c - stored weights to f32 and back; bit for bit what the scalar codecs give. */
#include <assert.h>
#include <float.h>
#include <immintrin.h>
#include <string.h>

#include "kernels/half.h"
#include "kernels/kernels.h"

static inline __m256i abs_bits(__m256i bits)
{
	return _mm256_and_si256(bits, _mm256_set1_epi32(0x7fffffff));
}

void fox_decode_f16_avx2(float *dst, const void *src, size_t n)
{
	const uint8_t *in = src;
	size_t i = 0;
	for (; i + 8 <= n; i += 8)
		_mm256_storeu_ps(
		    dst + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(in + 2 * i))));
	for (; i < n; i++) {
		uint16_t h;
		memcpy(&h, in + 2 * i, sizeof h);
		dst[i] = fox_f16_to_f32(h);
	}
}

void fox_decode_bf16_avx2(float *dst, const void *src, size_t n)
{
	const uint8_t *in = src;
	size_t i = 0;
	for (; i + 8 <= n; i += 8) {
		__m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)(in + 2 * i)));
		_mm256_storeu_ps(dst + i, _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16)));
	}
	for (; i < n; i++) {
		uint16_t h;
		memcpy(&h, in + 2 * i, sizeof h);
		dst[i] = fox_bf16_to_f32(h);
	}
}

void fox_encode_f16_avx2(void *dst, const float *src, size_t n)
{
	uint8_t *out = dst;
	size_t i = 0;
	for (; i + 8 <= n; i += 8)
		_mm_storeu_si128((__m128i *)(void *)(out + 2 * i),
		    _mm256_cvtps_ph(_mm256_loadu_ps(src + i), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
	for (; i < n; i++) {
		uint16_t h = fox_f32_to_f16(src[i]);
		memcpy(out + 2 * i, &h, sizeof h);
	}
}

/* Eight bf16 in the low halves of 32-bit lanes. */
static inline __m256i narrow_bf16(const float *src)
{
	__m256i bits = _mm256_castps_si256(_mm256_loadu_ps(src));
	__m256i top = _mm256_srli_epi32(bits, 16);
	__m256i odd = _mm256_and_si256(top, _mm256_set1_epi32(1));
	__m256i sum = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
	__m256i quiet = _mm256_or_si256(top, _mm256_set1_epi32(0x40));
	__m256i is_nan = _mm256_cmpgt_epi32(abs_bits(bits), _mm256_set1_epi32(0x7f800000));
	return _mm256_blendv_epi8(_mm256_srli_epi32(sum, 16), quiet, is_nan);
}

void fox_encode_bf16_avx2(void *dst, const float *src, size_t n)
{
	uint8_t *out = dst;
	size_t i = 0;
	for (; i + 16 <= n; i += 16) {
		/* packus works within 128-bit halves: put the quarters back in order */
		__m256i mixed = _mm256_packus_epi32(narrow_bf16(src + i), narrow_bf16(src + i + 8));
		_mm256_storeu_si256((__m256i *)(void *)(out + 2 * i), _mm256_permute4x64_epi64(mixed, 0xd8));
	}
	for (; i < n; i++) {
		uint16_t h = fox_f32_to_bf16(src[i]);
		memcpy(out + 2 * i, &h, sizeof h);
	}
}

static inline float max_lane(__m256 v)
{
	__m128 m = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
	m = _mm_max_ps(m, _mm_movehl_ps(m, m));
	return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}

/* Halves away from zero: adding the largest float below 0.5 and cutting is exact for every float this small,
 * where adding 0.5 is not for 0.5's neighbour. A quotient that is not finite becomes 0x80000000, and then 0.
 */
static inline __m256i round_i32(__m256 v)
{
	__m256 sign = _mm256_and_ps(v, _mm256_set1_ps(-0.0f));
	__m256 nudge = _mm256_or_ps(_mm256_set1_ps(0x1.fffffep-2f), sign);
	__m256i q = _mm256_cvttps_epi32(_mm256_add_ps(v, nudge));
	return _mm256_andnot_si256(_mm256_cmpeq_epi32(q, _mm256_set1_epi32(INT32_MIN)), q);
}

static inline void encode_block(uint8_t *out, const float *src)
{
	const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
	__m256 v[4], amax = _mm256_setzero_ps();
	for (int i = 0; i < 4; i++) {
		v[i] = _mm256_loadu_ps(src + 8 * i);
		amax = _mm256_max_ps(_mm256_and_ps(v[i], magnitude), amax); /* keeps amax where v is NaN */
	}
	float d = max_lane(amax) / 127.0f, id = d != 0 ? 1.0f / d : 0.0f;
	uint16_t h = (uint16_t)_cvtss_sh(d, _MM_FROUND_TO_NEAREST_INT);
	memcpy(out, &h, sizeof h);
	__m256i q[4];
	for (int i = 0; i < 4; i++)
		q[i] = round_i32(_mm256_mul_ps(v[i], _mm256_set1_ps(id)));
	/* the packs work within 128-bit halves: four bytes of q[0], q[1], q[2], q[3] and again; put them back in
	 * order */
	__m256i mixed = _mm256_packs_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
	__m256i bytes = _mm256_permutevar8x32_epi32(mixed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
	_mm256_storeu_si256((__m256i *)(void *)(out + offsetof(struct fox_q8_0, q)), bytes);
}

void fox_encode_q8_0_avx2(void *dst, const float *src, size_t n)
{
	assert(n % 32 == 0);
	uint8_t *out = dst;
	for (size_t b = 0; b < n / 32; b++)
		encode_block(out + b * sizeof(struct fox_q8_0), src + b * 32);
}

void fox_decode_q8_0_avx2(float *dst, const void *src, size_t n)
{
	assert(n % 32 == 0);
	const uint8_t *in = src;
	for (size_t b = 0; b < n / 32; b++, in += sizeof(struct fox_q8_0), dst += 32) {
		uint16_t h;
		memcpy(&h, in, sizeof h);
		__m256 d = _mm256_set1_ps(_cvtsh_ss(h));
		const uint8_t *q = in + offsetof(struct fox_q8_0, q);
		for (int i = 0; i < 32; i += 8) {
			__m256i wide = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)(q + i)));
			_mm256_storeu_ps(dst + i, _mm256_mul_ps(d, _mm256_cvtepi32_ps(wide)));
		}
	}
}

void fox_range_avx2(const float *src, size_t n, uint32_t *min_abs, uint32_t *max_abs)
{
	/* subtracting 1 makes 0 the largest, and so not the smallest */
	const __m256i one = _mm256_set1_epi32(1);
	__m256i vmax = _mm256_setzero_si256(), vmin = _mm256_set1_epi32(-1);
	size_t i = 0;
	for (; i + 8 <= n; i += 8) {
		__m256i abs = abs_bits(_mm256_castps_si256(_mm256_loadu_ps(src + i)));
		vmax = _mm256_max_epu32(vmax, abs);
		vmin = _mm256_min_epu32(vmin, _mm256_sub_epi32(abs, one));
	}
	uint32_t max_of[8], min_of[8], max = 0, min = UINT32_MAX;
	_mm256_storeu_si256((__m256i *)(void *)max_of, vmax);
	_mm256_storeu_si256((__m256i *)(void *)min_of, vmin);
	for (int j = 0; j < 8; j++) {
		max = max_of[j] > max ? max_of[j] : max;
		min = min_of[j] < min ? min_of[j] : min;
	}
	for (; i < n; i++) {
		uint32_t abs = fox_f32_bits(src[i]) & 0x7fffffff;
		max = abs > max ? abs : max;
		min = abs - 1 < min ? abs - 1 : min;
	}
	*max_abs = max;
	*min_abs = min == UINT32_MAX ? UINT32_MAX : min + 1;
}

/* Partials 0 to 3 and 4 to 7 of one sum of squares. The squares are exact, so that adding them in one step with the
 * product changes nothing. */
struct squares {
	__m256d low, high;
};

static inline struct squares add_squares(struct squares s, __m256 v)
{
	__m256d low = _mm256_cvtps_pd(_mm256_castps256_ps128(v)),
	        high = _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1));
	return (struct squares){_mm256_fmadd_pd(low, low, s.low), _mm256_fmadd_pd(high, high, s.high)};
}

static inline double add_partials(struct squares s)
{
	__m256d four = _mm256_add_pd(s.low, s.high);
	__m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
	return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

struct error_lanes {
	struct squares error, square;
	__m256 max;
};

static inline void add_errors(struct error_lanes *l, __m256 x, __m256 apart)
{
	const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
	l->error = add_squares(l->error, apart);
	l->square = add_squares(l->square, x);
	l->max = _mm256_max_ps(l->max, _mm256_and_ps(apart, magnitude));
}

/* The first n floats from p on, at most eight; 0 in place of the others, which changes no sum. */
static inline __m256 load_up_to_8(const float *p, size_t n)
{
	const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
	if (n >= 8)
		return _mm256_loadu_ps(p);
	return _mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lane));
}

/* All values, with no regard to what is not finite. */
static struct error_lanes errors_of_all(const float *x, const float *y, size_t n)
{
	struct error_lanes l = {0};
	size_t i = 0;
	for (; i + 8 <= n; i += 8) {
		__m256 v = _mm256_loadu_ps(x + i);
		add_errors(&l, v, _mm256_sub_ps(v, _mm256_loadu_ps(y + i)));
	}
	if (i < n) {
		__m256 v = load_up_to_8(x + i, n - i);
		add_errors(&l, v, _mm256_sub_ps(v, load_up_to_8(y + i, n - i)));
	}
	return l;
}

/* Those whose difference is finite, and *out of those that are left out. */
static struct error_lanes errors_of_finite(const float *x, const float *y, size_t n, uint64_t *out)
{
	const __m256 inf = _mm256_castsi256_ps(_mm256_set1_epi32(0x7f800000));
	struct error_lanes l = {0};
	*out = 0;
	for (size_t i = 0; i < n; i += 8) {
		__m256 v = load_up_to_8(x + i, n - i), apart = _mm256_sub_ps(v, load_up_to_8(y + i, n - i));
		__m256 use =
		    _mm256_cmp_ps(_mm256_castsi256_ps(abs_bits(_mm256_castps_si256(apart))), inf, _CMP_LT_OQ);
		add_errors(&l, _mm256_and_ps(v, use), _mm256_and_ps(apart, use));
		*out += (uint64_t)__builtin_popcount(~(unsigned)_mm256_movemask_ps(use) & 0xff);
	}
	return l;
}

void fox_error_avx2(const float *x, const float *y, size_t n, struct fox_cast_error *e)
{
	uint64_t left_out = 0;
	struct error_lanes l = errors_of_all(x, y, n);
	double sum = add_partials(l.error);
	if (!(sum <= DBL_MAX)) { /* a difference is not finite: squares of all others add up to less */
		l = errors_of_finite(x, y, n, &left_out);
		sum = add_partials(l.error);
	}
	double max = (double)max_lane(l.max);
	e->n += n - left_out;
	e->sum_square_error += sum;
	e->sum_square += add_partials(l.square);
	e->max_abs_error = max > e->max_abs_error ? max : e->max_abs_error;
}
