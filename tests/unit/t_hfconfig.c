/* t_hfconfig.c - config.json: both generations of spelling, every refusal with its text, and the keys it
 * becomes. */
#include "tests/test.h"

#include "convert/hfconfig.h"
#include "format/base/io.h"

/* A config as a list of members, so that a case can change one: Fox-1's, as published. */
struct member {
	const char *key, *value;
};
static const struct member fox1[] = {
    {"architectures", "[\"LlamaForCausalLM\"]"},
    {"attention_bias", "false"},
    {"attention_dropout", "0.0"},
    {"bos_token_id", "1"},
    {"eos_token_id", "2"},
    {"hidden_act", "\"silu\""},
    {"hidden_size", "2048"},
    {"initializer_range", "0.02"},
    {"intermediate_size", "4096"},
    {"max_position_embeddings", "8192"},
    {"model_type", "\"llama\""},
    {"num_attention_heads", "16"},
    {"num_hidden_layers", "32"},
    {"num_key_value_heads", "4"},
    {"pretraining_tp", "1"},
    {"rms_norm_eps", "1e-05"},
    {"rope_scaling", "null"},
    {"rope_theta", "10000.0"},
    {"tie_word_embeddings", "true"},
    {"torch_dtype", "\"bfloat16\""},
    {"transformers_version", "\"4.39.3\""},
    {"use_cache", "true"},
    {"vocab_size", "256000"},
};

/* Fox-1's config with members replaced, added, or (value NULL) taken out. Free with fox_buf_free. */
static struct fox_buf with(const struct member *edits, size_t n)
{
	struct fox_buf b = {0};
	fox_buf_char(&b, '{');
	for (size_t i = 0; i < FOX_COUNT(fox1); i++) {
		bool edited = false;
		for (size_t j = 0; j < n; j++)
			edited |= !strcmp(fox1[i].key, edits[j].key);
		if (!edited)
			fox_buf_fmt(&b, "%s\"%s\": %s", b.n > 1 ? ", " : "", fox1[i].key, fox1[i].value);
	}
	for (size_t j = 0; j < n; j++)
		if (edits[j].value)
			fox_buf_fmt(&b, "%s\"%s\": %s", b.n > 1 ? ", " : "", edits[j].key, edits[j].value);
	fox_buf_char(&b, '}');
	assert_false(b.failed);
	return b;
}

/* The document must outlive c->name, so the caller closes it. */
static enum fox_status read_text(
    struct fox_hfconfig *c, struct fox_json **json, struct fox_str text, struct fox_err *err)
{
	assert_fox_ok(fox_json_parse(json, text, err), err);
	return fox_hfconfig_read(c, *json, err);
}

static struct fox_hfconfig accepted(const struct member *edits, size_t n)
{
	struct fox_err err = {0};
	struct fox_hfconfig c;
	struct fox_json *json;
	struct fox_buf b = with(edits, n);
	assert_fox_ok(read_text(&c, &json, fox_buf_view(&b), &err), &err);
	c.name = (struct fox_str){"", 0};
	fox_json_close(json);
	fox_buf_free(&b);
	return c;
}

static void refused(const struct member *edits, size_t n, enum fox_status code, const char *text)
{
	struct fox_err err = {0};
	struct fox_hfconfig c;
	struct fox_json *json;
	struct fox_buf b = with(edits, n);
	assert_int_equal(read_text(&c, &json, fox_buf_view(&b), &err), code);
	assert_fox_err(&err, code, FOX_NOWHERE, text);
	assert_int_equal(fox_hfconfig_read(&c, json, NULL), code);
	fox_json_close(json);
	fox_buf_free(&b);
}

static bool given(const struct fox_hfconfig *c, const char *key)
{
	for (size_t i = 0; i < c->arch->n_keys; i++)
		if (!strcmp(c->arch->keys[i].key, key))
			return c->key_given[i];
	fail_msg("no key %s", key);
	return false;
}

