/* t_model.c - what fox_model_open takes and what it refuses, with the exact words. */
#include "tests/tiny.h"

#include "format/base/num.h"
#include "runtime/model.h"

static void opens(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct fox_model *m;
	assert_fox_ok(fox_model_open(&m, tiny_write("ok.gguf", TINY), &e), &e);
	assert_int_equal(fox_model_hparams(m)->n_layers, 3);
	assert_int_equal(fox_model_hparams(m)->head_dim, 16);
	assert_string_equal(fox_model_arch(m)->name, "llama");
	const struct fox_weight *q = fox_model_weight(m, FOX_R_ATTN_Q, 2);
	assert_true(fox_str_is(q->name, "blk.2.attn_q.weight"));
	assert_int_equal(q->rows, 64);
	assert_null(q->vec);
	const struct fox_weight *norm = fox_model_weight(m, FOX_R_FFN_NORM, 0);
	assert_non_null(norm->vec);
	assert_true(norm->vec[0] == fox_load_f32(norm->data));
	/* tied: the output is the embedding, in place in the map */
	assert_ptr_equal(fox_model_weight(m, FOX_R_OUTPUT, 0), fox_model_weight(m, FOX_R_TOKEN_EMBD, 0));
	assert_ptr_equal(q->data, fox_gguf_find(fox_model_gguf(m), q->name)->data.p);
	assert_null(fox_model_weight(m, FOX_R_ATTN_Q, 3));
	uint64_t want = 97 * 64 + 64 + 3 * (2 * 64 + 2 * 64 * 64 + 2 * 32 * 64 + 3 * 96 * 64);
	assert_true(fox_model_bytes(m) == 4 * want);
	fox_model_close(m);
	fox_model_close(NULL);
}

static void untied(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct fox_model *m;
	struct tiny t = TINY;
	t.output = true;
	assert_fox_ok(fox_model_open(&m, tiny_write("untied.gguf", t), &e), &e);
	assert_true(fox_str_is(fox_model_weight(m, FOX_R_OUTPUT, 0)->name, "output.weight"));
	fox_model_close(m);
}

static void refuses(struct tiny t, enum fox_status code, uint64_t at, const char *text)
{
	struct fox_err e = {0};
	struct fox_model *m = (struct fox_model *)&t;
	const char *path = tiny_write("bad.gguf", t);
	assert_int_equal(fox_model_open(&m, path, &e), code);
	assert_null(m);
	if (at == 1) /* some offset within the header: its exact value is the writer's business */
		assert_true(e.at > 24 && e.at < 4096);
	else
		assert_true(e.at == at);
	assert_fox_err(&e, code, e.at, text);
	assert_string_equal(e.file, path);
}

static void faults(void **state)
{
	(void)state;
	struct tiny t = TINY;
	t.arch = "mamba";
	refuses(t, FOX_E_UNSUPPORTED, FOX_NOWHERE, "architecture 'mamba' is not one that this build runs");

	t = TINY, t.skip = "blk.1.attn_k.weight";
	refuses(t, FOX_E_FORMAT, FOX_NOWHERE, "1 tensor is missing: 'blk.1.attn_k.weight'");
	t = TINY, t.skip = "ffn_up.weight";
	refuses(t, FOX_E_FORMAT, FOX_NOWHERE,
	    "3 tensors are missing: 'blk.0.ffn_up.weight', 'blk.1.ffn_up.weight', 'blk.2.ffn_up.weight'");

	t = TINY, t.extra = "blk.0.attn_rot_embd.weight";
	refuses(t, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "1 tensor that the architecture does not have: 'blk.0.attn_rot_embd.weight'");
	/* one bias asks for all of its kind */
	t = TINY, t.extra = "blk.0.attn_q.bias";
	refuses(t, FOX_E_FORMAT, FOX_NOWHERE,
	    "8 tensors are missing: 'blk.0.attn_k.bias', 'blk.0.attn_v.bias', 'blk.1.attn_q.bias', "
	    "'blk.1.attn_k.bias', 'blk.1.attn_v.bias', 'blk.2.attn_q.bias', 'blk.2.attn_k.bias', "
	    "'blk.2.attn_v.bias'");
	t = TINY, t.extra = "blk.1.attn_q.bias"; /* and layer 0 says which kinds there are */
	refuses(t, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "1 tensor that the architecture does not have: 'blk.1.attn_q.bias'");
	t = TINY, t.extra = "rope_freqs.weight"; /* as long as the model is wide, not half a head */
	refuses(t, FOX_E_FORMAT, FOX_NOWHERE, "tensor 'rope_freqs.weight' has shape 64, want 8");
	t = TINY, t.extra = "rope_factors_long.weight";
	refuses(t, FOX_E_FORMAT, FOX_NOWHERE, "1 tensor is missing: 'rope_factors_short.weight'");

	t = TINY, t.bent = "blk.1.attn_v.weight";
	refuses(t, FOX_E_FORMAT, FOX_NOWHERE, "tensor 'blk.1.attn_v.weight' has shape 33 x 64, want 32 x 64");
	t = TINY, t.bent = "output_norm.weight"; /* becomes 1 x 64, which is as good as 64: accepted below */
	t.bent = "token_embd.weight";
	refuses(t, FOX_E_FORMAT, FOX_NOWHERE, "tensor 'token_embd.weight' has shape 98 x 64, want 97 x 64");

	t = TINY, t.odd = "blk.2.ffn_down.weight";
	refuses(t, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "tensor 'blk.2.ffn_down.weight' is i32, which this build cannot compute with");

	t = TINY, t.key = "llama.attention.max_alibi_bias", t.key_value = 8;
	refuses(t, FOX_E_UNSUPPORTED, 1,
	    "key 'llama.attention.max_alibi_bias' (or its value) changes the model in a way that this build does "
	    "not compute");
	t = TINY, t.key = "llama.swin_norm", t.key_value = 1;
	refuses(t, FOX_E_UNSUPPORTED, 1,
	    "key 'llama.swin_norm' (or its value) changes the model in a way that this build does not compute");
}

