/* t_hparam.c - ranges of hyper-parameters, and reading them from containers built byte by byte. */
#include "tests/test.h"

#include <math.h>

#include "format/arch.h"
#include "format/base/num.h"

/* A GGUF v3 file built byte by byte, so that these tests do not lean on the writer. */
struct file {
	uint8_t b[65536];
	size_t n;
	uint64_t keys, tensors;
	uint64_t at; /* offset of the last value */
};

static void raw(struct file *f, const void *p, size_t n)
{
	assert_true(f->n + n <= sizeof f->b);
	memcpy(f->b + f->n, p, n);
	f->n += n;
}

static void u32(struct file *f, uint32_t v)
{
	uint8_t b[4];
	fox_store32(b, v);
	raw(f, b, 4);
}

static void u64(struct file *f, uint64_t v)
{
	uint8_t b[8];
	fox_store64(b, v);
	raw(f, b, 8);
}

static void str(struct file *f, const char *s)
{
	u64(f, strlen(s));
	raw(f, s, strlen(s));
}

static void begin(struct file *f)
{
	f->n = 0;
	f->keys = f->tensors = 0;
	raw(f, "GGUF", 4);
	u32(f, 3);
	u64(f, 0);
	u64(f, 0);
}

static void key(struct file *f, const char *name, enum fox_gguf_type type)
{
	str(f, name);
	u32(f, type);
	f->keys++;
	f->at = f->n;
}

static void key_u32(struct file *f, const char *name, uint32_t v)
{
	key(f, name, FOX_GGUF_U32);
	u32(f, v);
}

static void key_f32(struct file *f, const char *name, float v)
{
	uint8_t b[4];
	key(f, name, FOX_GGUF_F32);
	fox_store_f32(b, v);
	raw(f, b, 4);
}

static void key_str(struct file *f, const char *name, const char *v)
{
	key(f, name, FOX_GGUF_STR);
	str(f, v);
}

/* An array of 4-byte items; at is that of the first element. */
static void key_array(
    struct file *f, const char *name, enum fox_gguf_type item, const void *items, uint64_t n)
{
	key(f, name, FOX_GGUF_ARR);
	u32(f, item);
	u64(f, n);
	f->at = f->n;
	for (uint64_t i = 0; i < n; i++)
		u32(f, ((const uint32_t *)items)[i]);
}

/* One-element f32 tensors. */
static void tensors(struct file *f, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		str(f, names[i]);
		u32(f, 1);
		u64(f, 1);
		u32(f, FOX_F32);
		u64(f, 32 * i);
	}
	f->tensors = n;
}

static struct fox_gguf *opened(struct file *f)
{
	struct fox_err err = {0};
	struct fox_gguf *g;
	fox_store64(f->b + 8, f->tensors);
	fox_store64(f->b + 16, f->keys);
	while (f->n % 32)
		raw(f, "", 1);
	for (uint64_t i = 0; i < 8 * f->tensors; i++)
		u32(f, 0);
	assert_fox_ok(fox_gguf_open_bytes(&g, (struct fox_span){f->b, f->n}, "t.gguf", &err), &err);
	return g;
}

enum { NO_BLOCKS = 1, NO_CTX = 2, NO_WIDTH = 4, NO_FF = 8, NO_HEADS = 16, NO_EPS = 32, NO_VOCAB = 64 };

/* The keys that have no default, less those in `without`. */
static void least(struct file *f, unsigned without)
{
	begin(f);
	if (!(without & NO_BLOCKS))
		key_u32(f, "llama.block_count", 2);
	if (!(without & NO_CTX))
		key_u32(f, "llama.context_length", 1024);
	if (!(without & NO_WIDTH))
		key_u32(f, "llama.embedding_length", 64);
	if (!(without & NO_FF))
		key_u32(f, "llama.feed_forward_length", 96);
	if (!(without & NO_HEADS))
		key_u32(f, "llama.attention.head_count", 4);
	if (!(without & NO_EPS))
		key_f32(f, "llama.attention.layer_norm_rms_epsilon", 1e-5f);
	if (!(without & NO_VOCAB))
		key_u32(f, "llama.vocab_size", 100);
}