static void fox1_as_published(void **state)
{
	(void)state;
	struct fox_hfconfig c = accepted(NULL, 0);
	assert_ptr_equal(c.arch, &fox_arch_llama);
	assert_int_equal(c.hp.n_layers, 32);
	assert_int_equal(c.hp.n_ctx, 8192);
	assert_int_equal(c.hp.d_model, 2048);
	assert_int_equal(c.hp.n_vocab, 256000);
	assert_int_equal(c.hp.head_dim, 128);
	assert_int_equal(c.hp.rope_dims, 128);
	assert_int_equal(c.hp.n_heads[31], 16);
	assert_int_equal(c.hp.n_kv_heads[31], 4);
	assert_int_equal(c.hp.d_ff[31], 4096);
	assert_true(c.hp.rope_theta == 10000.0f);
	assert_true(c.hp.norm_eps == 1e-5f);
	assert_true(c.hp.tied);
	assert_int_equal(c.bos, 1);
	assert_int_equal(c.eos, 2);
	assert_int_equal(c.pad, -1);
	assert_true(given(&c, "{arch}.rope.freq_base"));
	assert_false(given(&c, "{arch}.attention.key_length"));
	assert_false(given(&c, "{arch}.rope.dimension_count"));
	assert_int_equal(fox_arch_params(c.arch, &c.hp), 1665271808);
}

static void demo(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_hfconfig c;
	struct fox_json *json;
	char *text;
	size_t n;
	assert_fox_ok(fox_path_slurp("tests/demo/config.json", 1 << 20, &text, &n, &err), &err);
	assert_fox_ok(read_text(&c, &json, (struct fox_str){text, n}, &err), &err);
	assert_int_equal(c.hp.n_layers, 6);
	assert_int_equal(c.hp.d_model, 256);
	assert_int_equal(c.hp.head_dim, 32);
	assert_int_equal(c.hp.n_kv_heads[5], 2);
	assert_int_equal(c.hp.n_vocab, 2048);
	assert_true(c.hp.tied);
	/* 7,739,904 bytes of bf16 */
	assert_int_equal(fox_arch_params(c.arch, &c.hp), 3869952);
	assert_int_equal(c.name.n, 0);
	fox_json_close(json);
	free(text);
}

/* What transformers' LlamaConfig fills in, and null as "absent". */
static void presets(void **state)
{
	(void)state;
	struct fox_hfconfig c =
	    accepted((struct member[]){{"max_position_embeddings", NULL}, {"rms_norm_eps", NULL},
	                 {"rope_theta", NULL}, {"num_key_value_heads", NULL}, {"tie_word_embeddings", NULL},
	                 {"bos_token_id", NULL}, {"model_type", NULL}},
	        7);
	assert_int_equal(c.hp.n_ctx, 2048);
	assert_true(c.hp.norm_eps == 1e-6f);
	assert_true(c.hp.rope_theta == 10000.0f);
	assert_int_equal(c.hp.n_kv_heads[0], 16);
	assert_false(c.hp.tied);
	assert_int_equal(c.bos, -1);
	assert_false(given(&c, "{arch}.rope.freq_base"));

	c = accepted(
	    (struct member[]){{"num_key_value_heads", "null"}, {"head_dim", "null"}, {"rope_theta", "null"},
	        {"eos_token_id", "null"}, {"pad_token_id", "-1"}, {"model_type", "null"}},
	    6);
	assert_int_equal(c.hp.n_kv_heads[0], 16);
	assert_int_equal(c.hp.head_dim, 128);
	assert_false(given(&c, "{arch}.attention.key_length"));
	assert_int_equal(c.eos, -1);
	assert_int_equal(c.pad, -1);

	c = accepted((struct member[]){{"head_dim", "64"}, {"eos_token_id", "[7, 8]"}, {"pad_token_id", "0"}}, 3);
	assert_int_equal(c.hp.head_dim, 64);
	assert_int_equal(c.hp.rope_dims, 64);
	assert_true(given(&c, "{arch}.attention.key_length"));
	assert_int_equal(c.eos, 7);
	assert_int_equal(c.pad, 0);
}

