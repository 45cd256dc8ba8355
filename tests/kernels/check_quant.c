/* check_quant.c - the block types' encode, encode_weighted and decode of every ISA subset against the scalar kernels, byte for
 * byte, on rows of every kind that weights come in and some they do not. Buffers are heap blocks of their exact size
 * at odd addresses. */
#include "tests/test.h"

#include "tests/kernels/slow.h"

static float uniform(uint64_t *seed)
{
	return (float)(test_rand(seed) & 0xffffff) * 0x1p-24f;
}

/* Close to a Gaussian: the sum of twelve. */
static float gaussian(uint64_t *seed)
{
	float sum = -6;
	for (int i = 0; i < 12; i++)
		sum += uniform(seed);
	return sum;
}

/* Any sign and mantissa, exponents from low on. */
static float bits(uint64_t *seed, uint32_t low, uint32_t n)
{
	uint32_t r = test_rand(seed) ^ test_rand(seed) << 31;
	return slow_float((r & 0x807fffff) | (low + test_rand(seed) % n) << 23);
}

enum kind {
	GAUSSIAN,
	GAUSSIAN_BF16, /* as most checkpoints store them: ties happen */
	CUBED,
	STUDENT,
	BITS,
	BITS_SCALED,
	BITS_SMALL,
	BITS_HUGE,
	DENORMAL,
	AROUND_TINY, /* where a group starts to count as zero */
	HALF_TINY,   /* scales at the small end of f16 */
	HALF_HUGE,   /* and beyond its large one */
	ZERO,
	CONSTANT,
	CONSTANT_SUBS,
	OUTLIER,
	ALTERNATING,
	POSITIVE,
	NEGATIVE,
	NEGATIVE_FLAT, /* a large constant with ripples: ranges far smaller than values */
	INTEGERS,
	SPARSE,
	MIXED,
	NOT_FINITE,
	N_KINDS
};

static float value(enum kind kind, size_t i, uint64_t *seed)
{
	float g = gaussian(seed), scale = ldexpf(1, (int)(i / 256 * 7 % 20));
	switch (kind) {
	case GAUSSIAN_BF16:
		return slow_float(slow_bits(g * 0.03f) & 0xffff0000);
	case CUBED:
		return g * g * g;
	case STUDENT: {
		float chi = 0;
		for (int j = 0; j < 3; j++) {
			float v = gaussian(seed);
			chi += v * v;
		}
		return g / sqrtf(chi / 3 + 1e-9f);
	}
	case BITS:
		return bits(seed, 0, 255);
	case BITS_SCALED:
		return bits(seed, 110, 20);
	case BITS_SMALL:
		return bits(seed, 0, 30);
	case BITS_HUGE:
		return bits(seed, 235, 20);
	case DENORMAL:
		return bits(seed, 0, 1);
	case AROUND_TINY:
		return g * 1e-15f;
	case HALF_TINY:
		return g * scale * 1e-9f;
	case HALF_HUGE:
		return g * scale * 1e5f;
	case ZERO:
		return i % 3 ? 0.0f : -0.0f;
	case CONSTANT:
		return ((float)(i / 256 % 5) - 2) * 0.37f;
	case CONSTANT_SUBS:
		return ((float)(i / 16 % 7) - 3) * 0.37f;
	case OUTLIER:
		return i % 256 == i / 256 * 31 % 256 ? g * 1000 * scale : g * 0.02f;
	case ALTERNATING:
		return i % 2 ? -scale : scale;
	case POSITIVE:
		return fabsf(g) + 0.1f;
	case NEGATIVE:
		return -fabsf(g) - 0.1f;
	case NEGATIVE_FLAT:
		return -100 + (float)(test_rand(seed) % 5) * 0x1p-17f;
	case INTEGERS:
		return (float)(test_rand(seed) % 33) - 16;
	case SPARSE:
		return test_rand(seed) % 20 ? 0 : g;
	case NOT_FINITE:
		return test_rand(seed) % 300 ? g : test_rand(seed) % 2 ? NAN : INFINITY;
	default:
		return g * 0.02f;
	}
}

static void fill(float *x, size_t n, enum kind kind, uint64_t *seed)
{
	for (size_t i = 0; i < n; i++)
		x[i] = value(kind, i, seed);
	for (size_t i = 0; kind == MIXED && i < n; i += 16) {
		enum kind part = (enum kind)(test_rand(seed) % (NOT_FINITE - 1));
		float scale = ldexpf(1, (int)(test_rand(seed) % 20) - 10);
		for (size_t j = i; j < i + 16; j++)
			x[j] = part == BITS || part == BITS_HUGE ? 0 : value(part, j, seed) * scale;
	}
}

static void fill_importance(float *w, size_t n, unsigned kind, uint64_t *seed)
{
	static const float unit[] = {1, 1, 1, 1e-30f, 1e20f, 0, 1, 1};
	for (size_t i = 0; i < n; i++) {
		w[i] = uniform(seed) * unit[kind % 8];
		if (kind % 8 == 1)
			w[i] = expf(3 * gaussian(seed));
		else if (kind % 8 == 2 && (i / 32 % 2 || test_rand(seed) % 3))
			w[i] = 0;
		else if (kind % 8 >= 6 && i % 16 != i / 16 * 7 % 16 && (kind % 8 == 6 || i % 16 != i / 16 * 5 % 16))
			w[i] = 0; /* one or two columns in 16 matter: least squares has nothing but rounding to go by */
	}
}

