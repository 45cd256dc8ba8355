/* t_families.c - config.json of every family: parameters of published models by arithmetic of their own, and the sizes of
 * each tiny checkpoint through a container and back. */
#include "tests/test.h"

#include "convert/hfconfig.h"
#include "format/base/hash.h"
#include "format/base/io.h"

static void read_config(struct fox_hfconfig *c, struct fox_json **json, const char *path)
{
	struct fox_err err = {0};
	char *text;
	size_t n;
	assert_fox_ok(fox_path_slurp(path, 1 << 20, &text, &n, &err), &err);
	assert_fox_ok(fox_json_parse(json, (struct fox_str){text, n}, &err), &err);
	if (fox_hfconfig_read(c, *json, &err))
		fail_msg("%s: %s", path, err.text);
	free(text);
}

/* Tensors of the source: two halves are one. */
static size_t count_tensors(const struct fox_hfconfig *c)
{
	struct fox_err err = {0};
	struct fox_arena arena = {0};
	struct fox_slot *s;
	size_t n, count = 0;
	assert_fox_ok(fox_arch_slots(c->arch, &c->hp, &arena, &s, &n, &err), &err);
	for (size_t i = 0; i < n; i++)
		count += !(s[i].row->how & (FOX_T_MADE | FOX_T_SECOND_HALF)) && !(c->hp.tied && s[i].row->how & FOX_T_TIED_EMBED);
	fox_arena_free(&arena);
	return count;
}

/* OpenELM-1.1B's 28 layers: heads of 64 over 2048, the inner widths as its code makes them. */
static uint64_t openelm_layers(void)
{
	static const uint32_t heads[28] = {16, 16, 16, 20, 20, 20, 20, 20, 20, 20, 24, 24, 24, 24, 24, 24, 24, 24, 28,
	    28, 28, 28, 28, 28, 32, 32, 32, 32},
	                      ff[28] = {1024, 1280, 1536, 1792, 2048, 2304, 2560, 2816, 3072, 3328, 3584, 3840, 4096, 4608, 4608, 5120, 5376,
	                          5632, 5888, 6144, 6400, 6656, 6912, 7168, 7424, 7680, 7936, 8192};
	uint64_t sum = 0;
	for (int l = 0; l < 28; l++)
		sum += 2 * 2048u + 2 * 64u + (heads[l] + 2 * heads[l] / 4) * 64ull * 2048 + heads[l] * 64ull * 2048 +
		       3ull * ff[l] * 2048;
	return sum;
}

static void published(void **state)
{
	(void)state;
	const struct {
		const char *name;
		size_t tensors;
		uint64_t params, by_hand; /* embedding, layers x (norms, attention, feed-forward), last norm */
	} models[] = {
	    {"fox-1-1.6b", 290, 1665271808,
	        256000ull * 2048 + 32 * (2 * 2048 + 2 * 2048ull * 2048 + 2 * 512 * 2048 + 3 * 4096 * 2048) + 2048},
	    /* one key-value head of 256 for 8 query heads */
	    {"gemma-2b", 164, 2506172416,
	        256000ull * 2048 + 18 * (2 * 2048 + 2 * 2048ull * 2048 + 2 * 256 * 2048 + 3 * 16384 * 2048) + 2048},
	    /* not tied; three biases */
	    {"qwen1.5-1.8b", 291, 1836828672,
	        2 * 151936ull * 2048 + 24 * (2 * 2048 + 4 * 2048ull * 2048 + 3 * 2048 + 3 * 5504 * 2048) + 2048},
	    /* not tied; three biases; norms with bias */
	    {"stablelm-2-1_6b", 340, 1644515328,
	        2 * 100352ull * 2048 + 24 * (4 * 2048 + 4 * 2048ull * 2048 + 3 * 2048 + 3 * 5632 * 2048) + 2 * 2048},
	    {"openelm-1_1b", 226, 1079891456, 32000ull * 2048 + openelm_layers() + 2048},
	    {"llama-3.2-1b", 146, 1235814400,
	        128256ull * 2048 + 16 * (2 * 2048 + 2 * 2048ull * 2048 + 2 * 512 * 2048 + 3 * 8192 * 2048) + 2048},
	    /* 16 heads of 128 over 1024, and a norm of 128 for queries and for keys */
	    {"qwen3-0.6b", 310, 596049920,
	        151936ull * 1024 + 28 * (2 * 1024 + 2 * 128 + 2 * 2048ull * 1024 + 2 * 1024 * 1024 + 3 * 3072 * 1024) +
	            1024},
	    {"gemma-3-1b", 340, 999885952,
	        262144ull * 1152 + 26 * (4 * 1152 + 2 * 256 + 2 * 1024ull * 1152 + 2 * 256 * 1152 + 3 * 6912 * 1152) +
	            1152},
	};
	for (size_t i = 0; i < FOX_COUNT(models); i++) {
		char path[128];
		struct fox_hfconfig c;
		struct fox_json *json;
		snprintf(path, sizeof path, "tests/families/configs/%s.json", models[i].name);
		read_config(&c, &json, path);
		assert_int_equal(models[i].by_hand, models[i].params);
		assert_int_equal(fox_arch_params(c.arch, &c.hp), models[i].params);
		assert_int_equal(count_tensors(&c), models[i].tensors);
		fox_json_close(json);
	}
}