static void spelling_v5(void **state)
{
	(void)state;
	struct fox_hfconfig c =
	    accepted((struct member[]){{"rope_theta", NULL}, {"rope_scaling", NULL}, {"torch_dtype", NULL},
	                 {"dtype", "\"bfloat16\""},
	                 {"rope_parameters", "{\"rope_type\": \"default\", \"rope_theta\": 500000.0}"},
	                 {"num_hidden_layers", "2"}, {"layer_types", "[\"full_attention\", \"full_attention\"]"},
	                 {"mlp_bias", "false"}},
	        8);
	assert_true(c.hp.rope_theta == 500000.0f);
	assert_true(given(&c, "{arch}.rope.freq_base"));
	/* both spellings, saying the same; 500000 and 5e5 are the same number */
	c = accepted(
	    (struct member[]){{"rope_theta", "500000"}, {"rope_parameters", "{\"rope_theta\": 5e5}"}}, 2);
	assert_true(c.hp.rope_theta == 500000.0f);
	/* the old spelling with a type that scales nothing */
	accepted((struct member[]){{"rope_scaling", "{\"type\": \"default\", \"factor\": 1.0}"}}, 1);
	accepted((struct member[]){{"rope_scaling", "{}"}}, 1);
	accepted((struct member[]){{"hidden_act", "\"swish\""}, {"sliding_window", "null"},
	             {"quantization_config", "null"}, {"pruned_heads", "{}"}, {"partial_rotary_factor", "1.0"},
	             {"transformers.js_config", "{\"dtype\": \"q4\"}"}, {"rope_interleaved", "false"},
	             {"is_llama_config", "true"}},
	    8);
}

static void families(void **state)
{
	(void)state;
	static const struct {
		const char *key, *value;
		enum fox_status code;
		const char *text;
	} cases[] = {
	    {"architectures", NULL, FOX_E_FORMAT, "no 'architectures'"},
	    {"architectures", "\"LlamaForCausalLM\"", FOX_E_FORMAT, "'architectures' is a string, want an array"},
	    {"architectures", "[]", FOX_E_FORMAT, "'architectures' has 0 elements, want 1"},
	    {"architectures", "[\"LlamaForCausalLM\", \"LlamaForCausalLM\"]", FOX_E_FORMAT,
	        "'architectures' has 2 elements, want 1"},
	    {"architectures", "[1]", FOX_E_FORMAT, "'architectures[0]' is an integer, want a string"},
	    {"architectures", "[\"MixtralForCausalLM\"]", FOX_E_UNSUPPORTED,
	        "architecture 'MixtralForCausalLM' is not handled (handled: LlamaForCausalLM, MistralForCausalLM, "
	        "GemmaForCausalLM, Gemma2ForCausalLM, Gemma3ForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM, "
	        "StableLmForCausalLM, OpenELMForCausalLM, Phi3ForCausalLM, Olmo2ForCausalLM, BloomForCausalLM, "
	        "GPT2LMHeadModel)"},
	    {"architectures", "[\"\"]", FOX_E_UNSUPPORTED,
	        "architecture '' is not handled (handled: LlamaForCausalLM, MistralForCausalLM, "
	        "GemmaForCausalLM, Gemma2ForCausalLM, Gemma3ForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM, "
	        "StableLmForCausalLM, OpenELMForCausalLM, Phi3ForCausalLM, Olmo2ForCausalLM, BloomForCausalLM, "
	        "GPT2LMHeadModel)"},
	    {"model_type", "\"mistral\"", FOX_E_FORMAT,
	        "'model_type' is 'mistral', which contradicts architecture 'LlamaForCausalLM'"},
	    {"model_type", "7", FOX_E_FORMAT, "'model_type' is an integer, want a string"},
	};
	for (size_t i = 0; i < FOX_COUNT(cases); i++)
		refused(&(struct member){cases[i].key, cases[i].value}, 1, cases[i].code, cases[i].text);
}

