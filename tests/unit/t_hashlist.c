/* t_hashlist.c - llama-gguf-hash's manifest: lines written, read, taken apart, refused; hashes of a container in one pass. */
#include "tests/test.h"

#include "format/hashlist.h"
#include "inspect/tenhash.h"

static void test_lines(void **state)
{
	(void)state;
	static const char want[] =
	    "xxh64     e5ff240edfcb971f  a b.gguf:token_embd.weight\n"
	    "sha1      e03f2891a63cad964d7cc37cb1f85e1818e097dc  d/x.gguf\n"
	    "sha256    c596baf7bf0aeaba28e9dfa721e691e7764efbe3562f12c9a0afd3ba17d93fe8  C:\\m.gguf:a:b\n"
	    "uuid      522be5cf-de5b-53e2-850e-745f0407bd0e  x.gguf\n";
	static const struct {
		const char *file, *tensor;
	} names[] = {{"a b.gguf", "token_embd.weight"}, {"d/x.gguf", ""}, {"C:\\m.gguf", "a:b"}, {"x.gguf", ""}};
	struct fox_arena arena = {0};
	struct fox_err err = {0};
	struct fox_hashlist l;
	struct fox_buf again = {0};
	assert_fox_ok(fox_hashlist_parse(&l, fox_str_of(want), &arena, &err), &err);
	assert_int_equal(l.n, FOX_LIST_KINDS);
	for (size_t i = 0; i < l.n; i++) {
		assert_int_equal(l.list[i].kind, i);
		assert_int_equal(l.list[i].number, i + 1);
		assert_true(fox_str_is(l.list[i].file, names[i].file));
		assert_true(fox_str_is(l.list[i].tensor, names[i].tensor));
		fox_hashlist_put(&again, l.list[i].kind, l.list[i].hash, l.list[i].file, l.list[i].tensor);
	}
	assert_string_equal(again.p, want);
	fox_buf_free(&again);
	fox_arena_free(&arena);
}

/* Where a name is cut. */
static void test_names(void **state)
{
	(void)state;
	static const struct {
		const char *name, *file, *tensor;
	} rows[] = {
	    {"m.gguf", "m.gguf", ""},
	    {"m.gguf:t", "m.gguf", "t"},
	    {"a.gguf:b.gguf:t", "a.gguf:b.gguf", "t"},
	    {"c:\\m.gguf", "c:\\m.gguf", ""},
	    {"model:t", "model", "t"},
	    {"model", "model", ""},
	    {"model:", "model:", ""},
	    {"x:y:t", "x:y", "t"},
	};
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		char text[200];
		struct fox_arena arena = {0};
		struct fox_hashlist l;
		struct fox_err err = {0};
		snprintf(text, sizeof text, "\n  xxh64\te5FF240edfcb971f   %s\r\n", rows[i].name);
		assert_fox_ok(fox_hashlist_parse(&l, fox_str_of(text), &arena, &err), &err);
		assert_int_equal(l.n, 1);
		assert_int_equal(l.list[0].number, 2);
		assert_true(fox_str_is(l.list[0].file, rows[i].file));
		assert_true(fox_str_is(l.list[0].tensor, rows[i].tensor));
		fox_arena_free(&arena);
	}
}

static void test_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum fox_status code;
		uint64_t at;
		const char *want;
	} rows[] = {
	    {"", FOX_E_FORMAT, 0, "there is no line in it"},
	    {"\n \n", FOX_E_FORMAT, 0, "there is no line in it"},
	    {"\nmd5  00  m.gguf\n", FOX_E_UNSUPPORTED, 1,
	        "algorithm 'md5' is not one of xxh64, sha1, sha256, uuid"},
	    {"manifest  x  sha256\n", FOX_E_UNSUPPORTED, 0,
	        "algorithm 'manifest' is not one of xxh64, sha1, sha256, uuid"},
	    {"xxh64  e5ff240edfcb971  m.gguf\n", FOX_E_FORMAT, 7,
	        "'e5ff240edfcb971' is not a hash of algorithm xxh64"},
	    {"xxh64  e5ff240edfcb971g  m.gguf\n", FOX_E_FORMAT, 7,
	        "'e5ff240edfcb971g' is not a hash of algorithm xxh64"},
	    {"xxh64  e5ff240edfcb971f  m\001.gguf\n", FOX_E_FORMAT, 26, "name of the file or tensor has a control character"},
	    {"xxh64\n", FOX_E_FORMAT, 5, "'' is not a hash of algorithm xxh64"},
	    {"xxh64  e5ff240edfcb971f  \n", FOX_E_FORMAT, 23, "line names no file"},
	    {"uuid  522be5cfde5b53e2850e745f0407bd0e  m.gguf\n", FOX_E_FORMAT, 6,
	        "'522be5cfde5b53e2850e745f0407bd0e' is not a hash of algorithm uuid"},
	    {"uuid  522be5cf-de5b-53e2-850e-745f0407bd0e0  m.gguf\n", FOX_E_FORMAT, 6,
	        "'522be5cf-de5b-53e2-850e-745f0407bd0e0' is not a hash of algorithm uuid"},
	};
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		struct fox_arena arena = {0};
		struct fox_hashlist l;
		struct fox_err err = {0};
		assert_int_equal(fox_hashlist_parse(&l, fox_str_of(rows[i].text), &arena, &err), rows[i].code);
		assert_fox_err(&err, rows[i].code, rows[i].at, rows[i].want);
		fox_arena_free(&arena);
	}
}

