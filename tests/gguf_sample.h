/* gguf_sample.h - small containers made with the writer, for tests of the writer and of the profile. */
#ifndef FOX_TEST_GGUF_SAMPLE_H
#define FOX_TEST_GGUF_SAMPLE_H

#include "tests/test.h"

#include "format/base/io.h"
#include "format/gguf.h"
#include "format/profile.h"

/* Tensor i's data: any bytes, but never 0, so that padding shows. */
static inline uint8_t *sample_data(size_t tensor, uint64_t bytes)
{
	uint64_t seed = tensor + 1;
	uint8_t *p = malloc(bytes);
	for (uint64_t i = 0; i < bytes; i++)
		p[i] = (uint8_t)(test_rand(&seed) % 255 + 1);
	return p;
}

/* Keys of every type, a string array, two keys for patching, and four tensors of several types. Frozen when
 * asked. */
static inline struct fox_gguf_writer *sample_declare(bool freeze)
{
	struct fox_gguf_writer *w;
	struct fox_err err = {0};
	static const float scores[] = {0, -1.5f, 3};
	const struct fox_str tokens[] = {fox_str_of("<unk>"), fox_str_of(""), fox_str_of("\xe2\x96\x81the")};
	const struct fox_str sums[] = {fox_str_of("00000000"), fox_str_of("11111111")};
	assert_fox_ok(fox_gguf_writer_open(&w, &err), &err);
	assert_fox_ok(fox_gguf_put_str(w, "general.architecture", fox_str_of("llama"), &err), &err);
	assert_fox_ok(
	    fox_gguf_put_str(w, "fox.convert.options", fox_str_of("type=q8_0"), &err), &err); /* comes late */
	assert_fox_ok(fox_gguf_put_u32(w, "llama.block_count", 2, &err), &err);
	assert_fox_ok(fox_gguf_put_u64(w, "u64", UINT64_MAX, &err), &err);
	assert_fox_ok(fox_gguf_put_i32(w, "i32", -5, &err), &err);
	assert_fox_ok(fox_gguf_put_f32(w, "f32", 1e-5f, &err), &err);
	assert_fox_ok(fox_gguf_put_bool(w, "yes", true, &err), &err);
	assert_fox_ok(fox_gguf_put_strings(w, "tokenizer.ggml.tokens", tokens, 3, &err), &err);
	assert_fox_ok(fox_gguf_put_array(w, "tokenizer.ggml.scores", FOX_GGUF_F32, scores, 3, &err), &err);
	assert_fox_ok(fox_gguf_put_array(w, "nothing", FOX_GGUF_U8, NULL, 0, &err), &err);
	assert_fox_ok(fox_gguf_put_strings(w, "fox.source.sha256", sums, 2, &err), &err);
	assert_fox_ok(fox_gguf_put_str(w, "patch", fox_str_of("abc"), &err), &err);
	const uint64_t a[] = {3, 5}, b[] = {64, 2}, c[] = {7}, d[] = {16, 2, 1, 2};
	assert_fox_ok(fox_gguf_put_tensor(w, fox_str_of("a.weight"), FOX_F32, 2, a, &err), &err);
	assert_fox_ok(fox_gguf_put_tensor(w, fox_str_of("b.weight"), FOX_Q8_0, 2, b, &err), &err);
	assert_fox_ok(fox_gguf_put_tensor(w, fox_str_of("c.bias"), FOX_BF16, 1, c, &err), &err);
	assert_fox_ok(fox_gguf_put_tensor(w, fox_str_of("d.weight"), FOX_F16, 4, d, &err), &err);
	if (freeze)
		assert_fox_ok(fox_gguf_freeze(w, &err), &err);
	return w;
}
enum { SAMPLE_TENSORS = 4 };

/* Write all data in pieces of `step` bytes, tensors and pieces backwards when asked, then finish and close.
 */
static inline void sample_write(
    struct fox_gguf_writer *w, size_t n_tensors, const char *path, size_t step, bool backwards)
{
	struct fox_err err = {0};
	assert_fox_ok(fox_gguf_create(w, path, true, &err), &err);
	for (size_t k = 0; k < n_tensors; k++) {
		size_t i = backwards ? n_tensors - 1 - k : k;
		uint64_t bytes = fox_gguf_writer_tensor_bytes(w, i), pieces = (bytes + step - 1) / step;
		uint8_t *p = sample_data(i, bytes);
		for (uint64_t j = 0; j < pieces; j++) {
			uint64_t at = (backwards ? pieces - 1 - j : j) * step, n = bytes - at < step ? bytes - at : step;
			assert_fox_ok(fox_gguf_write_data(w, i, at, p + at, n, &err), &err);
		}
		fox_gguf_set_hash(w, i, fox_xxh3(p, bytes));
		free(p);
	}
	assert_fox_ok(fox_gguf_finish(w, &err), &err);
	fox_gguf_writer_close(w);
}

/* The whole file in malloc'd memory. */
static inline char *sample_slurp(const char *path, size_t *n)
{
	char *p;
	struct fox_err err = {0};
	assert_fox_ok(fox_path_slurp(path, UINT32_MAX, &p, n, &err), &err);
	return p;
}

#endif