static void rules(void **state)
{
	(void)state;
	static const struct {
		const char *key, *value, *text;
	} cases[] = {
	    {"hidden_act", "\"gelu\"", "'hidden_act' is 'gelu', which is not handled (handled: silu, swish)"},
	    {"hidden_act", "null", "'hidden_act' is null, which is not handled (handled: silu, swish)"},
	    {"hidden_act", "[\"silu\"]", "'hidden_act' is an array, which is not handled (handled: silu, swish)"},
	    {"rope_scaling", "{\"type\": \"dynamic\", \"factor\": 2.0}",
	        "'rope_scaling.type' is 'dynamic', which is not handled (handled: default, linear, yarn, llama3, "
	        "longrope, su)"},
	    {"rope_scaling", "{\"factor\": 32.0, \"rope_type\": \"mrope\"}",
	        "'rope_scaling.rope_type' is 'mrope', which is not handled (handled: default, linear, yarn, llama3, "
	        "longrope, su)"},
	    {"rope_scaling", "{\"factor\": 2.5}", "'rope_scaling.factor' is 2.5, which is not handled"},
	    {"rope_parameters", "{\"rope_type\": \"dynamic\", \"factor\": 4}",
	        "'rope_parameters.rope_type' is 'dynamic', which is not handled (handled: default, linear, yarn, "
	        "llama3, longrope, su)"},
	    {"rope_parameters", "{\"partial_rotary_factor\": 0.5}",
	        "'rope_parameters.partial_rotary_factor' is 0.5, which is not handled"},
	    {"rope_parameters", "{\"full_attention\": {\"rope_theta\": 1e4}}",
	        "'rope_parameters' tells kinds of layers apart, which is not handled for this family"},
	    {"partial_rotary_factor", "0.25", "'partial_rotary_factor' is 0.25, which is not handled"},
	    {"quantization_config", "{\"bits\": 4, \"quant_method\": \"gptq\"}",
	        "'quantization_config.quant_method' is 'gptq', which is not handled"},
	    {"quantization_config", "{\"bits\": 4}", "'quantization_config' is an object, which is not handled"},
	    {"quantization", "{\"group_size\": 64, \"bits\": 4}",
	        "'quantization' is an object, which is not handled"},
	    {"auto_map", "{\"AutoModelForCausalLM\": \"modeling_x.LlamaForCausalLM\"}",
	        "'auto_map' is an object, which is not handled"},
	    {"sliding_window", "4096", "'sliding_window' is 4096, which is not handled"},
	    {"use_sliding_window", "true", "'use_sliding_window' is true, which is not handled"},
	    {"is_causal", "false", "'is_causal' is false, which is not handled (handled: true)"},
	    {"add_cross_attention", "true",
	        "'add_cross_attention' is true, which is not handled (handled: false)"},
	    {"pruned_heads", "{\"0\": [1]}", "'pruned_heads' is an object, which is not handled"},
	    {"per_layer_config", "{\"0\": {\"head_dim\": 64}}",
	        "'per_layer_config' is an object, which is not handled"},
	    {"rope_interleaved", "true", "'rope_interleaved' is true, which is not handled (handled: false)"},
	};
	for (size_t i = 0; i < FOX_COUNT(cases); i++)
		refused(&(struct member){cases[i].key, cases[i].value}, 1, FOX_E_UNSUPPORTED, cases[i].text);
}

static void fields(void **state)
{
	(void)state;
	static const struct {
		const char *key, *value, *text;
	} cases[] = {
	    {"logit_scale", "0.0625",
	        "unknown field 'logit_scale' (0.0625), which may change what the model computes"},
	    {"num_local_experts", "8",
	        "unknown field 'num_local_experts' (8), which may change what the model computes"},
	    {"alibi", "false", "unknown field 'alibi' (false), which may change what the model computes"},
	    {"", "\"x\"", "unknown field '' ('x'), which may change what the model computes"},
	    {"rope_scaling", "{\"rope_type\": \"default\", \"beta_fast\": 32}",
	        "unknown field 'rope_scaling.beta_fast' (32) for the kind 'default', which may change what the model "
	        "computes"},
	    {"rope_scaling", "\"yarn\"", "'rope_scaling' is a string, want an object or null"},
	    {"rope_parameters", "[]", "'rope_parameters' is an array, want an object or null"},
	    /* a dot in a name makes no path */
	    {"rope_scaling.rope_theta", "1e6",
	        "unknown field 'rope_scaling.rope_theta' (1000000), which may change what the model computes"},
	};
	for (size_t i = 0; i < FOX_COUNT(cases); i++)
		refused(&(struct member){cases[i].key, cases[i].value}, 1,
		    strstr(cases[i].text, "unknown") ? FOX_E_UNSUPPORTED : FOX_E_FORMAT, cases[i].text);
	/* names and values as long as a stranger likes: both are cut */
	char name[301], value[303], text[768];
	memset(name, 'n', 300);
	name[300] = 0;
	memset(value, 'v', 302);
	value[0] = value[301] = '"';
	value[302] = 0;
	snprintf(text, sizeof text, "unknown field '%.200s' ('%.200s'), which may change what the model computes",
	    name, value + 1);
	refused(&(struct member){name, value}, 1, FOX_E_UNSUPPORTED, text);
}

