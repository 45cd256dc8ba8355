/* t_selfcheck.c - a container's own hashes while its bytes pass by: every byte that is damaged is found, in pieces of any size. */
#include "tests/test.h"

#include "format/base/io.h"
#include "format/selfcheck.h"

static const char *sample;
static uint8_t *bytes;
static size_t n_bytes;

/* Two tensors whose data does not end at the alignment. */
static int make_sample(void **state)
{
	(void)state;
	static const float a[3] = {1, -2, 0.5f}, b[40] = {7};
	struct fox_gguf_writer *w;
	struct fox_err err = {0};
	sample = test_path("sample.gguf");
	assert_fox_ok(fox_gguf_writer_open(&w, &err), &err);
	assert_fox_ok(fox_gguf_put_str(w, "general.architecture", fox_str_of("llama"), &err), &err);
	assert_fox_ok(fox_gguf_put_tensor(w, fox_str_of("a"), FOX_F32, 1, (uint64_t[]){3}, &err), &err);
	assert_fox_ok(fox_gguf_put_tensor(w, fox_str_of("b"), FOX_F32, 2, (uint64_t[]){10, 4}, &err), &err);
	assert_fox_ok(fox_gguf_freeze(w, &err), &err);
	assert_fox_ok(fox_gguf_create(w, sample, true, &err), &err);
	assert_fox_ok(fox_gguf_write_data(w, 0, 0, a, sizeof a, &err), &err);
	assert_fox_ok(fox_gguf_write_data(w, 1, 0, b, sizeof b, &err), &err);
	fox_gguf_set_hash(w, 0, fox_xxh3(a, sizeof a));
	fox_gguf_set_hash(w, 1, fox_xxh3(b, sizeof b));
	assert_fox_ok(fox_gguf_finish(w, &err), &err);
	fox_gguf_writer_close(w);
	assert_fox_ok(fox_path_slurp(sample, 1 << 20, (char **)&bytes, &n_bytes, &err), &err);
	return 0;
}

static int drop_sample(void **state)
{
	(void)state;
	free(bytes);
	return unlink(sample);
}

/* Feed `what` in pieces to the check of the container in `open`; the status that comes of it. */
static enum fox_status check(
    const uint8_t *open, const uint8_t *what, size_t n, size_t piece, struct fox_err *err)
{
	struct fox_gguf *g;
	struct fox_selfcheck *c;
	enum fox_hash_state state;
	assert_fox_ok(fox_gguf_open_bytes(&g, (struct fox_span){open, n_bytes}, "sample", err), err);
	enum fox_status s = fox_selfcheck_open(&c, g, err);
	for (size_t at = 0; at < n && !s; at += piece)
		s = fox_selfcheck_feed(c, what + at, n - at < piece ? n - at : piece, err);
	if (!s)
		s = fox_selfcheck_end(c, &state, err);
	if (!s)
		assert_int_equal(state, FOX_HASH_OK);
	fox_selfcheck_close(c);
	fox_gguf_close(g);
	return s;
}

static void test_whole(void **state)
{
	(void)state;
	static const size_t pieces[] = {1, 7, 32, 4096, 1 << 20};
	for (size_t i = 0; i < FOX_COUNT(pieces); i++) {
		struct fox_err err = {0};
		assert_fox_ok(check(bytes, bytes, n_bytes, pieces[i], &err), &err);
	}
	struct fox_err err = {0};
	assert_int_equal(check(bytes, bytes, n_bytes - 1, 4096, &err), FOX_E_TRUNCATED);
}

/* The header was checked when the file was opened; bytes that come later must be those. */
static void test_every_byte(void **state)
{
	(void)state;
	uint8_t *bad = malloc(n_bytes);
	struct fox_gguf *g;
	struct fox_err err = {0};
	assert_non_null(bad);
	assert_fox_ok(fox_gguf_open(&g, sample, &err), &err);
	const struct fox_tensor *a = fox_gguf_tensor(g, 0), *b = fox_gguf_tensor(g, 1);
	uint64_t data = fox_gguf_header(g)->data_at;
	size_t n_found = 0;
	for (size_t at = 0; at < n_bytes; at += at >= data ? 1 : data - at < 1013 ? data - at : 1013) {
		struct fox_err e = {0};
		bool padding = at >= data && !(at >= a->at && at < a->at + a->data.n) &&
		               !(at >= b->at && at < b->at + b->data.n);
		memcpy(bad, bytes, n_bytes);
		bad[at] ^= 4;
		if (padding) { /* found when the file is opened, not when it passes by */
			assert_int_equal(check(bad, bad, n_bytes, 64, &e), FOX_E_MISMATCH);
			assert_string_equal(e.text, "bytes between or behind tensors are not what was written");
			continue;
		}
		assert_int_equal(check(bytes, bad, n_bytes, 64, &e), FOX_E_MISMATCH);
		n_found++;
		if (at == a->at)
			assert_true(strstr(e.text, "data of tensor 'a' has XXH3-128 ") == e.text);
	}
	assert_true(n_found > a->data.n + b->data.n);
	fox_gguf_close(g);
	free(bad);
}

static void test_header(void **state)
{
	(void)state;
	uint8_t *bad = malloc(n_bytes);
	struct fox_err err = {0};
	assert_non_null(bad);
	memcpy(bad, bytes, n_bytes);
	bad[24 + 8 + 20 + 4 + 8] = 'L'; /* "llama" */
	assert_int_equal(check(bad, bad, n_bytes, 64, &err), FOX_E_MISMATCH);
	assert_string_equal(err.text, "the header or the length is not what was written");
	assert_string_equal(err.file, "sample");
	free(bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whole),
	    cmocka_unit_test(test_every_byte),
	    cmocka_unit_test(test_header),
	};
	return cmocka_run_group_tests(tests, make_sample, drop_sample);
}