static void refused(struct file *f, enum fox_status code, uint64_t at, const char *text)
{
	struct fox_err err = {0};
	struct fox_hparams h;
	struct fox_gguf *g = opened(f);
	assert_int_equal(fox_hparams_from_gguf(&h, &fox_arch_llama, g, &err), code);
	assert_fox_err(&err, code, at, text);
	fox_gguf_close(g);
}

static struct fox_hparams accepted(struct file *f)
{
	struct fox_err err = {0};
	struct fox_hparams h;
	struct fox_gguf *g = opened(f);
	assert_fox_ok(fox_hparams_from_gguf(&h, &fox_arch_llama, g, &err), &err);
	fox_gguf_close(g);
	return h;
}

static struct file f; /* 64 kB, one at a time */

static void defaults(void **state)
{
	(void)state;
	least(&f, 0);
	struct fox_hparams h = accepted(&f);
	assert_int_equal(h.n_layers, 2);
	assert_int_equal(h.n_ctx, 1024);
	assert_int_equal(h.d_model, 64);
	assert_int_equal(h.n_vocab, 100);
	assert_int_equal(h.head_dim, 16);
	assert_int_equal(h.rope_dims, 16);
	assert_true(h.rope_theta == 10000.0f);
	assert_true(h.norm_eps == 1e-5f);
	assert_true(h.tied);
	for (uint32_t l = 0; l < 2; l++) {
		assert_int_equal(h.n_heads[l], 4);
		assert_int_equal(h.n_kv_heads[l], 4);
		assert_int_equal(h.d_ff[l], 96);
	}
}

static void given(void **state)
{
	(void)state;
	static const char *const names[] = {"token_embd.weight", "output.weight"};
	least(&f, 0);
	key_u32(&f, "llama.attention.head_count_kv", 2);
	key_f32(&f, "llama.rope.freq_base", 500000);
	key_u32(&f, "llama.attention.key_length", 32);
	key_u32(&f, "llama.attention.value_length", 32);
	key_u32(&f, "llama.rope.dimension_count", 32);
	key_str(&f, "llama.rope.scaling.type", "none");
	key_f32(&f, "llama.rope.scaling.factor", 8);
	key_u32(&f, "llama.expert_count", 0);
	tensors(&f, names, 2);
	struct fox_hparams h = accepted(&f);
	assert_int_equal(h.n_kv_heads[1], 2);
	assert_int_equal(h.head_dim, 32);
	assert_int_equal(h.rope_dims, 32);
	assert_true(h.rope_theta == 500000.0f);
	assert_false(h.tied);
	least(&f, 0);
	tensors(&f, names, 1);
	assert_true(accepted(&f).tied);
}