static void values(void **state)
{
	(void)state;
	static const struct {
		const char *key, *value, *text;
	} cases[] = {
	    {"hidden_size", NULL, "no 'hidden_size'"},
	    {"hidden_size", "null", "no 'hidden_size'"},
	    {"intermediate_size", NULL, "no 'intermediate_size'"},
	    {"num_hidden_layers", NULL, "no 'num_hidden_layers'"},
	    {"num_attention_heads", NULL, "no 'num_attention_heads'"},
	    {"vocab_size", NULL, "no 'vocab_size'"},
	    {"hidden_size", "\"2048\"", "'hidden_size' is a string, want an integer"},
	    {"hidden_size", "2048.0", "'hidden_size' is a fraction, want an integer"},
	    {"hidden_size", "true", "'hidden_size' is a boolean, want an integer"},
	    {"hidden_size", "-1", "'hidden_size' is -1, want 1 to 4294967295"},
	    {"hidden_size", "4294967296", "'hidden_size' is 4294967296, want 1 to 4294967295"},
	    {"hidden_size", "4294967295",
	        "head size is not given, and 16 query heads do not divide the model width 4294967295"},
	    {"num_attention_heads", "0", "'num_attention_heads' is 0, want 1 to 4294967295"},
	    {"num_attention_heads", "15",
	        "head size is not given, and 15 query heads do not divide the model width 2048"},
	    {"num_key_value_heads", "0", "'num_key_value_heads' is 0, want 1 to 4294967295"},
	    {"num_key_value_heads", "3", "3 key-value heads do not divide 16 query heads, in layer 0"},
	    {"num_key_value_heads", "32", "number of key-value heads is 32, want 1 to 16, in layer 0"},
	    {"num_key_value_heads", "[4, 4]",
	        "'num_key_value_heads' has 2 elements, want one for each of 32 layers"},
	    {"num_hidden_layers", "513", "number of layers is 513, want 1 to 512"},
	    {"num_hidden_layers", "4294967295", "number of layers is 4294967295, want 1 to 512"},
	    {"num_hidden_layers", "\"32\"", "'num_hidden_layers' is a string, want an integer"},
	    {"max_position_embeddings", "0", "'max_position_embeddings' is 0, want 1 to 4294967295"},
	    {"vocab_size", "67108865", "vocabulary size is 67108865, want 1 to 67108864"},
	    {"head_dim", "127", "head size is 127, want an even number"},
	    {"rms_norm_eps", "0", "norm epsilon is 0, want above 0 and below 1"},
	    {"rms_norm_eps", "-1e-5", "norm epsilon is -1e-05, want above 0 and below 1"},
	    {"rms_norm_eps", "\"1e-5\"", "'rms_norm_eps' is a string, want a number"},
	    /* too small for f32 */
	    {"rms_norm_eps", "1e-60", "norm epsilon is 0, want above 0 and below 1"},
	    {"rope_theta", "0", "rotary base is 0, want a finite number above 0"},
	    {"rope_theta", "1e300", "rotary base is inf, want a finite number above 0"},
	    {"rope_theta", "[10000.0]", "'rope_theta' is an array, want a number"},
	    {"rope_parameters", "{\"rope_theta\": 500000}",
	        "'rope_theta' is 10000, but 'rope_parameters.rope_theta' is 500000"},
	    {"rope_parameters", "{\"rope_theta\": \"1e4\"}",
	        "'rope_theta' is 10000, but 'rope_parameters.rope_theta' is '1e4'"},
	    {"layer_types", "[\"full_attention\"]",
	        "'layer_types' has 1 elements, want one for each of 32 layers"},
	    /* text is no boolean, whatever it says: Python takes it for true */
	    {"attention_bias", "\"false\"", "'attention_bias' is a string, want a boolean"},
	    {"mlp_bias", "1", "'mlp_bias' is an integer, want a boolean"},
	    {"tie_word_embeddings", "1", "'tie_word_embeddings' is an integer, want a boolean"},
	    {"bos_token_id", "\"<s>\"", "'bos_token_id' is a string, want an integer"},
	    {"eos_token_id", "[2.5]", "'eos_token_id' is a fraction, want an integer"},
	    {"pad_token_id", "-2", "'pad_token_id' is -2, want -1 to 2147483647"},
	    {"pad_token_id", "2147483648", "'pad_token_id' is 2147483648, want -1 to 2147483647"},
	};
	for (size_t i = 0; i < FOX_COUNT(cases); i++)
		refused(&(struct member){cases[i].key, cases[i].value}, 1, FOX_E_FORMAT, cases[i].text);
}

