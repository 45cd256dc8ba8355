/* check_cast.c - decode and encode of every ISA subset, bit for bit. f16 and bf16 are held against formulas
 * (slow.h), q8_0 and range against the scalar kernels. Buffers end where their heap blocks end and start at
 * odd addresses. */
#include "tests/test.h"

#include "kernels/quant.h"
#include "tests/kernels/slow.h"

/* Run check(k) for the table of each subset. */
static void each_subset(void (*check)(const struct fox_kernels *k))
{
	uint32_t isa = 0;
	for (bool first = true; next_subset(&isa, &first);) {
		struct fox_kernels k;
		fox_kernels_init(&k, isa);
		check(&k);
	}
}

/* All patterns at once, so vectors see each beside others. */
static void patterns(const struct fox_kernels *k)
{
	enum { N = 0x10000 };
	static uint16_t h[N], back[N];
	static float f[N];
	for (int bf = 0; bf <= 1; bf++) {
		enum fox_type type = bf ? FOX_BF16 : FOX_F16;
		uint32_t inf = bf ? 0x7f80 : 0x7c00, quiet = bf ? 0x40 : 0x200;
		for (uint32_t i = 0; i < N; i++)
			h[i] = (uint16_t)(i * 40503u); /* odd: visits each once */
		k->decode[type](f, h, N);
		k->encode[type](back, f, N);
		for (uint32_t i = 0; i < N; i++) {
			uint32_t want = bf ? slow_bf16_to_f32(h[i]) : slow_f16_to_f32(h[i]);
			if (slow_bits(f[i]) != want)
				fail_msg("isa %u: %04x decodes to %08x, want %08x", k->isa, h[i], slow_bits(f[i]), want);
			want = h[i] | ((h[i] & 0x7fff) > inf ? quiet : 0);
			if (back[i] != want)
				fail_msg("isa %u: %04x comes back as %04x, want %04x", k->isa, h[i], back[i], want);
		}
	}
}

static void every_pattern(void **state)
{
	(void)state;
	each_subset(patterns);
}

static void exponents(const struct fox_kernels *k)
{
	enum { PER = 200, N = 512 * PER };
	static float f[N];
	static uint16_t f16[N], bf16[N];
	uint64_t seed = 7;
	for (size_t i = 0; i < N; i++)
		f[i] = every_exponent(i, PER, &seed);
	k->encode[FOX_F16](f16, f, N);
	k->encode[FOX_BF16](bf16, f, N);
	for (size_t i = 0; i < N; i++)
		if (f16[i] != slow_f32_to_f16(f[i]) || bf16[i] != slow_f32_to_bf16(f[i]))
			fail_msg("isa %u: f32 %08x: f16 %04x, want %04x; bf16 %04x, want %04x", k->isa, slow_bits(f[i]),
			    f16[i], slow_f32_to_f16(f[i]), bf16[i], slow_f32_to_bf16(f[i]));
}

static void encode_every_exponent(void **state)
{
	(void)state;
	each_subset(exponents);
}

static const enum fox_type types[] = {FOX_F32, FOX_F16, FOX_BF16, FOX_Q8_0, FOX_Q4_0, FOX_Q4_1, FOX_Q5_0,
    FOX_Q5_1, FOX_IQ4_NL, FOX_IQ4_XS, FOX_MXFP4, FOX_NVFP4};

/* Values that reach every rule: plain, zero, subnormal, huge, Inf, NaN. kind chooses how wild. */
static float wild(uint64_t *seed, unsigned kind)
{
	static const uint32_t odd[] = {0, 0x80000000, 1, 0x807fffff, 0x7f800000, 0xff800000, 0x7fc00000,
	    0x7f800001, 0xffbfffff, 0x7f7fffff, 0x00800000, 0x33000000, 0x477ff000};
	uint32_t r = test_rand(seed) ^ test_rand(seed) << 31;
	if (kind == 0)
		return ((float)(r & 0x3fffffff) - 0x1p29f) * 0x1p-33f;
	if (kind == 1) /* a tie at every step when the block's largest is 127 */
		return (float)((int32_t)(r % 255) - 127) * 0.5f;
	if (kind == 2)
		return slow_float((r & 0x807fffff) | (r >> 9 & 15) << 23); /* around f32's smallest */
	if (kind == 3)
		return slow_float((r & 0x807fffff) | (230 + (r >> 9) % 25) << 23); /* around f32's largest */
	if (kind == 4)
		return slow_float((r & 0x807fffff) | (100 + (r >> 9) % 12) << 23); /* scales around f16's smallest */
	return r % 8 ? slow_float(r) : slow_float(odd[(r >> 8) % FOX_COUNT(odd)]);
}