static void layers(void **state)
{
	(void)state;
	const uint32_t heads[] = {4, 2, 9}, kv[] = {2, 1}, ff[] = {96, 128}, zero[] = {4, 0};
	least(&f, NO_HEADS | NO_FF);
	key_array(&f, "llama.attention.head_count", FOX_GGUF_I32, heads, 2);
	key_array(&f, "llama.attention.head_count_kv", FOX_GGUF_U32, kv, 2);
	key_array(&f, "llama.feed_forward_length", FOX_GGUF_U32, ff, 2);
	key_u32(&f, "llama.attention.key_length", 16);
	struct fox_hparams h = accepted(&f);
	assert_int_equal(h.n_heads[0], 4);
	assert_int_equal(h.n_heads[1], 2);
	assert_int_equal(h.n_kv_heads[1], 1);
	assert_int_equal(h.d_ff[1], 128);
	assert_int_equal(h.n_heads[2], 0);

	least(&f, NO_HEADS);
	key_array(&f, "llama.attention.head_count", FOX_GGUF_U32, heads, 3);
	refused(&f, FOX_E_FORMAT, f.at,
	    "key 'llama.attention.head_count' has 3 elements, want one for each of 2 layers");
	least(&f, NO_HEADS);
	key_array(&f, "llama.attention.head_count", FOX_GGUF_U32, zero, 2);
	refused(
	    &f, FOX_E_FORMAT, f.at, "key 'llama.attention.head_count' is 0, want 1 to 4294967295, in layer 1");
	least(&f, NO_HEADS);
	key_array(&f, "llama.attention.head_count", FOX_GGUF_F32, heads, 2);
	refused(&f, FOX_E_FORMAT, f.at, "key 'llama.attention.head_count' holds f32, want integers from 1");
	least(&f, NO_HEADS);
	key_array(&f, "llama.attention.head_count", FOX_GGUF_U32, heads, 2);
	refused(&f, FOX_E_FORMAT, FOX_NOWHERE,
	    "head size is not given, and the layers have different numbers of query heads");
	/* as many elements as layers, and both too many */
	static uint32_t many[600];
	least(&f, NO_BLOCKS | NO_HEADS);
	key_u32(&f, "llama.block_count", 600);
	key_array(&f, "llama.attention.head_count", FOX_GGUF_U32, many, 600);
	refused(&f, FOX_E_FORMAT, f.at,
	    "key 'llama.attention.head_count' has 600 elements, want one for each of 600 layers");
}

static void missing(void **state)
{
	(void)state;
	static const struct {
		unsigned without;
		const char *text;
	} cases[] = {
	    {NO_BLOCKS, "no key 'llama.block_count'"},
	    {NO_CTX, "no key 'llama.context_length'"},
	    {NO_WIDTH, "no key 'llama.embedding_length'"},
	    {NO_FF, "no key 'llama.feed_forward_length'"},
	    {NO_HEADS, "no key 'llama.attention.head_count'"},
	    {NO_EPS, "no key 'llama.attention.layer_norm_rms_epsilon'"},
	    {NO_VOCAB, "vocabulary size is 0, want 1 to 67108864"},
	};
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		least(&f, cases[i].without);
		refused(&f, FOX_E_FORMAT, FOX_NOWHERE, cases[i].text);
	}
}

static void vocab_from_tokens(void **state)
{
	(void)state;
	least(&f, NO_VOCAB);
	key(&f, "tokenizer.ggml.tokens", FOX_GGUF_ARR);
	u32(&f, FOX_GGUF_STR);
	u64(&f, 3);
	str(&f, "a");
	str(&f, "b");
	str(&f, "c");
	assert_int_equal(accepted(&f).n_vocab, 3);
	/* a string is no list of tokens */
	least(&f, NO_VOCAB);
	key_str(&f, "tokenizer.ggml.tokens", "abc");
	refused(&f, FOX_E_FORMAT, FOX_NOWHERE, "vocabulary size is 0, want 1 to 67108864");
}

static void wrong_types(void **state)
{
	(void)state;
	least(&f, NO_BLOCKS);
	key_str(&f, "llama.block_count", "2");
	refused(&f, FOX_E_FORMAT, f.at, "key 'llama.block_count' is str, want u32");
	least(&f, NO_WIDTH);
	key_f32(&f, "llama.embedding_length", 64);
	refused(&f, FOX_E_FORMAT, f.at, "key 'llama.embedding_length' is f32, want u32");
	least(&f, NO_EPS);
	key_u32(&f, "llama.attention.layer_norm_rms_epsilon", 1);
	refused(&f, FOX_E_FORMAT, f.at, "key 'llama.attention.layer_norm_rms_epsilon' is u32, want f32");
	least(&f, 0);
	key_u32(&f, "llama.rope.scaling.type", 1);
	refused(&f, FOX_E_FORMAT, f.at, "key 'llama.rope.scaling.type' is u32, want str");
	const uint32_t two[] = {2, 2};
	least(&f, NO_CTX);
	key_array(&f, "llama.context_length", FOX_GGUF_U32, two, 2);
	refused(&f, FOX_E_FORMAT, f.at, "key 'llama.context_length' is arr, want u32");
}