static void many_missing(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct fox_model *m;
	struct tiny t = TINY;
	t.layers = 20, t.skip = "weight";
	t.extra = "one.so.that.the.file.is.not.empty";
	assert_int_equal(fox_model_open(&m, tiny_write("none.gguf", t), &e), FOX_E_FORMAT);
	static const char head[] = "182 tensors are missing: 'token_embd.weight', 'blk.0.attn_norm.weight', ";
	assert_memory_equal(e.text, head, sizeof head - 1);
	assert_non_null(strstr(e.text, " more"));
	assert_null(
	    strstr(e.text, "'blk.19.")); /* the message ends before its buffer does, and says by how much */
}

static void neutral_keys(void **state)
{
	(void)state;
	static const char *const keys[] = {"llama.attention.sliding_window", "llama.expert_count",
	    "llama.expert_used_count", "llamax.anything", "other.key"};
	for (size_t i = 0; i < FOX_COUNT(keys); i++) {
		struct fox_err e = {0};
		struct fox_model *m;
		struct tiny t = TINY;
		t.key = keys[i];
		assert_fox_ok(fox_model_open(&m, tiny_write("neutral.gguf", t), &e), &e);
		assert_int_equal(fox_hparams_window(fox_model_hparams(m), 0), 0);
		fox_model_close(m);
	}
	/* the first of them counts when it is not 0 */
	struct fox_err e = {0};
	struct fox_model *m;
	struct tiny t = TINY;
	t.key = keys[0], t.key_value = 4096;
	assert_fox_ok(fox_model_open(&m, tiny_write("window.gguf", t), &e), &e);
	assert_int_equal(fox_hparams_window(fox_model_hparams(m), 2), 4096);
	fox_model_close(m);
}

static void vector_as_row(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct fox_model *m;
	struct tiny t = TINY;
	t.bent = "output_norm.weight"; /* written as 1 x 64 */
	assert_fox_ok(fox_model_open(&m, tiny_write("row.gguf", t), &e), &e);
	assert_int_equal(fox_model_weight(m, FOX_R_OUTPUT_NORM, 0)->cols, 64);
	fox_model_close(m);
}

static void unreadable(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct fox_model *m;
	assert_int_equal(fox_model_open(&m, test_path("absent.gguf"), &e), FOX_E_IO);
	assert_null(m);
}

/* A big-endian container is read, but not run. */
static void big_endian(void **state)
{
	(void)state;
	static const char bytes[] = "GGUF\0\0\0\3"
	                            "\0\0\0\0\0\0\0\0"
	                            "\0\0\0\0\0\0\0\1"
	                            "\0\0\0\0\0\0\0\24general.architecture"
	                            "\0\0\0\10"
	                            "\0\0\0\0\0\0\0\5llama"
	                            "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
	struct fox_err e = {0};
	struct fox_gguf *g;
	struct fox_model *m;
	assert_fox_ok(
	    fox_gguf_open_bytes(&g, (struct fox_span){(const uint8_t *)bytes, sizeof bytes - 1}, "be.gguf", &e),
	    &e);
	assert_true(fox_gguf_header(g)->big_endian);
	assert_int_equal(fox_model_bind(&m, g, &e), FOX_E_UNSUPPORTED);
	assert_fox_err(&e, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "the tensors are big-endian, and this build runs only little-endian ones");
	assert_string_equal(e.file, "be.gguf");
	fox_gguf_close(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(opens),
	    cmocka_unit_test(untied),
	    cmocka_unit_test(faults),
	    cmocka_unit_test(many_missing),
	    cmocka_unit_test(neutral_keys),
	    cmocka_unit_test(vector_as_row),
	    cmocka_unit_test(big_endian),
	    cmocka_unit_test(unreadable),
	};
	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
