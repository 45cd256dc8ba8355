/* t_config_refuse.c - the config.json of each family's tiny checkpoint with one thing changed that changes the maths: refused,
 * and the field is named. */
#include "tests/test.h"

#include "convert/hfconfig.h"
#include "format/base/io.h"

struct edit {
	const char *folder, *from, *to; /* from NULL: a further member, to */
	enum fox_status code;
	const char *text;
};

/* The folder's config.json with the first `from` replaced. */
static struct fox_buf edited(const struct edit *e)
{
	char path[128], *text;
	size_t n;
	struct fox_err err = {0};
	struct fox_buf b = {0};
	snprintf(path, sizeof path, "tests/families/%s/config.json", e->folder);
	assert_fox_ok(fox_path_slurp(path, 1 << 20, &text, &n, &err), &err);
	char *at = e->from ? strstr(text, e->from) : strchr(text, '{') + 1;
	if (!at)
		fail_msg("%s has no %s", path, e->from);
	fox_buf_add(&b, text, (size_t)(at - text));
	fox_buf_fmt(&b, e->from ? "%s" : "%s,", e->to);
	fox_buf_str(&b, at + (e->from ? strlen(e->from) : 0));
	assert_false(b.failed);
	free(text);
	return b;
}

static void check(const struct edit *e)
{
	struct fox_err err = {0};
	struct fox_json *json;
	struct fox_hfconfig c;
	struct fox_buf b = edited(e);
	assert_fox_ok(fox_json_parse(&json, fox_buf_view(&b), &err), &err);
	enum fox_status st = fox_hfconfig_read(&c, json, &err);
	if (st != e->code || strcmp(err.text, e->text))
		fail_msg("%s with %s: %s '%s', want '%s'", e->folder, e->to, fox_status_name(st), err.text, e->text);
	fox_json_close(json);
	fox_buf_free(&b);
}

static void all(const struct edit *e, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check(&e[i]);
}

static const char *const folders[] = {"fox1", "llama2", "llama3", "llama3_v5", "llama_bias", "llama_yarn",
    "smollm2", "mistral", "gemma", "gemma2", "gemma3", "gemma3_linear", "qwen2", "qwen2_window", "qwen3",
    "qwen3_yarn", "stablelm", "stablelm_parallel", "openelm", "phi3", "phi3_longrope", "olmo2", "bloom",
    "gpt2"};

/* Whatever the family: a field that nobody knows, a class that nobody knows, weights that are no numbers. */
static void any_family(void **state)
{
	(void)state;
	for (size_t i = 0; i < FOX_COUNT(folders); i++) {
		struct edit cases[] = {
		    {NULL, NULL, "\"attention_flavour\": 0.5", FOX_E_UNSUPPORTED,
		        "unknown field 'attention_flavour' (0.5), which may change what the model computes"},
		    {NULL, NULL, "\"quantization_config\": {\"quant_method\": \"awq\", \"bits\": 4}",
		        FOX_E_UNSUPPORTED, "'quantization_config.quant_method' is 'awq', which is not handled"},
		    {NULL, NULL, "\"is_causal\": false", FOX_E_UNSUPPORTED,
		        "'is_causal' is false, which is not handled (handled: true)"},
		    {NULL, NULL, "\"add_cross_attention\": true", FOX_E_UNSUPPORTED,
		        "'add_cross_attention' is true, which is not handled (handled: false)"},
		};
		bool gpt2 = !strcmp(folders[i], "gpt2");
		for (size_t k = 0; k < FOX_COUNT(cases); k++) {
			cases[k].folder = folders[i];
			check(&cases[k]);
		}
		/* the class is quoted, with those that are known */
		struct edit other = {
		    folders[i], gpt2 ? "GPT2LMHeadModel" : "ForCausalLM", gpt2 ? "GPT2Model" : "Model", 0, ""};
		struct fox_err err = {0};
		struct fox_json *json;
		struct fox_hfconfig c;
		struct fox_buf b = edited(&other);
		assert_fox_ok(fox_json_parse(&json, fox_buf_view(&b), &err), &err);
		assert_int_equal(fox_hfconfig_read(&c, json, &err), FOX_E_UNSUPPORTED);
		assert_int_equal(strncmp(err.text, "architecture '", 14), 0);
		assert_non_null(strstr(err.text, "Model' is not handled (handled: LlamaForCausalLM, "));
		fox_json_close(json);
		fox_buf_free(&b);
	}
}