static void values(void **state)
{
	(void)state;
	static const struct {
		unsigned without;
		const char *key;
		uint32_t v;
		bool located;
		const char *text;
	} cases[] = {
	    {NO_BLOCKS, "llama.block_count", 0, true, "key 'llama.block_count' is 0, want 1 to 4294967295"},
	    {NO_BLOCKS, "llama.block_count", 513, false, "number of layers is 513, want 1 to 512"},
	    {NO_BLOCKS, "llama.block_count", UINT32_MAX, false, "number of layers is 4294967295, want 1 to 512"},
	    {NO_CTX, "llama.context_length", 0, true, "key 'llama.context_length' is 0, want 1 to 4294967295"},
	    {NO_CTX, "llama.context_length", 1u << 31, false,
	        "context length is 2147483648, want 1 to 2147483647"},
	    {NO_HEADS, "llama.attention.head_count", 0, true,
	        "key 'llama.attention.head_count' is 0, want 1 to 4294967295"},
	    {NO_HEADS, "llama.attention.head_count", 3, false,
	        "head size is not given, and 3 query heads do not divide the model width 64"},
	    {NO_HEADS, "llama.attention.head_count", 64, false, "head size is 1, want 2 to 65536"},
	    {0, "llama.attention.head_count_kv", 0, true,
	        "key 'llama.attention.head_count_kv' is 0, want 1 to 4294967295"},
	    {0, "llama.attention.head_count_kv", 3, false,
	        "3 key-value heads do not divide 4 query heads, in layer 0"},
	    {0, "llama.attention.head_count_kv", 8, false,
	        "number of key-value heads is 8, want 1 to 4, in layer 0"},
	    {0, "llama.attention.key_length", 15, false, "head size is 15, want an even number"},
	    {NO_VOCAB, "llama.vocab_size", 0, true, "key 'llama.vocab_size' is 0, want 1 to 4294967295"},
	};
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		least(&f, cases[i].without);
		key_u32(&f, cases[i].key, cases[i].v);
		refused(&f, FOX_E_FORMAT, cases[i].located ? f.at : FOX_NOWHERE, cases[i].text);
	}
}

static void not_handled(void **state)
{
	(void)state;
	least(&f, 0);
	key_str(&f, "llama.rope.scaling.type", "dynamic");
	refused(&f, FOX_E_UNSUPPORTED, f.at, "key 'llama.rope.scaling.type' is 'dynamic', which is not handled");
	least(&f, 0);
	key_f32(&f, "llama.rope.scale_linear", 2);
	refused(&f, FOX_E_UNSUPPORTED, f.at, "key 'llama.rope.scale_linear' is 2, which is not handled");
	least(&f, 0);
	key_f32(&f, "llama.rope.scaling.alpha", 1);
	refused(&f, FOX_E_UNSUPPORTED, f.at, "key 'llama.rope.scaling.alpha' is 1, which is not handled");
	least(&f, 0);
	key_f32(&f, "llama.rope.scaling.attn_factor", 1.5f);
	refused(&f, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "key 'llama.rope.scaling.attn_factor' is 1.5, but nothing is scaled");
	least(&f, 0);
	key_u32(&f, "llama.expert_count", 8);
	refused(&f, FOX_E_UNSUPPORTED, f.at, "key 'llama.expert_count' is 8, which is not handled");
	least(&f, 0);
	key(&f, "llama.attention.causal", FOX_GGUF_BOOL);
	raw(&f, "", 1);
	refused(&f, FOX_E_UNSUPPORTED, f.at, "key 'llama.attention.causal' is false, which is not handled");
	least(&f, 0);
	key_u32(&f, "llama.attention.key_length", 32);
	key_u32(&f, "llama.attention.value_length", 16);
	refused(&f, FOX_E_UNSUPPORTED, f.at,
	    "key 'llama.attention.value_length' is 16, but the key before it that must be equal is 32");
	least(&f, 0);
	key_u32(&f, "llama.rope.dimension_count", 8);
	refused(&f, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "8 of 16 head dimensions are rotated, where architecture 'llama' rotates all");
	least(&f, 0);
	static const char *const freqs[] = {"rope_freqs.weight", "token_embd.weight"};
	key_str(&f, "llama.rope.scaling.type", "linear"); /* whose readers look at no such tensor */
	key_f32(&f, "llama.rope.scaling.factor", 2);
	tensors(&f, freqs, 2);
	refused(&f, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "tensor 'rope_freqs.weight' scales the rotary angles, which is not handled");
	/* neutral values of the same keys */
	least(&f, 0);
	key_f32(&f, "llama.rope.scaling.factor", 1);
	key_f32(&f, "llama.rope.scaling.attn_factor", 1);
	key_f32(&f, "llama.rope.scaling.alpha", 0);
	key(&f, "llama.attention.causal", FOX_GGUF_BOOL);
	raw(&f, "\1", 1);
	accepted(&f);
}