static void roots(void **state)
{
	(void)state;
	static const struct {
		const char *json, *text;
	} cases[] = {
	    {"[]", "the document is an array, want an object"},
	    {"null", "the document is null, want an object"},
	    {"\"x\"", "the document is a string, want an object"},
	    {"{}", "no 'architectures'"},
	};
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct fox_err err = {0};
		struct fox_hfconfig c;
		struct fox_json *json;
		assert_int_equal(read_text(&c, &json, fox_str_of(cases[i].json), &err), FOX_E_FORMAT);
		assert_fox_err(&err, FOX_E_FORMAT, FOX_NOWHERE, cases[i].text);
		fox_json_close(json);
	}
}

static void names(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		bool name;
	} cases[] = {
	    {"tensoropera/Fox-1-1.6B", true},
	    {"gpt2", true},
	    {"a/b", true},
	    {"/data/out", false},
	    {"./out", false},
	    {"../out", false},
	    {"a/b/c", false},
	    {"a//b", false},
	    {"a/", false},
	    {"a/.b", false},
	    {"~/x", false},
	    {"C:\\\\x", false},
	    {"a b", false},
	    {"\\u001b[2J", false},
	    {"", false},
	};
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct fox_err err = {0};
		struct fox_hfconfig c;
		struct fox_json *json;
		char value[64];
		snprintf(value, sizeof value, "\"%s\"", cases[i].path);
		struct fox_buf b = with(&(struct member){"_name_or_path", value}, 1);
		assert_fox_ok(read_text(&c, &json, fox_buf_view(&b), &err), &err);
		assert_true(fox_str_is(c.name, cases[i].name ? cases[i].path : ""));
		fox_json_close(json);
		fox_buf_free(&b);
	}
}

/* Write c's keys, read them back in order. */
static struct fox_gguf *written(const struct fox_hfconfig *c, const char *path)
{
	struct fox_err err = {0};
	struct fox_gguf_writer *w;
	struct fox_gguf *g;
	assert_fox_ok(fox_gguf_writer_open(&w, &err), &err);
	assert_fox_ok(fox_hfconfig_put(c, w, &err), &err);
	assert_fox_ok(fox_gguf_freeze(w, &err), &err);
	assert_fox_ok(fox_gguf_create(w, path, true, &err), &err);
	assert_fox_ok(fox_gguf_finish(w, &err), &err);
	fox_gguf_writer_close(w);
	assert_fox_ok(fox_gguf_open(&g, path, &err), &err);
	return g;
}

/* Names, types and order of llama.cpp's converter (less general.file_type, which stands before vocab_size).
 */