#define DYNAMIC "\"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 2.0}"
#define NULL_SCALING "\"rope_scaling\": null"
#define NTK "\"rope_scaling\": {\"rope_type\": \"ntk\", \"factor\": 2.0}"
#define OLD(type) "'rope_scaling.type' is '" type "', which is not handled (handled: "
#define NEW(type) "'rope_scaling.rope_type' is '" type "', which is not handled (handled: "
#define PARAM(type) "'rope_parameters.rope_type' is '" type "', which is not handled (handled: "
#define LLAMAS "default, linear, yarn, llama3, longrope, su)"
#define COMMON "default, linear, yarn)"

/* Kinds of rotary scaling that nobody handles, in each family and spelling. */
static void rotary(void **state)
{
	(void)state;
	static const struct edit cases[] = {
	    {"llama2", "\"linear\"", "\"dynamic\"", FOX_E_UNSUPPORTED, OLD("dynamic") LLAMAS},
	    {"llama3_v5", "\"llama3\"", "\"dynamic\"", FOX_E_UNSUPPORTED, PARAM("dynamic") LLAMAS},
	    {"llama3_v5", "\"llama3\"", "\"ntk\"", FOX_E_UNSUPPORTED, PARAM("ntk") LLAMAS},
	    {"llama_yarn", "\"yarn\"", "\"YARN\"", FOX_E_UNSUPPORTED, NEW("YARN") LLAMAS},
	    {"mistral", NULL, DYNAMIC, FOX_E_UNSUPPORTED, OLD("dynamic") LLAMAS},
	    {"mistral", NULL, NTK, FOX_E_UNSUPPORTED, NEW("ntk") LLAMAS},
	    {"gemma", NULL_SCALING, DYNAMIC, FOX_E_UNSUPPORTED, OLD("dynamic") COMMON},
	    {"gemma2", NULL, DYNAMIC, FOX_E_UNSUPPORTED, OLD("dynamic") COMMON},
	    {"gemma3", "\"rope_type\": \"default\"", "\"rope_type\": \"dynamic\", \"factor\": 2",
	        FOX_E_UNSUPPORTED,
	        "'rope_parameters.full_attention.rope_type' is 'dynamic', which is not handled "
	        "(handled: " COMMON},
	    {"qwen2", NULL, DYNAMIC, FOX_E_UNSUPPORTED, OLD("dynamic") COMMON},
	    {"qwen2", NULL, NTK, FOX_E_UNSUPPORTED, NEW("ntk") COMMON},
	    {"qwen3", NULL_SCALING, NTK, FOX_E_UNSUPPORTED, NEW("ntk") COMMON},
	    {"stablelm", NULL, DYNAMIC, FOX_E_UNSUPPORTED, OLD("dynamic") COMMON},
	    /* families without such a field */
	    {"openelm", NULL, DYNAMIC, FOX_E_UNSUPPORTED,
	        "unknown field 'rope_scaling' (an object), which may change what the model computes"},
	    {"phi3", NULL_SCALING, DYNAMIC, FOX_E_UNSUPPORTED, OLD("dynamic") "default, longrope, su)"},
	    {"phi3_longrope", "\"longrope\"", "\"mrope\"", FOX_E_UNSUPPORTED,
	        OLD("mrope") "default, longrope, su)"},
	    {"olmo2", NULL_SCALING, DYNAMIC, FOX_E_UNSUPPORTED, OLD("dynamic") COMMON},
	    {"bloom", NULL, DYNAMIC, FOX_E_UNSUPPORTED,
	        "unknown field 'rope_scaling' (an object), which may change what the model computes"},
	    {"gpt2", NULL, DYNAMIC, FOX_E_UNSUPPORTED,
	        "unknown field 'rope_scaling' (an object), which may change what the model computes"},
	};
	all(cases, FOX_COUNT(cases));
}