/* A container with the config's keys and every tensor that its sizes ask for, all zeros. */
static struct fox_gguf *container(const struct fox_hfconfig *c, const char *path)
{
	static uint8_t zeros[1 << 20];
	struct fox_err err = {0};
	struct fox_arena arena = {0};
	struct fox_gguf_writer *w;
	struct fox_gguf *g;
	struct fox_slot *s;
	size_t n, k = 0;
	assert_fox_ok(fox_arch_slots(c->arch, &c->hp, &arena, &s, &n, &err), &err);
	assert_fox_ok(fox_gguf_writer_open(&w, &err), &err);
	assert_fox_ok(fox_hfconfig_put(c, w, &err), &err);
	for (size_t i = 0; i < n; i++) {
		uint64_t dim[2] = {s[i].cols, s[i].rows};
		if (c->hp.tied && s[i].row->how & FOX_T_TIED_EMBED)
			continue;
		assert_fox_ok(fox_gguf_put_tensor(w, fox_str_of(s[i].name), FOX_F32,
		                  s[i].row->rows == FOX_D_NONE ? 1 : 2, dim, &err),
		    &err);
		k++;
	}
	assert_fox_ok(fox_gguf_freeze(w, &err), &err);
	assert_fox_ok(fox_gguf_create(w, path, true, &err), &err);
	for (size_t i = 0; i < k; i++) {
		uint64_t bytes = fox_gguf_writer_tensor_bytes(w, i);
		assert_true(bytes <= sizeof zeros);
		assert_fox_ok(fox_gguf_write_data(w, i, 0, zeros, bytes, &err), &err);
		fox_gguf_set_hash(w, i, fox_xxh3(zeros, bytes));
	}
	assert_fox_ok(fox_gguf_finish(w, &err), &err);
	fox_gguf_writer_close(w);
	fox_arena_free(&arena);
	assert_fox_ok(fox_gguf_open(&g, path, &err), &err);
	return g;
}

/* What lies past the last layer, and who would have a window where there is none, says nothing. */
static void settle(struct fox_hparams *h)
{
	for (uint32_t l = h->n_layers; l < FOX_MAX_LAYERS; l++)
		h->n_heads[l] = h->n_kv_heads[l] = h->d_ff[l] = h->windowed[l] = 0;
	h->ff_divisor = 0; /* has done its work */
	if (!h->window)
		memset(h->windowed, 0, sizeof h->windowed);
}

/* Everything that config.json says comes back out of keys and tensors, and nothing else does. */
static void through_a_container(void **state)
{
	(void)state;
	static const char *const folders[] = {"fox1", "fox1_instruct", "llama2", "llama3", "llama3_v5", "llama_bias",
	    "llama_yarn", "smollm2", "mistral", "gemma", "gemma2", "gemma3", "gemma3_linear", "qwen2", "qwen2_window",
	    "qwen3", "qwen3_yarn", "stablelm", "stablelm_parallel", "openelm", "phi3", "phi3_longrope", "olmo2", "bloom",
	    "bloom_prefix", "gpt2"};
	for (size_t i = 0; i < FOX_COUNT(folders); i++) {
		char path[128];
		struct fox_hfconfig c;
		struct fox_json *json;
		struct fox_err err = {0};
		struct fox_hparams h;
		const struct fox_arch *arch;
		snprintf(path, sizeof path, "tests/families/%s/config.json", folders[i]);
		read_config(&c, &json, path);
		struct fox_gguf *g = container(&c, test_path("back.gguf"));
		assert_fox_ok(fox_arch_of(&arch, g, &err), &err);
		assert_string_equal(arch->name, c.arch->name);
		if (fox_hparams_from_gguf(&h, arch, g, &err))
			/* most families count their vocabulary by the tokens, of which there are none here */
			assert_string_equal(err.text, "vocabulary size is 0, want 1 to 67108864");
		else
			assert_string_equal(arch->name, "llama");
		h.n_vocab = c.hp.n_vocab;
		assert_fox_ok(fox_hparams_check(&h, &err), &err);
		settle(&h);
		settle(&c.hp);
		for (size_t b = 0; b < sizeof h; b++)
			if (((const uint8_t *)&h)[b] != ((const uint8_t *)&c.hp)[b])
				fail_msg("%s: byte %zu of the sizes is another", folders[i], b);
		fox_gguf_close(g);
		fox_json_close(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(published),
	    cmocka_unit_test(through_a_container),
	};
	return cmocka_run_group_tests_name("families", tests, NULL, NULL);
}
