/* The small words: checked arithmetic, bytes to numbers, arena, map, hashes. */
#include "tests/test.h"

#include "format/base/hash.h"
#include "format/base/map.h"
#include "format/base/num.h"
#include "format/base/str.h"

static void arithmetic_is_checked(void **state)
{
	(void)state;
	uint64_t v;
	assert_true(fox_add(&v, UINT64_MAX - 1, 1) && v == UINT64_MAX);
	assert_false(fox_add(&v, UINT64_MAX, 1));
	assert_true(fox_mul(&v, 1ull << 32, (1ull << 32) - 1));
	assert_false(fox_mul(&v, 1ull << 32, 1ull << 32));
	assert_true(fox_align_up(&v, 33, 32) && v == 64);
	assert_true(fox_align_up(&v, 64, 32) && v == 64);
	assert_false(fox_align_up(&v, UINT64_MAX, 32));
	assert_true(fox_is_pow2(1) && fox_is_pow2(1ull << 63) && !fox_is_pow2(0) && !fox_is_pow2(12));
}

static void loads_are_little_endian(void **state)
{
	(void)state;
	uint8_t b[9] = {0, 1, 2, 3, 4, 5, 6, 7, 8}, out[8];
	assert_int_equal(fox_load16(b + 1), 0x0201);
	assert_int_equal(fox_load32(b + 1), 0x04030201);
	assert_true(fox_load64(b + 1) == 0x0807060504030201u);
	fox_store64(out, 0x0807060504030201u);
	assert_memory_equal(out, b + 1, 8);
	fox_store_f32(out, 1.0f);
	assert_memory_equal(out, "\0\0\x80\x3F", 4);
	assert_true(fox_load_f32(out) == 1.0f);
	fox_store_f64(out, -2.5);
	assert_true(fox_load_f64(out) == -2.5);
}

static void arena_gives_zeroed_aligned_blocks(void **state)
{
	(void)state;
	struct fox_arena a = {0};
	for (size_t i = 1; i < 3000; i += 7) {
		uint8_t *p = fox_arena_alloc(&a, i, 3);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t k = 0; k < 3 * i; k++)
			assert_int_equal(p[k], 0);
		memset(p, 0xAA, 3 * i);
	}
	assert_non_null(fox_arena_alloc(&a, 0, 8));
	assert_null(fox_arena_alloc(&a, SIZE_MAX / 2, 3));
	assert_null(fox_arena_alloc(&a, SIZE_MAX, 1));
	assert_string_equal(fox_arena_strdup(&a, fox_str_of("fox")), "fox");
	assert_true(a.total > 3000 * 3000 * 3 / 14);
	fox_arena_free(&a);
	assert_null(a.chunks);
}

static void map_finds_what_was_put(void **state)
{
	(void)state;
	enum { N = 20000 };
	struct fox_arena a = {0};
	struct fox_map m = {0};
	char name[16];
	assert_int_equal(fox_map_find(&m, fox_str_of("x")), FOX_MAP_NONE);
	assert_true(fox_map_init(&m, &a, N));
	for (uint32_t i = 0; i < N; i++) {
		snprintf(name, sizeof name, "k%u", i);
		assert_int_equal(
		    fox_map_put(&m, fox_str_of(fox_arena_strdup(&a, fox_str_of(name))), i), FOX_MAP_NONE);
	}
	assert_int_equal(fox_map_put(&m, fox_str_of("k77"), 5), 77);
	for (uint32_t i = 0; i < N; i++) {
		snprintf(name, sizeof name, "k%u", i);
		assert_int_equal(fox_map_find(&m, fox_str_of(name)), i);
	}
	assert_int_equal(fox_map_find(&m, fox_str_of("k20000")), FOX_MAP_NONE);
	assert_int_equal(m.n, N);
	fox_arena_free(&a);
}

/* Vectors: printf '' | xxhsum -H128; printf abc | xxhsum -H128; printf abc | sha256sum */
static void hashes_match_the_public_tools(void **state)
{
	(void)state;
	char hex[65];
	struct fox_hash128 h = fox_xxh3("", 0);
	fox_hex(hex, h.b, 16);
	assert_string_equal(hex, "99aa06d3014798d86001c324468d497f");
	h = fox_xxh3("abc", 3);
	fox_hex(hex, h.b, 16);
	assert_string_equal(hex, "06b05ab6733a618578af5f94892f3950");

	struct fox_xxh3_state *x = fox_xxh3_open();
	assert_non_null(x);
	fox_xxh3_add(x, "a", 1);
	fox_xxh3_add(x, "bc", 2);
	struct fox_hash128 streamed = fox_xxh3_final(x);
	assert_true(fox_hash128_eq(&streamed, &h));
	fox_xxh3_reset(x);
	fox_xxh3_add(x, "abd", 3);
	streamed = fox_xxh3_final(x);
	assert_false(fox_hash128_eq(&streamed, &h));
	fox_xxh3_close(x);

	struct fox_err e = {0};
	struct fox_sha256 d;
	struct fox_sha256_state *s = fox_sha256_open();
	assert_non_null(s);
	for (int turn = 0; turn < 2; turn++) {
		assert_fox_ok(fox_sha256_add(s, "abc", 3, &e), &e);
		assert_fox_ok(fox_sha256_final(s, &d, &e), &e);
		fox_hex(hex, d.b, 32);
		assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	}
	fox_sha256_close(s);
}

static void hex_is_strict(void **state)
{
	(void)state;
	uint8_t b[2];
	assert_true(fox_unhex(b, fox_str_of("0aFF"), 2) && b[0] == 0x0A && b[1] == 0xFF);
	assert_false(fox_unhex(b, fox_str_of("0aF"), 2));
	assert_false(fox_unhex(b, fox_str_of("0aFFF"), 2));
	assert_false(fox_unhex(b, fox_str_of("0aFg"), 2));
	assert_false(fox_unhex(b, fox_str_of("../."), 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(arithmetic_is_checked),
	    cmocka_unit_test(loads_are_little_endian),
	    cmocka_unit_test(arena_gives_zeroed_aligned_blocks),
	    cmocka_unit_test(map_finds_what_was_put),
	    cmocka_unit_test(hashes_match_the_public_tools),
	    cmocka_unit_test(hex_is_strict),
	};
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