/* What a family computes in one way only. */
static void maths(void **state)
{
	(void)state;
	static const struct edit cases[] = {
	    {"mistral", "\"silu\"", "\"gelu\"", FOX_E_UNSUPPORTED,
	        "'hidden_act' is 'gelu', which is not handled (handled: silu, swish)"},
	    {"gemma", NULL, "\"tie_word_embeddings\": false", FOX_E_UNSUPPORTED,
	        "'tie_word_embeddings' is false, which is not handled (handled: true)"},
	    {"gemma", NULL, "\"final_logit_softcapping\": 30.0", FOX_E_UNSUPPORTED,
	        "unknown field 'final_logit_softcapping' (30), which may change what the model computes"},
	    {"gemma2", "\"attention_bias\": false", "\"attention_bias\": true", FOX_E_UNSUPPORTED,
	        "'attention_bias' is true, which is not handled (handled: false)"},
	    {"gemma2", "\"attn_logit_softcapping\": 5.0", "\"attn_logit_softcapping\": \"5\"", FOX_E_UNSUPPORTED,
	        "'attn_logit_softcapping' is '5', which is not handled (handled: any number)"},
	    {"gemma2", "\"hidden_activation\": \"gelu_pytorch_tanh\"", "\"hidden_activation\": \"gelu\"",
	        FOX_E_UNSUPPORTED,
	        "'hidden_activation' is 'gelu', which is not handled (handled: gelu_pytorch_tanh)"},
	    {"gemma3", "\"attn_logit_softcapping\": null", "\"attn_logit_softcapping\": 50.0", FOX_E_UNSUPPORTED,
	        "'attn_logit_softcapping' is 50, which is not handled"},
	    {"gemma3", "\"use_bidirectional_attention\": false", "\"use_bidirectional_attention\": true",
	        FOX_E_UNSUPPORTED,
	        "'use_bidirectional_attention' is true, which is not handled (handled: false)"},
	    {"gemma3", "\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false", FOX_E_UNSUPPORTED,
	        "'tie_word_embeddings' is false, which is not handled (handled: true)"},
	    {"qwen2", NULL, "\"attention_bias\": false", FOX_E_UNSUPPORTED,
	        "'attention_bias' is false, which is not handled (handled: true)"},
	    {"qwen3", "\"attention_bias\": false", "\"attention_bias\": true", FOX_E_UNSUPPORTED,
	        "'attention_bias' is true, which is not handled (handled: false)"},
	    {"stablelm", NULL, "\"qk_layernorm\": true", FOX_E_UNSUPPORTED,
	        "'qk_layernorm' is true, which is not handled (handled: false)"},
	    {"stablelm", NULL, "\"rotary_scaling_factor\": 2.0", FOX_E_UNSUPPORTED,
	        "'rotary_scaling_factor' is 2, which is not handled (handled: 1)"},
	    {"openelm", "\"swish\"", "\"gelu\"", FOX_E_UNSUPPORTED,
	        "'activation_fn_name' is 'gelu', which is not handled (handled: swish, silu)"},
	    {"openelm", "\"rms_norm\"", "\"layer_norm\"", FOX_E_UNSUPPORTED,
	        "'normalization_layer_name' is 'layer_norm', which is not handled (handled: rms_norm)"},
	    {"openelm", "\"normalize_qk_projections\": true", "\"normalize_qk_projections\": false",
	        FOX_E_UNSUPPORTED, "'normalize_qk_projections' is false, which is not handled (handled: true)"},
	    {"openelm", "\"ffn_with_glu\": true", "\"ffn_with_glu\": false", FOX_E_UNSUPPORTED,
	        "'ffn_with_glu' is false, which is not handled (handled: true)"},
	    {"openelm", "\"share_input_output_layers\": true", "\"share_input_output_layers\": false",
	        FOX_E_UNSUPPORTED, "'share_input_output_layers' is false, which is not handled (handled: true)"},
	    {"phi3", "\"attention_bias\": false", "\"attention_bias\": true", FOX_E_UNSUPPORTED,
	        "'attention_bias' is true, which is not handled (handled: false)"},
	    {"olmo2", "\"attention_bias\": false", "\"attention_bias\": true", FOX_E_UNSUPPORTED,
	        "'attention_bias' is true, which is not handled (handled: false)"},
	    {"olmo2", NULL, "\"clip_qkv\": 8.0", FOX_E_UNSUPPORTED,
	        "unknown field 'clip_qkv' (8), which may change what the model computes"},
	    {"bloom", "\"apply_residual_connection_post_layernorm\": false",
	        "\"apply_residual_connection_post_layernorm\": true", FOX_E_UNSUPPORTED,
	        "'apply_residual_connection_post_layernorm' is true, which is not handled (handled: false)"},
	    {"bloom", "\"n_inner\": null", "\"n_inner\": 96", FOX_E_UNSUPPORTED,
	        "'n_inner' is 96, which is not handled"},
	    {"gpt2", "\"gelu_new\"", "\"relu\"", FOX_E_UNSUPPORTED,
	        "'activation_function' is 'relu', which is not handled (handled: gelu_new, gelu_pytorch_tanh)"},
	    {"gpt2", NULL, "\"scale_attn_weights\": false", FOX_E_UNSUPPORTED,
	        "'scale_attn_weights' is false, which is not handled (handled: true)"},
	    {"gpt2", NULL, "\"scale_attn_by_inverse_layer_idx\": true", FOX_E_UNSUPPORTED,
	        "'scale_attn_by_inverse_layer_idx' is true, which is not handled (handled: false)"},
	    {"gemma2", "\"architectures\"", "\"auto_map\": {\"AutoConfig\": \"x.Y\"}, \"architectures\"",
	        FOX_E_UNSUPPORTED, "'auto_map' is an object, which is not handled"},
	};
	all(cases, FOX_COUNT(cases));
}