static void lengths(const struct fox_kernels *k)
{
	struct fox_kernels scalar;
	fox_kernels_init(&scalar, 0);
	uint64_t seed = 3;
	for (size_t t = 0; t < FOX_COUNT(types); t++) {
		const struct fox_type_info *info = fox_type_info(types[t]);
		for (size_t blocks = 0; blocks <= 70; blocks++) {
			size_t n = blocks * info->elems, bytes = blocks * info->bytes;
			float *src = malloc(n * sizeof *src + 1), *got = malloc(n * sizeof *got + 1),
			      *want = malloc(n * sizeof *want + 1), *w = malloc(n * sizeof *w + 1);
			uint8_t *enc = malloc(bytes + 1), *ref = malloc(bytes + 1);
			assert_true(src && got && want && w && enc && ref);
			for (size_t i = 0; i < n; i++)
				src[i] = wild(&seed, (unsigned)(blocks % 6));
			k->encode[types[t]](enc + 1, src, n);
			scalar.encode[types[t]](ref + 1, src, n);
			assert_memory_equal(enc + 1, ref + 1, bytes);
			for (size_t i = 0; i < n; i++)
				w[i] = (float)(test_rand(&seed) % 100) / 16;
			if (n && k->encode_weighted[types[t]]) { /* a row */
				k->encode_weighted[types[t]](enc + 1, src, w, n);
				scalar.encode_weighted[types[t]](ref + 1, src, w, n);
				assert_memory_equal(enc + 1, ref + 1, bytes);
			}
			k->decode[types[t]](got, enc + 1, n);
			scalar.decode[types[t]](want, ref + 1, n);
			for (size_t i = 0; i < n; i++)
				if (slow_bits(got[i]) != slow_bits(want[i]) &&
				    !(isnan(got[i]) && isnan(want[i]) && info->elems > 1))
					fail_msg("isa %u, %s, %zu of %zu: %08x, want %08x", k->isa, info->name, i, n,
					    slow_bits(got[i]), slow_bits(want[i]));
			free(src), free(got), free(want), free(w), free(enc), free(ref);
		}
	}
}

static void every_length(void **state)
{
	(void)state;
	each_subset(lengths);
}

/* The scales and quotients q8_0 meets in practice and at its edges, many blocks of each. */
static void q8_0_blocks(const struct fox_kernels *k)
{
	uint64_t seed = 11;
	for (unsigned round = 0; round < 3000; round++) {
		float src[32];
		uint8_t got[34], want[34];
		for (size_t i = 0; i < 32; i++)
			src[i] = wild(&seed, round % 6);
		if (round % 6 == 1)
			src[round / 6 % 32] = 127;
		k->encode[FOX_Q8_0](got, src, 32);
		fox_quant_q8_0(want, src, 32);
		assert_memory_equal(got, want, 34);
		/* every scale, every q, -128 too: decode takes what a file holds */
		for (size_t i = 0; i < 34; i++)
			got[i] = (uint8_t)test_rand(&seed);
		float a[32], b[32];
		k->decode[FOX_Q8_0](a, got, 32);
		fox_dequant_q8_0(b, got, 32);
		for (size_t i = 0; i < 32; i++)
			assert_true(slow_bits(a[i]) == slow_bits(b[i]) || (isnan(a[i]) && isnan(b[i])));
	}
}

static void every_kind_of_block(void **state)
{
	(void)state;
	each_subset(q8_0_blocks);
}

static void ranges(const struct fox_kernels *k)
{
	uint64_t seed = 5;
	for (size_t n = 0; n <= 70; n++) {
		for (unsigned kind = 0; kind < 6; kind++) {
			float *src = malloc(n * sizeof *src + 1);
			assert_non_null(src);
			uint32_t want_min = UINT32_MAX, want_max = 0, min = 1, max = 1;
			for (size_t i = 0; i < n; i++) {
				src[i] = kind == 5 && i % 3 ? 0.0f : wild(&seed, kind);
				uint32_t abs = slow_bits(src[i]) & 0x7fffffff;
				if (abs > want_max)
					want_max = abs;
				if (abs && abs < want_min)
					want_min = abs;
			}
			k->range(src, n, &min, &max);
			assert_int_equal(min, want_min);
			assert_int_equal(max, want_max);
			free(src);
		}
	}
	const float zeros[9] = {0, -0.0f};
	uint32_t min, max;
	k->range(zeros, 9, &min, &max);
	assert_int_equal(min, UINT32_MAX);
	assert_int_equal(max, 0);
}

static void every_range(void **state)
{
	(void)state;
	each_subset(ranges);
}

/* The definition, one partial sum at a time; the exact bits are what every set must give. */
static void errors(const struct fox_kernels *k)
{
	uint64_t seed = 9;
	for (size_t n = 0; n <= 70; n++)
		for (unsigned kind = 0; kind < 6; kind++) {
			float *x = malloc(n * sizeof *x + 1), *y = malloc(n * sizeof *y + 1);
			assert_true(x && y);
			struct fox_cast_error got = {0.25, 0.5, kind % 2 ? 1e-3 : 0, 7}, want = got;
			double p[2][8] = {{0}};
			for (size_t i = 0; i < n; i++) {
				x[i] = wild(&seed, kind);
				y[i] = kind == 0            ? x[i] + wild(&seed, 0) * 1e-2f
				       : kind == 3 && i % 5 ? -x[i]
				                            : wild(&seed, kind);
				float apart = x[i] - y[i];
				if (isnan(apart) || isinf(apart))
					continue;
				p[0][i % 8] += (double)apart * (double)apart;
				p[1][i % 8] += (double)x[i] * (double)x[i];
				if (fabs((double)apart) > want.max_abs_error)
					want.max_abs_error = fabs((double)apart);
				want.n++;
			}
			double *a = p[0], *b = p[1];
			want.sum_square_error += ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]));
			want.sum_square += ((b[0] + b[4]) + (b[2] + b[6])) + ((b[1] + b[5]) + (b[3] + b[7]));
			k->error(x, y, n, &got);
			assert_memory_equal(&got, &want, sizeof got);
			free(x), free(y);
		}
}

static void every_error(void **state)
{
	(void)state;
	each_subset(errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_pattern),
	    cmocka_unit_test(encode_every_exponent),
	    cmocka_unit_test(every_length),
	    cmocka_unit_test(every_kind_of_block),
	    cmocka_unit_test(every_range),
	    cmocka_unit_test(every_error),
	};
	return cmocka_run_group_tests_name("cast", tests, NULL, NULL);
}