/* uuid5 of the namespace itself and no data, by Python: uuid.uuid5(uuid.UUID("ef001206-dadc-5f6d-a15f-3359e577d4e5"), "") */
static void test_uuid(void **state)
{
	(void)state;
	uint8_t sha1[20];
	char text[2 * FOX_HASHLIST_HASH + 1];
	assert_int_equal(fox_digest_of(sha1, FOX_SHA1, (struct fox_span){fox_hashlist_space, 16}, NULL), FOX_OK);
	fox_hashlist_uuid(sha1);
	assert_string_equal(fox_hashlist_show(text, FOX_LIST_UUID, sha1), "6b2748e2-363e-5825-9e7a-d9b30f33ac5b");
	assert_string_equal(
	    fox_hashlist_show(text, FOX_LIST_UUID, fox_hashlist_space), "ef001206-dadc-5f6d-a15f-3359e577d4e5");
}

/* What a pass tells, as text. */
static void tell(void *ctx, enum fox_hashlist_kind kind, const struct fox_tensor *t, const uint8_t *hash)
{
	fox_hashlist_put(ctx, kind, hash, fox_str_of("f"), t ? t->name : (struct fox_str){"", 0});
}

/* Two tensors of which one is larger than a chunk: each hash is that of the bytes in one piece, whoever makes it. */
static void test_pass(void **state)
{
	(void)state;
	struct fox_gguf_writer *w;
	struct fox_err err = {0};
	const char *path = test_path("m.gguf");
	const uint64_t rows[2][2] = {{1024, 2500}, {3, 1}};
	const size_t bytes[2] = {(size_t)1024 * 2500 * 4, 12};
	uint8_t *data = malloc(bytes[0]);
	uint64_t seed = 7;
	assert_non_null(data);
	for (size_t i = 0; i < bytes[0]; i++)
		data[i] = (uint8_t)test_rand(&seed);
	assert_fox_ok(fox_gguf_writer_open(&w, &err), &err);
	assert_fox_ok(fox_gguf_put_tensor(w, fox_str_of("big"), FOX_F32, 2, rows[0], &err), &err);
	assert_fox_ok(fox_gguf_put_tensor(w, fox_str_of("small"), FOX_F32, 2, rows[1], &err), &err);
	assert_fox_ok(fox_gguf_freeze(w, &err), &err);
	assert_fox_ok(fox_gguf_create(w, path, true, &err), &err);
	for (size_t i = 0; i < 2; i++) {
		assert_fox_ok(fox_gguf_write_data(w, i, 0, data, bytes[i], &err), &err);
		fox_gguf_set_hash(w, i, fox_xxh3(data, bytes[i]));
	}
	assert_fox_ok(fox_gguf_finish(w, &err), &err);
	fox_gguf_writer_close(w);

	struct fox_gguf *g;
	struct fox_buf want = {0}, one = {0}, many = {0};
	assert_fox_ok(fox_gguf_open(&g, path, &err), &err);
	for (size_t i = 0; i < 3; i++) /* both tensors, then the file */
		for (int kind = 0; kind < FOX_LIST_KINDS; kind++) {
			uint8_t hash[FOX_DIGEST_MAX];
			if (i < 2 && kind == FOX_LIST_UUID)
				continue;
			struct fox_digest_state *d = fox_digest_open(fox_hashlist_digest((enum fox_hashlist_kind)kind));
			if (kind == FOX_LIST_UUID)
				assert_fox_ok(fox_digest_add(d, fox_hashlist_space, 16, &err), &err);
			for (size_t k = 0; k < 2; k++)
				if (i == k || i == 2)
					assert_fox_ok(fox_digest_add(d, data, bytes[k], &err), &err);
			assert_fox_ok(fox_digest_final(d, hash, &err), &err);
			fox_digest_close(d);
			if (kind == FOX_LIST_UUID)
				fox_hashlist_uuid(hash);
			fox_hashlist_put(&want, (enum fox_hashlist_kind)kind, hash, fox_str_of("f"),
			    fox_str_of(i == 0   ? "big"
			               : i == 1 ? "small"
			                        : ""));
		}
	struct fox_pool *pool = fox_pool_open(3);
	assert_fox_ok(fox_tenhash(g, 15, NULL, tell, &one, &err), &err);
	assert_fox_ok(fox_tenhash(g, 15, pool, tell, &many, &err), &err);
	assert_string_equal(one.p, want.p);
	assert_string_equal(many.p, want.p);
	fox_buf_clear(&one);
	assert_fox_ok(fox_tenhash(g, 1u << FOX_LIST_UUID, pool, tell, &one, &err), &err);
	assert_true(fox_str_starts(fox_buf_view(&one), "uuid      "));
	assert_true(fox_str_ends(fox_buf_view(&want), one.p));
	fox_pool_close(pool);
	fox_gguf_close(g);
	fox_buf_free(&want);
	fox_buf_free(&one);
	fox_buf_free(&many);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_uuid),
	    cmocka_unit_test(test_pass),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