/* Blocks lie at odd addresses; f32 where malloc puts them. */
static uint8_t *odd_alloc(size_t n)
{
	uint8_t *p = malloc(n + 1);
	assert_non_null(p);
	return p + 1;
}

static void odd_free(uint8_t *p)
{
	free(p - 1);
}

static float *f32_alloc(size_t n)
{
	float *p = malloc(n * sizeof *p);
	assert_non_null(p);
	return p;
}

static void assert_blocks(const struct fox_kernels *k, const struct fox_type_info *info, int kind,
    unsigned turn, const uint8_t *got, const uint8_t *want, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (got[i] != want[i])
			fail_msg("isa %u, %s, kind %d, turn %u: block %zu byte %zu is %02x, want %02x", k->isa,
			    info->name, kind, turn, i / info->bytes, i % info->bytes, got[i], want[i]);
}

static void assert_same(
    const struct fox_kernels *k, const char *name, const float *got, const float *want, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (slow_bits(got[i]) != slow_bits(want[i]) && !(isnan(got[i]) && isnan(want[i])))
			fail_msg("isa %u, %s: weight %zu decodes to %08x, want %08x", k->isa, name, i, slow_bits(got[i]),
			    slow_bits(want[i]));
}

static void one_row(
    const struct fox_kernels *k, const struct fox_kernels *scalar, uint32_t t, enum kind kind, unsigned turn)
{
	const struct fox_type_info *info = fox_type_info(t);
	uint64_t seed = t * 1000003 + kind * 1009 + turn;
	/* every number of blocks that a kernel may take at once, and some more */
	size_t n = (1 + turn % 19) * (info->elems < 256 ? 256 : info->elems),
	       bytes = n / info->elems * info->bytes;
	float *x = f32_alloc(n), *w = f32_alloc(n), *back = f32_alloc(n), *want_back = f32_alloc(n);
	uint8_t *got = odd_alloc(bytes), *want = odd_alloc(bytes);
	fill(x, n, kind, &seed);
	fill_importance(w, n, turn, &seed);
	k->encode[t](got, x, n);
	scalar->encode[t](want, x, n);
	assert_blocks(k, info, kind, turn, got, want, bytes);
	if (k->encode_weighted[t]) {
		k->encode_weighted[t](got, x, w, n);
		scalar->encode_weighted[t](want, x, w, n);
		assert_blocks(k, info, kind, 1000 + turn, got, want, bytes);
	}
	if (turn % 2) /* whatever a file may hold */
		for (size_t i = 0; i < bytes; i++)
			got[i] = (uint8_t)test_rand(&seed);
	k->decode[t](back, got, n);
	scalar->decode[t](want_back, got, n);
	assert_same(k, info->name, back, want_back, n);
	free(x), free(w), free(back), free(want_back);
	odd_free(got), odd_free(want);
}

static void every_kind_of_row(void **state)
{
	(void)state;
	struct fox_kernels scalar;
	fox_kernels_init(&scalar, 0);
	size_t n_types = 0;
	uint32_t isa = 0;
	for (bool first = true; next_subset(&isa, &first);) {
		struct fox_kernels k;
		fox_kernels_init(&k, isa);
		if (isa == 0)
			continue;
		for (uint32_t t = 0; t < FOX_TYPE_LIMIT; t++) {
			const struct fox_type_info *info = fox_type_info(t);
			if (!info || info->elems == 1 || !k.encode[t])
				continue;
			n_types++;
			for (int kind = 0; kind < N_KINDS; kind++)
				for (unsigned turn = 0; turn < 38; turn++)
					one_row(&k, &scalar, t, (enum kind)kind, turn);
		}
	}
	if (fox_cpu_isa() != 0)
		assert_true(n_types >= 6);
}

/* Types that are only read: random bytes are blocks. */
static void every_decoder(void **state)
{
	(void)state;
	enum { BLOCKS = 300 };
	struct fox_kernels scalar;
	fox_kernels_init(&scalar, 0);
	uint64_t seed = 23;
	uint32_t isa = 0;
	for (bool first = true; next_subset(&isa, &first);) {
		struct fox_kernels k;
		fox_kernels_init(&k, isa);
		for (uint32_t t = 0; t < FOX_TYPE_LIMIT; t++) {
			const struct fox_type_info *info = fox_type_info(t);
			if (!info || info->elems == 1)
				continue;
			assert_int_equal(info->codec, k.decode[t] != NULL);
			assert_int_equal(info->codec, k.dot[t] != NULL);
			if (!k.decode[t])
				continue;
			size_t n = BLOCKS * info->elems;
			uint8_t *in = odd_alloc(BLOCKS * info->bytes);
			float *a = f32_alloc(n), *b = f32_alloc(n);
			for (size_t i = 0; i < BLOCKS * info->bytes; i++)
				in[i] = (uint8_t)test_rand(&seed);
			k.decode[t](a, in, n);
			scalar.decode[t](b, in, n);
			assert_same(&k, info->name, a, b, n);
			odd_free(in), free(a), free(b);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_kind_of_row),
	    cmocka_unit_test(every_decoder),
	};
	return cmocka_run_group_tests_name("block kernels", tests, NULL, NULL);
}