static void family(void **state)
{
	(void)state;
	const struct fox_arch *arch = NULL;
	struct fox_err err = {0};
	begin(&f);
	key_str(&f, "general.architecture", "llama");
	struct fox_gguf *g = opened(&f);
	assert_fox_ok(fox_arch_of(&arch, g, &err), &err);
	assert_ptr_equal(arch, &fox_arch_llama);
	fox_gguf_close(g);
	begin(&f);
	key_str(&f, "general.architecture", "mamba");
	g = opened(&f);
	assert_int_equal(fox_arch_of(&arch, g, &err), FOX_E_UNSUPPORTED);
	assert_fox_err(&err, FOX_E_UNSUPPORTED, f.at, "architecture 'mamba' is not handled (handled: llama, gemma, gemma2, gemma3, qwen2, qwen3, stablelm, "
	    "openelm, phi3, olmo2, bloom, gpt2)");
	fox_gguf_close(g);
	err = (struct fox_err){0};
	begin(&f);
	g = opened(&f);
	assert_int_equal(fox_arch_of(&arch, g, &err), FOX_E_FORMAT);
	assert_fox_err(&err, FOX_E_FORMAT, FOX_NOWHERE, "no key 'general.architecture'");
	fox_gguf_close(g);
}

/* ---- fox_hparams_check alone */

static struct fox_hparams good(void)
{
	struct fox_hparams h = {.n_layers = 2,
	    .n_ctx = 1024,
	    .d_model = 64,
	    .n_vocab = 100,
	    .head_dim = 16,
	    .rope_dims = 16,
	    .rope_theta = 10000,
	    .norm_eps = 1e-5f};
	for (uint32_t l = 0; l < 2; l++) {
		h.n_heads[l] = 4;
		h.n_kv_heads[l] = 2;
		h.d_ff[l] = 96;
	}
	return h;
}

