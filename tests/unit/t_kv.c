/* t_kv.c - the cache's plan, where elements lie in it, which positions a windowed layer still holds, and what is refused. */
#include "tests/test.h"

#include "kernels/kernels.h"
#include "runtime/kv.h"

static struct fox_hparams sizes(uint32_t dim, uint32_t window)
{
	struct fox_hparams h = {.n_layers = 3, .head_dim = dim, .window = window};
	for (int l = 0; l < 3; l++)
		h.n_heads[l] = 4, h.n_kv_heads[l] = l + 1;
	h.windowed[1] = h.windowed[2] = true;
	return h;
}

static void plans(void **state)
{
	(void)state;
	/* 10 blocks of 64 positions; of one head: keys dim * 64, values as many, in blocks of 34 bytes for 32 */
	static const struct {
		enum fox_type type;
		uint32_t dim, window, batch, n_ctx;
		uint64_t bytes;
	} want[] = {
	    {FOX_F32, 128, 0, 1, 640, (1 + 2 + 3) * 10ull * 64 * 128 * 2 * 4},
	    {FOX_F16, 128, 0, 1, 640, (1 + 2 + 3) * 10ull * 64 * 128 * 2 * 2},
	    {FOX_BF16, 128, 0, 64, 577, (1 + 2 + 3) * 10ull * 64 * 128 * 2 * 2},
	    {FOX_Q8_0, 128, 0, 1, 640, (1 + 2 + 3) * 10ull * 64 * 4 * 34 * 2},
	    {FOX_F16, 20, 0, 1, 640, (1 + 2 + 3) * 10ull * 64 * (20 + 32) * 2}, /* values: panels of 16 */
	    {FOX_F16, 128, 1, 1, 640, (10 + (2 + 3) * 1ull) * 64 * 128 * 2 * 2},
	    {FOX_F16, 128, 2, 1, 640, (10 + (2 + 3) * 2ull) * 64 * 128 * 2 * 2},   /* may lie across a border */
	    {FOX_F16, 128, 67, 64, 640, (10 + (2 + 3) * 4ull) * 64 * 128 * 2 * 2}, /* 130 positions */
	    {FOX_F16, 128, 600, 64, 640, (1 + 2 + 3) * 10ull * 64 * 128 * 2 * 2},  /* no more than there are */
	};
	for (size_t i = 0; i < FOX_COUNT(want); i++) {
		struct fox_kv kv;
		struct fox_err err = {0};
		struct fox_hparams h = sizes(want[i].dim, want[i].window);
		assert_fox_ok(fox_kv_plan(&kv, &h, want[i].type, want[i].n_ctx, want[i].batch, &err), &err);
		if (kv.bytes != want[i].bytes)
			fail_msg("plan %zu: %llu bytes, want %llu", i, (unsigned long long)kv.bytes,
			    (unsigned long long)want[i].bytes);
	}
}

/* Element `e` of the key and the value at a position, by the layout in attn.h. */
static void check_element(const struct fox_kv *kv, uint32_t layer, uint32_t head, uint32_t pos,
    const float *key, const float *value)
{
	const uint8_t *keys = fox_kv_block(kv, layer, head, pos / 64), *values = keys + kv->key_bytes;
	const struct fox_attn_cache *c = &fox_kernels()->attn.cache[kv->type];
	uint32_t wide = (kv->dim + 15) / 16 * 16, at = pos % 64;
	static float k[64 * 64], v[64 * 64];
	c->open_keys(k, keys, (size_t)kv->dim * 64);
	c->open_values(v, values, (size_t)wide * 64);
	for (uint32_t e = 0; e < kv->dim; e++) {
		assert_true(k[(at / 16 * kv->dim + e) * 16 + at % 16] == key[e]);
		assert_true(v[(e / 16 * 64 + at) * 16 + e % 16] == value[e]);
	}
	for (uint32_t e = kv->dim; e < wide; e++) /* what fills the last panel up */
		assert_true(v[(e / 16 * 64 + at) * 16 + e % 16] == 0);
}

/* Values that every type holds exactly, different at each place. */
static void make_row(float *row, uint32_t n, uint32_t layer, uint32_t head, uint32_t pos, int value)
{
	for (uint32_t e = 0; e < n; e++)
		row[e] =
		    e % 32 ? (float)((e * 7 + layer * 31 + head * 11 + pos * 3 + (uint32_t)value * 5) % 127) : 127;
}