/* Fields that contradict each other, or that a size cannot be. */
static void contradictions(void **state)
{
	(void)state;
	static const struct edit cases[] = {
	    {"gemma3", "\"num_hidden_layers\": 7", "\"num_hidden_layers\": 6", FOX_E_FORMAT,
	        "'layer_types' has 7 elements, want one for each of 6 layers"},
	    {"gemma2", "\"sliding_window\": 8", "\"sliding_window\": -8", FOX_E_FORMAT,
	        "'sliding_window' is -8, want 1 to 4294967295"},
	    {"gemma2", "\"sliding_window\": 8", "\"sliding_window\": 0", FOX_E_FORMAT,
	        "'sliding_window' is 0, want 1 to 4294967295"},
	    {"gemma2", "\"query_pre_attn_scalar\": 16", "\"query_pre_attn_scalar\": 0", FOX_E_FORMAT,
	        "'query_pre_attn_scalar' is 0, want a number above 0"},
	    {"gemma2", "\"final_logit_softcapping\": 3.0", "\"final_logit_softcapping\": -3.0", FOX_E_FORMAT,
	        "soft cap of the logits is -3, want a finite number above 0"},
	    {"qwen3", "\"num_key_value_heads\": 2", "\"num_key_value_heads\": 32", FOX_E_FORMAT,
	        "number of key-value heads is 32, want 1 to 6, in layer 0"},
	    {"stablelm", "\"partial_rotary_factor\": 0.25", "\"partial_rotary_factor\": 0.1", FOX_E_FORMAT,
	        "number of rotated dimensions is 3, want an even number"},
	    {"openelm", "[", "[ 3,", FOX_E_FORMAT, "'architectures' has 2 elements, want 1"},
	    {"openelm", "\"ffn_multipliers\": [", "\"ffn_multipliers\": [ 1.0,", FOX_E_FORMAT,
	        "'ffn_multipliers' has 4 elements, want one for each of 3 layers"},
	    {"openelm", "\"num_kv_heads\": [", "\"num_kv_heads\": [ 2,", FOX_E_FORMAT,
	        "'num_kv_heads' has 4 elements, want one for each of 3 layers"},
	    {"phi3_longrope", "\"long_factor\": [", "\"long_factor\": [ 1.0,", FOX_E_FORMAT,
	        "'rope_scaling.long_factor' has 9 elements, want one for each of 8 frequencies"},
	    {"phi3_longrope", "\"hidden_size\": 32", "\"hidden_size\": 64", FOX_E_FORMAT,
	        "'rope_scaling.long_factor' has 8 elements, want one for each of 16 frequencies"},
	    {"bloom", "\"n_head\": 6", "\"n_head\": 7", FOX_E_FORMAT,
	        "head size is not given, and 7 query heads do not divide the model width 48"},
	    {"gpt2", "\"n_ctx\": 48", "\"n_ctx\": 64", FOX_E_FORMAT, "'n_positions' is 48, but 'n_ctx' is 64"},
	    {"gpt2", "\"n_head\": 4", "\"n_head\": 5", FOX_E_FORMAT,
	        "head size is not given, and 5 query heads do not divide the model width 32"},
	    {"gpt2", "\"layer_norm_epsilon\": 1e-05", "\"layer_norm_epsilon\": 0", FOX_E_FORMAT,
	        "norm epsilon is 0, want above 0 and below 1"},
	    {"mistral", "\"model_type\": \"mistral\"", "\"model_type\": \"llama\"", FOX_E_FORMAT,
	        "'model_type' is 'llama', which contradicts architecture 'MistralForCausalLM'"},
	    {"llama3_v5", "\"rope_theta\": 10000.0", "\"rope_theta\": 0", FOX_E_FORMAT,
	        "rotary base is 0, want a finite number above 0"},
	    {"llama3_v5", NULL, "\"rope_theta\": 5000.0", FOX_E_FORMAT,
	        "'rope_theta' is 5000, but 'rope_parameters.rope_theta' is 10000"},
	};
	all(cases, FOX_COUNT(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_family),
	    cmocka_unit_test(rotary),
	    cmocka_unit_test(maths),
	    cmocka_unit_test(contradictions),
	};
	return cmocka_run_group_tests_name("config_refuse", tests, NULL, NULL);
}
