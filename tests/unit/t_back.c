/* t_back.c - headers and indexes as safetensors and transformers write them; 1 + w undone, against all values there are. */
#include "tests/test.h"

#include "convert/back_data.h"
#include "format/base/num.h"
#include "format/safetensors.h"
#include "kernels/half.h"

/* ---- headers */

static struct fox_st_member entry(const char *name, enum fox_dtype d, uint64_t rows, uint64_t cols)
{
	struct fox_st_member e = {.name = fox_str_of(name),
	    .dtype = d,
	    .n_dims = rows ? 2 : 1,
	    .bytes = (rows ? rows : 1) * cols * fox_dtypes[d].bits / 8};
	e.shape[0] = rows ? rows : cols;
	e.shape[1] = cols;
	return e;
}

static void test_header(void **state)
{
	(void)state;
	struct fox_st_member e[] = {entry("b", FOX_DT_F16, 2, 3), entry("a\"\n", FOX_DT_F16, 0, 4),
	    entry("c", FOX_DT_BF16, 0, 1), entry("z", FOX_DT_F32, 0, 2), entry("y", FOX_DT_F64, 0, 1)};
	struct fox_st_member *list[] = {&e[0], &e[1], &e[2], &e[3], &e[4]};
	struct fox_buf b = {0};
	struct fox_err err = {0};
	uint64_t bytes;
	/* what safetensors.torch.save of safetensors 0.8 gives for such tensors */
	static const char want[] = "{\"__metadata__\":{\"format\":\"pt\"},"
	                           "\"y\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]},"
	                           "\"z\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]},"
	                           "\"c\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[16,18]},"
	                           "\"a\\\"\\n\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[18,26]},"
	                           "\"b\":{\"dtype\":\"F16\",\"shape\":[2,3],\"data_offsets\":[26,38]}}";
	assert_int_equal(fox_st_write_header(list, 5, &b, &bytes, &err), FOX_OK);
	assert_int_equal(b.n % 8, 0);
	assert_int_equal(fox_load64(b.p), b.n - 8);
	assert_memory_equal(b.p + 8, want, sizeof want - 1);
	for (size_t i = 8 + sizeof want - 1; i < b.n; i++)
		assert_int_equal(b.p[i], ' ');
	assert_int_equal(bytes, b.n + 38);
	assert_int_equal(e[0].at, b.n + 26); /* found again by its owner, whatever the order */
	assert_ptr_equal(list[0], &e[4]);

	struct fox_arena a = {0};
	struct fox_st_tensors read;
	struct fox_str json = {b.p + 8, b.n - 8};
	assert_int_equal(fox_st_parse(&read, &a, json, bytes, 0, &err), FOX_OK);
	assert_int_equal(read.n, 5);
	assert_int_equal(read.list[4].at, e[0].at);
	fox_arena_free(&a);
	fox_buf_free(&b);

	e[0].bytes = e[1].bytes = UINT64_MAX - 4;
	assert_int_equal(fox_st_write_header(list, 5, &b, &bytes, &err), FOX_E_BOUND);
	assert_fox_err(&err, FOX_E_BOUND, FOX_NOWHERE, "tensors of more than 2^63 bytes");
	fox_buf_free(&b);
}

static void test_index(void **state)
{
	(void)state;
	struct fox_st_member e[] = {entry("b", FOX_DT_F16, 2, 3), entry("a", FOX_DT_F32, 0, 4)};
	struct fox_st_member *list[] = {&e[0], &e[1]};
	struct fox_buf b = {0};
	char name[48];
	e[1].shard = 11;
	fox_st_shard_name(name, 0, 1);
	assert_string_equal(name, "model.safetensors");
	assert_int_equal(fox_st_write_index(list, 2, 12, &b, NULL), FOX_OK);
	assert_string_equal(b.p, "{\n  \"metadata\": {\n    \"total_size\": 28\n  },\n  \"weight_map\": {\n"
	                         "    \"a\": \"model-00012-of-00012.safetensors\",\n"
	                         "    \"b\": \"model-00001-of-00012.safetensors\"\n  }\n}\n");
	fox_buf_free(&b);
}

/* ---- 1 + w */

struct value {
	float stored, w;
};

static int by_stored(const void *a, const void *b)
{
	float x = ((const struct value *)a)->stored, y = ((const struct value *)b)->stored;
	return x < y ? -1 : x > y;
}

/* All finite values of a 16-bit type: what comes back has the same sum; it is called vague exactly where two values have one
 * sum, and is else the value itself. */
static void check_all(enum fox_type type, float exact_from)
{
	struct value *v = calloc(65536, sizeof *v);
	size_t n = 0, n_vague = 0;
	assert_non_null(v);
	for (uint32_t i = 0; i < 65536; i++) {
		float w = type == FOX_BF16 ? fox_bf16_to_f32((uint16_t)i) : fox_f16_to_f32((uint16_t)i);
		if (w - w == 0)
			v[n].w = w, v[n++].stored = w + 1;
	}
	qsort(v, n, sizeof *v, by_stored);
	for (size_t i = 0; i < n; i++) {
		bool shared = (i && v[i - 1].stored == v[i].stored) || (i + 1 < n && v[i + 1].stored == v[i].stored);
		uint64_t vague = 0, changed = 0;
		float w = back_source_value(v[i].stored, type, &vague, &changed);
		assert_int_equal(changed, 0);
		assert_true(w + 1 == v[i].stored);
		assert_int_equal(vague, shared);
		n_vague += shared;
		if (!shared)
			assert_memory_equal(&w, &v[i].w, sizeof w);
		else
			assert_true(v[i].w <= exact_from && v[i].w >= -exact_from);
	}
	assert_true(n_vague > 1000);
	free(v);
}

static void test_one_16_bits(void **state)
{
	(void)state;
	check_all(FOX_BF16, 0x1p-16f);
	check_all(FOX_F16, 0x1p-13f);
}

static void test_one_f32(void **state)
{
	(void)state;
	uint64_t seed = 1, vague = 0, changed = 0;
	for (int i = 0; i < 200000; i++) {
		float w = fox_f32_of_bits(test_rand(&seed) << 1 ^ test_rand(&seed));
		if (w - w != 0)
			continue;
		float stored = w + 1, back = back_source_value(stored, FOX_F32, &vague, &changed);
		assert_true(back + 1 == stored);
	}
	assert_int_equal(changed, 0);
	assert_true(vague > 0);
	/* no bf16 plus 1 is this: the value itself, and told */
	float w = back_source_value(1.5f + 0x1p-23f, FOX_BF16, &vague, &changed);
	assert_int_equal(changed, 1);
	assert_true(w == 0.5f + 0x1p-23f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_header),
	    cmocka_unit_test(test_index),
	    cmocka_unit_test(test_one_16_bits),
	    cmocka_unit_test(test_one_f32),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