static void ranges_u32(void **state)
{
	(void)state;
#define F(x) offsetof(struct fox_hparams, x)
	static const struct {
		size_t field;
		uint32_t v;
		const char *text;
	} cases[] = {
	    {F(n_layers), 0, "number of layers is 0, want 1 to 512"},
	    {F(n_layers), 513, "number of layers is 513, want 1 to 512"},
	    {F(n_layers), UINT32_MAX, "number of layers is 4294967295, want 1 to 512"},
	    {F(n_layers), 3, "number of query heads is 0, want 1 to 1048576, in layer 2"},
	    {F(n_ctx), 0, "context length is 0, want 1 to 2147483647"},
	    {F(n_ctx), 1u << 31, "context length is 2147483648, want 1 to 2147483647"},
	    {F(d_model), 0, "model width is 0, want 1 to 1048576"},
	    {F(d_model), (1u << 20) + 1, "model width is 1048577, want 1 to 1048576"},
	    {F(n_vocab), 0, "vocabulary size is 0, want 1 to 67108864"},
	    {F(n_vocab), (64u << 20) + 1, "vocabulary size is 67108865, want 1 to 67108864"},
	    {F(head_dim), 0, "head size is 0, want 2 to 65536"},
	    {F(head_dim), 1, "head size is 1, want 2 to 65536"},
	    {F(head_dim), 17, "head size is 17, want an even number"},
	    {F(head_dim), 65538, "head size is 65538, want 2 to 65536"},
	    {F(rope_dims), 0, "number of rotated dimensions is 0, want 2 to 16"},
	    {F(rope_dims), 15, "number of rotated dimensions is 15, want an even number"},
	    {F(rope_dims), 18, "number of rotated dimensions is 18, want 2 to 16"},
	    {F(n_heads), 0, "number of query heads is 0, want 1 to 16777216"},
	    {F(n_heads) + 4, 0, "number of query heads is 0, want 1 to 1048576, in layer 1"},
	    /* 2^28 heads of 16: their product would leave 32 bits */
	    {F(n_heads) + 4, 1u << 28, "number of query heads is 268435456, want 1 to 1048576, in layer 1"},
	    {F(n_kv_heads), 0, "number of key-value heads is 0, want 1 to 4, in layer 0"},
	    {F(n_kv_heads), 3, "3 key-value heads do not divide 4 query heads, in layer 0"},
	    {F(n_kv_heads) + 4, 8, "number of key-value heads is 8, want 1 to 4, in layer 1"},
	    {F(d_ff), 0, "feed-forward width is 0, want 1 to 16777216, in layer 0"},
	    {F(d_ff) + 4, UINT32_MAX, "feed-forward width is 4294967295, want 1 to 16777216, in layer 1"},
	};
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct fox_hparams h = good();
		struct fox_err err = {0};
		memcpy((char *)&h + cases[i].field, &cases[i].v, 4);
		assert_int_equal(fox_hparams_check(&h, &err), FOX_E_FORMAT);
		assert_fox_err(&err, FOX_E_FORMAT, FOX_NOWHERE, cases[i].text);
		assert_int_equal(fox_hparams_check(&h, NULL), FOX_E_FORMAT);
	}
	struct fox_hparams h = good();
	struct fox_err err = {0};
	assert_fox_ok(fox_hparams_check(&h, &err), &err);
}

static void ranges_f32(void **state)
{
	(void)state;
	static const struct {
		size_t field;
		float v;
		const char *text;
	} cases[] = {
	    {F(rope_theta), 0, "rotary base is 0, want a finite number above 0"},
	    {F(rope_theta), -1, "rotary base is -1, want a finite number above 0"},
	    {F(rope_theta), INFINITY, "rotary base is inf, want a finite number above 0"},
	    {F(norm_eps), 0, "norm epsilon is 0, want above 0 and below 1"},
	    {F(norm_eps), -1e-5f, "norm epsilon is -1e-05, want above 0 and below 1"},
	    {F(norm_eps), 1, "norm epsilon is 1, want above 0 and below 1"},
	    {F(norm_eps), INFINITY, "norm epsilon is inf, want above 0 and below 1"},
	};
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct fox_hparams h = good();
		struct fox_err err = {0};
		memcpy((char *)&h + cases[i].field, &cases[i].v, 4);
		assert_int_equal(fox_hparams_check(&h, &err), FOX_E_FORMAT);
		assert_fox_err(&err, FOX_E_FORMAT, FOX_NOWHERE, cases[i].text);
	}
	struct fox_hparams h = good();
	h.rope_theta = NAN;
	assert_int_equal(fox_hparams_check(&h, NULL), FOX_E_FORMAT);
	h = good();
	h.norm_eps = NAN;
	assert_int_equal(fox_hparams_check(&h, NULL), FOX_E_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults),
	    cmocka_unit_test(given),
	    cmocka_unit_test(layers),
	    cmocka_unit_test(missing),
	    cmocka_unit_test(vocab_from_tokens),
	    cmocka_unit_test(wrong_types),
	    cmocka_unit_test(values),
	    cmocka_unit_test(not_handled),
	    cmocka_unit_test(family),
	    cmocka_unit_test(ranges_u32),
	    cmocka_unit_test(ranges_f32),
	};
	return cmocka_run_group_tests_name("hparam", tests, NULL, NULL);
}