static void keys(void **state)
{
	(void)state;
	static const struct {
		const char *key;
		enum fox_gguf_type type;
		double value;
	} want[] = {
	    {"llama.block_count", FOX_GGUF_U32, 32},
	    {"llama.context_length", FOX_GGUF_U32, 8192},
	    {"llama.embedding_length", FOX_GGUF_U32, 2048},
	    {"llama.feed_forward_length", FOX_GGUF_U32, 4096},
	    {"llama.attention.head_count", FOX_GGUF_U32, 16},
	    {"llama.attention.head_count_kv", FOX_GGUF_U32, 4},
	    {"llama.rope.freq_base", FOX_GGUF_F32, 10000},
	    {"llama.attention.layer_norm_rms_epsilon", FOX_GGUF_F32, (double)1e-5f},
	    {"llama.attention.key_length", FOX_GGUF_U32, 128},
	    {"llama.attention.value_length", FOX_GGUF_U32, 128},
	    {"llama.vocab_size", FOX_GGUF_U32, 256000},
	    {"llama.rope.dimension_count", FOX_GGUF_U32, 128},
	};
	struct fox_hfconfig c = accepted(NULL, 0);
	struct fox_gguf *g = written(&c, test_path("keys.gguf"));
	struct fox_str arch;
	struct fox_err err = {0};
	assert_true(fox_str_is(fox_gguf_key(g, 0)->key, "general.architecture"));
	assert_fox_ok(fox_gguf_str(g, "general.architecture", &arch, &err), &err);
	assert_true(fox_str_is(arch, "llama"));
	for (size_t i = 0; i < FOX_COUNT(want); i++) {
		const struct fox_gguf_kv *kv = fox_gguf_key(g, i + 1);
		uint64_t u;
		double d;
		assert_true(fox_str_is(kv->key, want[i].key));
		assert_int_equal(kv->type, want[i].type);
		if (!fox_gguf_item_f64(g, kv, 0, &d)) {
			assert_true(fox_gguf_item_u64(g, kv, 0, &u));
			d = (double)u;
		}
		assert_true(d == want[i].value);
	}
	for (size_t i = FOX_COUNT(want) + 1; i < fox_gguf_keys(g); i++)
		assert_true(fox_str_starts(fox_gguf_key(g, i)->key, "fox."));

	/* and back: the same numbers, but that a container without tensors reads as tied */
	struct fox_hparams h;
	assert_fox_ok(fox_hparams_from_gguf(&h, c.arch, g, &err), &err);
	assert_int_equal(h.window, 0); /* so that it does not matter which layers would have it */
	memcpy(h.windowed, c.hp.windowed, sizeof h.windowed);
	assert_memory_equal(&h, &c.hp, sizeof h);
	fox_gguf_close(g);
}

/* Layers that differ are written as i32 arrays, and read back. */
static void keys_per_layer(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_hparams h;
	struct fox_hfconfig c =
	    accepted((struct member[]){{"num_hidden_layers", "2"}, {"num_attention_heads", "[16, 8]"},
	                 {"head_dim", "128"}, {"num_key_value_heads", "[4, 4]"}},
	        4);
	assert_int_equal(c.hp.n_heads[1], 8);
	struct fox_gguf *g = written(&c, test_path("layers.gguf"));
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, "llama.attention.head_count");
	assert_int_equal(kv->type, FOX_GGUF_ARR);
	assert_int_equal(kv->item, FOX_GGUF_I32);
	assert_int_equal(kv->n_items, 2);
	assert_int_equal(fox_gguf_find_key(g, "llama.attention.head_count_kv")->type, FOX_GGUF_U32);
	assert_fox_ok(fox_hparams_from_gguf(&h, c.arch, g, &err), &err);
	assert_memory_equal(h.n_heads, c.hp.n_heads, sizeof h.n_heads);
	fox_gguf_close(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fox1_as_published),
	    cmocka_unit_test(demo),
	    cmocka_unit_test(presets),
	    cmocka_unit_test(spelling_v5),
	    cmocka_unit_test(families),
	    cmocka_unit_test(rules),
	    cmocka_unit_test(fields),
	    cmocka_unit_test(values),
	    cmocka_unit_test(roots),
	    cmocka_unit_test(names),
	    cmocka_unit_test(keys),
	    cmocka_unit_test(keys_per_layer),
	};
	return cmocka_run_group_tests_name("hfconfig", tests, NULL, NULL);
}