static void places(void **state)
{
	(void)state;
	static const uint32_t dims[] = {20, 32, 64}; /* the first: not for q8_0 */
	for (size_t t = 0; t < FOX_KV_TYPES; t++)
		for (size_t d = 0; d < FOX_COUNT(dims); d++) {
			struct fox_kv kv;
			struct fox_err err = {0};
			struct fox_hparams h = sizes(dims[d], 70);
			if (!fox_kv_type_fits(&h, fox_kv_types[t]))
				continue;
			float key[64], value[64];
			uint8_t bytes[2][64 * 4];
			assert_fox_ok(fox_kv_plan(&kv, &h, fox_kv_types[t], 300, 8, &err), &err);
			assert_fox_ok(fox_kv_init(&kv, &err), &err);
			for (int check = 0; check < 2; check++)
				for (uint32_t pos = check ? 300 - 70 : 0; pos < 300; pos++)
					for (uint32_t l = 0; l < 3; l++)
						for (uint32_t head = 0; head <= l; head++) {
							make_row(key, kv.dim, l, head, pos, 0);
							make_row(value, kv.dim, l, head, pos, 1);
							if (check) {
								check_element(&kv, l, head, pos, key, value);
								continue;
							}
							fox_kernels()->encode[kv.type](bytes[0], key, kv.dim);
							fox_kernels()->encode[kv.type](bytes[1], value, kv.dim);
							fox_kv_put(&kv, l, head, pos, bytes[0], bytes[1]);
						}
			fox_kv_free(&kv);
		}
}

/* Window 100, batches of 8: 3 blocks. */
static void rewinds(void **state)
{
	(void)state;
	struct fox_kv kv;
	struct fox_err err = {0};
	struct fox_hparams h = sizes(32, 100), all = sizes(32, 0);
	assert_fox_ok(fox_kv_plan(&kv, &h, FOX_F16, 1000, 8, &err), &err);
	assert_int_equal(kv.n_blocks[0], 16);
	assert_int_equal(kv.n_blocks[1], 3);
	fox_kv_filled(&kv, 192);
	assert_int_equal(fox_kv_rewind(&kv, 5), 5);     /* nothing is gone yet */
	fox_kv_filled(&kv, 193);                        /* the fourth block takes the place of the first */
	assert_int_equal(fox_kv_rewind(&kv, 163), 163); /* sees 64 .. 163 */
	fox_kv_filled(&kv, 170);
	assert_int_equal(fox_kv_rewind(&kv, 162), 0); /* 63 is gone, whatever came after */
	assert_int_equal(fox_kv_rewind(&kv, 0), 0);
	fox_kv_filled(&kv, 30);
	assert_int_equal(fox_kv_rewind(&kv, 20), 20); /* a new beginning */
	for (uint32_t end = 8; end < 1000; end += 8) {
		fox_kv_filled(&kv, end);
		assert_int_equal(fox_kv_rewind(&kv, end - 7), end - 7); /* less than a batch back */
	}
	assert_fox_ok(fox_kv_plan(&kv, &all, FOX_F16, 1000, 8, &err), &err);
	fox_kv_filled(&kv, 1000);
	assert_int_equal(fox_kv_rewind(&kv, 1), 1);
}

static void refusals(void **state)
{
	(void)state;
	static const struct {
		enum fox_type type;
		uint32_t dim, n_ctx;
		enum fox_status status;
		const char *text;
	} bad[] = {
	    {FOX_Q4_0, 64, 9, FOX_E_ARG, "a key-value cache is f32, f16, bf16 or q8_0"},
	    {FOX_Q8_0, 80, 9, FOX_E_ARG,
	        "a key-value cache in q8_0 wants heads of a multiple of 32 elements, these have 80"},
	    {FOX_F16, 64, 0, FOX_E_ARG, "a context of 0 positions"},
	};
	for (size_t i = 0; i < FOX_COUNT(bad); i++) {
		struct fox_kv kv;
		struct fox_err err = {0};
		struct fox_hparams h = sizes(bad[i].dim, 0);
		assert_int_equal(fox_kv_plan(&kv, &h, bad[i].type, bad[i].n_ctx, 1, &err), bad[i].status);
		assert_fox_err(&err, bad[i].status, FOX_NOWHERE, bad[i].text);
	}
	for (size_t i = 0; i < FOX_KV_TYPES; i++) /* the names are the types' */
		assert_string_equal(fox_kv_names[i], fox_type_info(fox_kv_types[i])->name);
	assert_null(fox_kv_names[FOX_KV_TYPES]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plans),
	    cmocka_unit_test(places),
	    cmocka_unit_test(rewinds),
	    cmocka_unit_test(refusals),
	};
	return cmocka_run_group_tests_name("kv", tests, NULL, NULL);
}
