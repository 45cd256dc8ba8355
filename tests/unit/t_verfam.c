/* What config.json says of rotary angles, windows and scores, in every spelling, against a container's keys: what agrees
 * passes, each contradiction is found by the one check that owns it. */
#include "tests/unit/t_verfam.h"

#define LLAMA "LlamaForCausalLM"
#define YARN "rope.scaling.type=yarn;rope.scaling.factor=4.0;rope.scaling.original_context_length=16"
#define LONG "\"long_factor\":[1,2,3,4],\"short_factor\":[1,1,1,2]"
#define LONGROPE "rope.scaling.original_context_length=16"
#define FACTORS "rope_factors_long.weight"
#define PHI3 "Phi3ForCausalLM"
#define CONFIG(rest) "{" VF_SIZES rest "}"

static void reads_linear(void **state)
{
	(void)state;
	static const char *const spellings[] = {CONFIG("\"rope_scaling\":{\"type\":\"linear\",\"factor\":4}"),
	    CONFIG("\"rope_scaling\":{\"rope_type\":\"linear\",\"type\":\"linear\",\"factor\":4.0}"),
	    CONFIG("\"rope_parameters\":{\"rope_type\":\"linear\",\"factor\":4,\"rope_theta\":10000}"),
	    CONFIG("\"rope_parameters\":{\"rope_type\":\"linear\",\"factor\":4},"
	           "\"rope_scaling\":{\"type\":\"linear\",\"factor\":4}")};
	for (size_t i = 0; i < FOX_COUNT(spellings); i++) {
		vf_check(LLAMA, spellings[i], "rope.scaling.type=linear;rope.scaling.factor=4.0", "");
		vf_check(LLAMA, spellings[i], "rope.scaling.type=linear;rope.scaling.factor=3.0",
		    "source.key llama.rope.scaling.factor: is 3, must be 4 by config.json's rotary settings\n");
		vf_check(LLAMA, spellings[i], "",
		    "source.key llama.rope.scaling.type: rotary angles are scaled as 'none', must be 'linear' by "
		    "config.json\n");
	}
	/* a factor without a kind is linear scaling to every reader of a container */
	vf_check(LLAMA, spellings[0], "rope.scaling.factor=4.0", "");
	vf_check(LLAMA, CONFIG("\"rope_scaling\":null"), "rope.scaling.type=none", "");
	vf_check(LLAMA, CONFIG("\"rope_scaling\":{\"rope_type\":\"default\",\"factor\":1.0}"), "", "");
	vf_check(LLAMA, CONFIG("\"rope_scaling\":{\"rope_type\":\"default\"}"),
	    "rope.scaling.type=linear;rope.scaling.factor=2.0",
	    "source.key llama.rope.scaling.type: rotary angles are scaled as 'linear', must be 'none' by "
	    "config.json\n");
}

static void refuses_settings(void **state)
{
	(void)state;
	vf_check(LLAMA, CONFIG("\"rope_scaling\":{\"rope_type\":\"dynamic\",\"factor\":2}"), "",
	    "source.config rope_scaling: 'rope_type' is 'dynamic', which architecture 'llama' does not compute\n"
	    "source.config rope_scaling.factor: is not 1, but no kind of scaling is named\n");
	vf_check(LLAMA, CONFIG("\"rope_scaling\":{\"rope_type\":7}"), "",
	    "source.config rope_scaling: 'rope_type' is '', which architecture 'llama' does not compute\n");
	vf_check("GemmaForCausalLM", CONFIG("\"head_dim\":8,\"rope_scaling\":{\"type\":\"longrope\"}"),
	    "attention.key_length=8;attention.value_length=8",
	    "source.config rope_scaling: 'type' is 'longrope', which architecture 'gemma' does not compute\n");
	vf_check(LLAMA, CONFIG("\"rope_scaling\":{\"type\":\"linear\",\"rope_type\":\"yarn\",\"factor\":4}"),
	    "rope.scaling.type=linear;rope.scaling.factor=4.0",
	    "source.config rope_scaling.type: contradicts 'rope_type'\n");
	vf_check(LLAMA, CONFIG("\"rope_scaling\":{\"type\":\"linear\",\"factor\":2,\"finetuned\":true}"),
	    "rope.scaling.type=linear;rope.scaling.factor=2.0",
	    "source.config rope_scaling.finetuned: nothing here accounts for this field: it may change what the "
	    "model "
	    "computes\n");
	vf_check(LLAMA, CONFIG("\"rope_scaling\":{\"type\":\"linear\",\"factor\":2,\"beta_fast\":8}"),
	    "rope.scaling.type=linear;rope.scaling.factor=2.0",
	    "source.config rope_scaling.beta_fast: nothing here accounts for this field: it may change what the "
	    "model "
	    "computes\n");
	vf_check(LLAMA, CONFIG("\"rope_scaling\":\"linear\""), "", "source.config rope_scaling: is no object\n");
	vf_check(LLAMA, CONFIG("\"rope_scaling\":{\"factor\":2.0}"), "",
	    "source.config rope_scaling.factor: is not 1, but no kind of scaling is named\n");
	vf_check(LLAMA,
	    CONFIG("\"rope_scaling\":{\"type\":\"linear\",\"factor\":2},\"rope_parameters\":{\"rope_type\":"
	           "\"linear\","
	           "\"factor\":4}"),
	    "rope.scaling.type=linear;rope.scaling.factor=4.0",
	    "source.config rope_scaling.factor: contradicts the same field elsewhere\n");
	vf_check(LLAMA,
	    CONFIG("\"rope_scaling\":{\"type\":\"linear\",\"factor\":2},\"rope_parameters\":{\"rope_type\":"
	           "\"default\"}"),
	    "rope.scaling.type=linear;rope.scaling.factor=2.0",
	    "source.config rope_scaling.rope_type: contradicts the same field elsewhere\n");
	vf_check(LLAMA, CONFIG("\"rope_scaling\":{\"type\":\"linear\"}"),
	    "rope.scaling.type=linear;rope.scaling.factor=2.0",
	    "source.config rope_scaling.factor: is not there, and this kind of scaling needs it\n"
	    "source.key llama.rope.scaling.factor: is 2, must be 0 by config.json's rotary settings\n");
	vf_check(LLAMA, CONFIG("\"rope_scaling\":{\"type\":\"linear\",\"factor\":-2}"), "",
	    "source.config rope_scaling.factor: is no number above 0\n"
	    "source.config rope_scaling.factor: is not there, and this kind of scaling needs it\n"
	    "source.key llama.rope.scaling.type: rotary angles are scaled as 'none', must be 'linear' by "
	    "config.json\n");
}

static void reads_yarn(void **state)
{
	(void)state;
	const char *plain = CONFIG("\"rope_scaling\":{\"type\":\"yarn\",\"factor\":4,"
	                           "\"original_max_position_embeddings\":16}");
	vf_check(LLAMA, plain, YARN, "");
	vf_check(LLAMA, plain, YARN ";rope.scaling.attn_factor=1.0", "");
	vf_check(LLAMA, plain, YARN ";rope.scaling.yarn_beta_fast=32.0;rope.scaling.yarn_beta_slow=1.0", "");
	vf_check(LLAMA, plain, YARN ";rope.scaling.yarn_beta_slow=2.0",
	    "source.key llama.rope.scaling.yarn_beta_slow: is 2, must be 1 by config.json's rotary settings\n");
	vf_check(LLAMA, plain, "rope.scaling.type=yarn;rope.scaling.factor=4.0",
	    "source.key llama.rope.scaling.original_context_length: absent, which means 64, must be 16 by "
	    "config.json's "
	    "rotary settings\n");
	/* transformers multiplies by A alone: 1.5 / (1 + 0.1 ln 4) */
	const char *given =
	    CONFIG("\"rope_parameters\":{\"rope_type\":\"yarn\",\"factor\":4,\"attention_factor\":1.5,"
	           "\"beta_fast\":16,\"original_max_position_embeddings\":16}");
	vf_check(LLAMA, given, YARN ";rope.scaling.attn_factor=1.31737327;rope.scaling.yarn_beta_fast=16.0", "");
	vf_check(LLAMA, given, YARN ";rope.scaling.attn_factor=1.5;rope.scaling.yarn_beta_fast=16.0",
	    "source.key llama.rope.scaling.attn_factor: is 1.5, must be 1.3173733 by config.json's rotary "
	    "settings\n");
	vf_check(LLAMA, given, YARN ";rope.scaling.attn_factor=1.31737327",
	    "source.key llama.rope.scaling.yarn_beta_fast: absent, which means 32, must be 16 by config.json's "
	    "rotary "
	    "settings\n");
	vf_check(LLAMA, given, YARN ";rope.scaling.yarn_beta_fast=16.0",
	    "source.key llama.rope.scaling.attn_factor: absent, which means 1, must be 1.3173733 by "
	    "config.json's rotary "
	    "settings\n");
	/* DeepSeek's way: equal weights cancel */
	vf_check(LLAMA,
	    CONFIG("\"rope_scaling\":{\"type\":\"yarn\",\"factor\":4,\"mscale\":1,\"mscale_all_dim\":1,"
	           "\"original_max_position_embeddings\":16}"),
	    YARN ";rope.scaling.attn_factor=0.878248848", "");
	vf_check(LLAMA,
	    CONFIG(
	        "\"rope_scaling\":{\"type\":\"yarn\",\"factor\":4,\"truncate\":false,\"extrapolation_factor\":2,"
	        "\"original_max_position_embeddings\":16}"),
	    YARN,
	    "source.config rope_scaling.truncate: is not true: nothing here computes a ramp with broken ends\n"
	    "source.config rope_scaling.extrapolation_factor: is not 1, which nothing here computes\n");
}

static void reads_longrope(void **state)
{
	(void)state;
	const char *outer =
	    CONFIG("\"rope_scaling\":{\"type\":\"su\"," LONG "},\"original_max_position_embeddings\":16");
	float factors[4] = {1, 2, 3, 4};
	struct vf t;
	/* sqrt(1 + ln 4 / ln 16) */
	vf_open(&t, PHI3, outer, LONGROPE ";rope.scaling.attn_factor=1.22474487;attention.sliding_window=0",
	    FACTORS, factors, 4);
	fox_ver_rope(&t.v, t.p);
	assert_string_equal(vf_found(&t), "");
	assert_true(fabs(t.p->rope.attn_factor - sqrt(1.5)) < 1e-15);
	assert_true(t.p->rope.orig == 16 && t.p->rope.dims == 8);
	vf_close(&t);
	vf_check_with(PHI3,
	    CONFIG("\"rope_scaling\":{\"type\":\"longrope\"," LONG ",\"factor\":1},"
	           "\"original_max_position_embeddings\":16"),
	    LONGROPE, FACTORS, "");
	vf_check_with(PHI3,
	    CONFIG("\"rope_scaling\":{\"type\":\"longrope\"," LONG ",\"attention_factor\":1.25,"
	           "\"original_max_position_embeddings\":16}"),
	    LONGROPE ";rope.scaling.attn_factor=1.25", FACTORS, "");
	vf_check_with(PHI3,
	    CONFIG(
	        "\"rope_scaling\":{\"type\":\"longrope\",\"long_factor\":[1,2,3],\"short_factor\":[1,1,1,0],"
	        "\"factor\":1,\"original_max_position_embeddings\":8},\"original_max_position_embeddings\":16"),
	    "rope.scaling.original_context_length=8", FACTORS,
	    "source.config original_max_position_embeddings: contradicts the same field elsewhere\n"
	    "source.config rope_scaling.long_factor: is no list of one number above 0 for each pair of rotated "
	    "dimensions\n"
	    "source.config rope_scaling.long_factor: is needed by this kind of scaling\n"
	    "source.config rope_scaling.short_factor: is no list of one number above 0 for each pair of rotated "
	    "dimensions\n"
	    "source.config rope_scaling.short_factor: is needed by this kind of scaling\n");
	vf_check(PHI3, outer, LONGROPE,
	    "source.key rope_factors_long.weight: rotary angles are scaled as 'none', must be 'longrope' by "
	    "config.json\n");
	/* Phi-3-mini-4k: the length stands there without any scaling, and a container may have it or not */
	const char *plain = CONFIG("\"rope_scaling\":null,\"original_max_position_embeddings\":64");
	vf_check(PHI3, plain, "", "");
	vf_check(PHI3, plain, "rope.scaling.original_context_length=64", "");
	vf_check(PHI3, plain, "rope.scaling.original_context_length=32",
	    "source.key phi3.rope.scaling.original_context_length: is 32, must be 64 by config.json's rotary "
	    "settings\n");
}

static void reads_shares(void **state)
{
	(void)state;
#define STABLE "StableLmForCausalLM"
	vf_check(
	    STABLE, CONFIG("\"model_type\":\"stablelm\""), "rope.dimension_count=2", ""); /* a quarter of 8 */
	vf_check(STABLE, CONFIG("\"partial_rotary_factor\":0.75"), "rope.dimension_count=6", "");
	vf_check(STABLE, CONFIG("\"rope_pct\":0.5"), "rope.dimension_count=4", "");
	vf_check(STABLE, CONFIG("\"rope_parameters\":{\"partial_rotary_factor\":0.5,\"rope_type\":\"default\"}"),
	    "rope.dimension_count=4", "");
	vf_check(STABLE, CONFIG("\"partial_rotary_factor\":0.5"), "",
	    "source.key stablelm.rope.dimension_count: absent, which means 8, must be 4 by config.json's rotary "
	    "settings\n");
	vf_check(STABLE, CONFIG("\"partial_rotary_factor\":0.5,\"rope_pct\":0.25"), "rope.dimension_count=4",
	    "source.config rope_pct: is no number above 0, or contradicts 'partial_rotary_factor'\n");
	vf_check(STABLE,
	    CONFIG("\"partial_rotary_factor\":0.5,\"rope_parameters\":{\"partial_rotary_factor\":0.25}"),
	    "rope.dimension_count=4",
	    "source.config partial_rotary_factor: contradicts the same field elsewhere\n"
	    "source.key stablelm.rope.dimension_count: is 4, must be 2 by config.json's rotary settings\n");
	vf_check(LLAMA, CONFIG("\"partial_rotary_factor\":1.0"), "rope.dimension_count=8", "");
	vf_check(LLAMA, CONFIG("\"partial_rotary_factor\":0.5"), "rope.dimension_count=8",
	    "source.config partial_rotary_factor: leaves part of a head unrotated, which this architecture does "
	    "not "
	    "compute\n");
}

static void reads_layer_bases(void **state)
{
	(void)state;
#define GEMMA3 "Gemma3ForCausalLM"
#define G3 "\"head_dim\":8,\"query_pre_attn_scalar\":8,\"sliding_window\":8,"
#define G3_KEYS "attention.key_length=8;attention.value_length=8;attention.sliding_window=8"
	vf_check(GEMMA3,
	    CONFIG(G3 "\"rope_parameters\":{\"full_attention\":{\"rope_type\":\"linear\",\"factor\":8,\"rope_"
	              "theta\":1e6},"
	              "\"sliding_attention\":{\"rope_type\":\"default\",\"rope_theta\":10000}}"),
	    G3_KEYS ";rope.scaling.type=linear;rope.scaling.factor=8.0", "");
	vf_check(GEMMA3,
	    CONFIG(G3 "\"rope_scaling\":{\"rope_type\":\"linear\",\"factor\":8},\"rope_local_base_freq\":1e4"),
	    G3_KEYS ";rope.scaling.type=linear;rope.scaling.factor=8.0", "");
	vf_check(GEMMA3,
	    CONFIG(G3 "\"rope_parameters\":{\"full_attention\":{\"rope_theta\":1e6},\"sliding_attention\":{"
	              "\"rope_type\":"
	              "\"linear\",\"factor\":2},\"chunked_attention\":{}}"),
	    G3_KEYS,
	    "source.config rope_parameters.chunked_attention: nothing here accounts for this field: it may "
	    "change what "
	    "the model computes\n"
	    "source.config rope_parameters.sliding_attention.rope_type: scales layers with a window, which "
	    "nothing here "
	    "computes\n"
	    "source.config rope_parameters.sliding_attention: has a factor that nothing here computes\n");
	vf_check(LLAMA, CONFIG("\"rope_local_base_freq\":1e4"), "",
	    "source.config rope_local_base_freq: is a base for some layers, which this architecture does not "
	    "have\n");
	vf_check(LLAMA, CONFIG("\"rope_parameters\":{\"full_attention\":{\"rope_theta\":1e6}}"), "",
	    "source.config rope_parameters.full_attention: nothing here accounts for this field: it may change "
	    "what the "
	    "model computes\n");
}

/* ---- windows */

#define QWEN "Qwen2ForCausalLM"
#define MISTRAL "MistralForCausalLM"
#define GEMMA2 "Gemma2ForCausalLM"
#define G2 "\"head_dim\":8,\"query_pre_attn_scalar\":8,"
#define G2_KEYS "attention.key_length=8;attention.value_length=8"
#define WINDOW1 "attention.sliding_window=8"
#define WINDOW ";" WINDOW1

static void reads_windows_of_all(void **state)
{
	(void)state;
	vf_check(MISTRAL, CONFIG("\"sliding_window\":8"), WINDOW1, "");
	vf_check(MISTRAL, CONFIG("\"sliding_window\":null"), "", "");
	vf_check(MISTRAL, CONFIG("\"model_type\":\"mistral\""), "attention.sliding_window=4096", "");
	vf_check(MISTRAL, CONFIG("\"sliding_window\":null"), WINDOW1,
	    "source.key llama.attention.sliding_window: is 8, but config.json has no window in use\n");
	vf_check(MISTRAL, CONFIG("\"sliding_window\":8"), WINDOW1 ";attention.sliding_window_pattern=[1101]",
	    "source.key llama.attention.sliding_window_pattern: layer 2 sees 0 positions, must see 8 by "
	    "config.json (0: "
	    "all)\n");
	vf_check(MISTRAL, CONFIG("\"sliding_window\":0"), "",
	    "source.config sliding_window: is no whole number that can be meant\n");
	vf_check(MISTRAL,
	    CONFIG("\"sliding_window\":8,\"layer_types\":[\"sliding_attention\",\"full_attention\",\"sliding_"
	           "attention\","
	           "\"sliding_attention\"]"),
	    WINDOW1,
	    "source.config layer_types: differs from 'sliding_window', which counts for every layer of this "
	    "class\n");
	vf_check("Phi3ForCausalLM", CONFIG("\"model_type\":\"phi3\""), "attention.sliding_window=0", "");
}

static void refuses_windows(void **state)
{
	(void)state;
	vf_check(LLAMA, CONFIG("\"sliding_window\":8"), "",
	    "source.config sliding_window: asks for a window that this architecture does not have\n");
	vf_check(LLAMA, CONFIG("\"use_sliding_window\":false,\"sliding_window\":null"), "", "");
	vf_check(LLAMA,
	    CONFIG("\"layer_types\":[\"full_attention\",\"full_attention\",\"full_attention\","
	           "\"full_attention\"]"),
	    "", "");
	vf_check(LLAMA,
	    CONFIG("\"layer_types\":[\"full_attention\",\"full_attention\",\"full_attention\","
	           "\"sliding_attention\"]"),
	    "", "source.config sliding_window: is not in use, but some layers are said to have a window\n");
	vf_check(LLAMA, CONFIG("\"layer_types\":[\"full_attention\"]"), "",
	    "source.config layer_types: is no list with one type for each layer\n");
	vf_check(LLAMA,
	    CONFIG("\"layer_types\":[\"full_attention\",\"chunked_attention\",\"full_attention\","
	           "\"full_attention\"]"),
	    "",
	    "source.config layer_types: layer 1 is of type 'chunked_attention', which nothing here computes\n");
	vf_check(LLAMA, CONFIG("\"sliding_window_pattern\":6"), "",
	    "source.config sliding_window_pattern: asks for a window that this architecture does not have\n");
	vf_check(MISTRAL, CONFIG("\"sliding_window\":8,\"use_sliding_window\":true"), WINDOW1,
	    "source.config use_sliding_window: asks for a window that this architecture does not have\n");
	vf_check(QWEN, CONFIG("\"use_sliding_window\":1"), "",
	    "source.config use_sliding_window: is neither true nor false\n");
}

static void reads_windows_by_switch(void **state)
{
	(void)state;
	vf_check(
	    QWEN, CONFIG("\"use_sliding_window\":false,\"sliding_window\":8,\"max_window_layers\":2"), "", "");
	vf_check(QWEN, CONFIG("\"sliding_window\":8"), WINDOW1,
	    "source.key qwen2.attention.sliding_window: is 8, but config.json has no window in use\n");
	vf_check(QWEN, CONFIG("\"use_sliding_window\":true,\"sliding_window\":8,\"max_window_layers\":2"),
	    WINDOW1 ";attention.sliding_window_pattern=[0011]", "");
	vf_check(QWEN, CONFIG("\"use_sliding_window\":true,\"sliding_window\":8,\"max_window_layers\":3"),
	    WINDOW1 ";attention.sliding_window_pattern=[0011]",
	    "source.key qwen2.attention.sliding_window_pattern: layer 2 sees 8 positions, must see 0 by "
	    "config.json (0: "
	    "all)\n");
	/* 28 layers before the first window: none here has one, however a container says so */
	vf_check(QWEN, CONFIG("\"use_sliding_window\":true,\"sliding_window\":8"), "", "");
	vf_check(QWEN, CONFIG("\"use_sliding_window\":true,\"sliding_window\":8"),
	    WINDOW1 ";attention.sliding_window_pattern=[0000]", "");
	vf_check(QWEN, CONFIG("\"use_sliding_window\":true,\"sliding_window\":8"),
	    "attention.sliding_window=9;attention.sliding_window_pattern=[0000]",
	    "source.key qwen2.attention.sliding_window: is 9, must be 8 by sliding_window\n");
	vf_check(QWEN,
	    CONFIG("\"use_sliding_window\":true,\"sliding_window\":8,\"layer_types\":[\"sliding_attention\","
	           "\"full_attention\",\"sliding_attention\",\"full_attention\"]"),
	    WINDOW1 ";attention.sliding_window_pattern=[1010]", "");
}

static void reads_windows_by_period(void **state)
{
	(void)state;
	vf_check(GEMMA2, CONFIG(G2 "\"sliding_window\":8"), G2_KEYS WINDOW, "");
	vf_check(
	    GEMMA2, CONFIG(G2 "\"sliding_window\":8"), G2_KEYS WINDOW ";attention.sliding_window_pattern=2", "");
	vf_check(GEMMA2, CONFIG(G2 "\"sliding_window\":8"), G2_KEYS WINDOW ";attention.sliding_window_pattern=3",
	    "source.key gemma2.attention.sliding_window_pattern: layer 1 sees 8 positions, must see 0 by "
	    "config.json (0: "
	    "all)\n");
	vf_check(GEMMA2, CONFIG(G2 "\"attention_bias\":false"), G2_KEYS ";attention.sliding_window=4096", "");
	vf_check(GEMMA2, CONFIG(G2 "\"sliding_window\":null"), G2_KEYS,
	    "source.config sliding_window: is not in use, but some layers are said to have a window\n");
	vf_check(GEMMA2,
	    CONFIG(G2 "\"sliding_window\":8,\"layer_types\":[\"full_attention\",\"sliding_attention\","
	              "\"sliding_attention\",\"full_attention\"]"),
	    G2_KEYS WINDOW ";attention.sliding_window_pattern=[0110]", "");
	vf_check(GEMMA3, CONFIG(G3 "\"sliding_window_pattern\":3"),
	    G3_KEYS ";attention.sliding_window_pattern=[1101]", "");
	vf_check(GEMMA3, CONFIG(G3 "\"sliding_window_pattern\":3,\"_sliding_window_pattern\":6"), G3_KEYS,
	    "source.config _sliding_window_pattern: contradicts 'sliding_window_pattern'\n");
}

static void reads_scales(void **state)
{
	(void)state;
#define SCALE(q) CONFIG("\"head_dim\":8,\"sliding_window\":8,\"query_pre_attn_scalar\":" q)
	vf_check(GEMMA2, SCALE("8"), G2_KEYS WINDOW, "");
	vf_check(GEMMA2, SCALE("8"), G2_KEYS WINDOW ";attention.scale=0.35355338", "");
	vf_check(GEMMA2, SCALE("24"), G2_KEYS WINDOW ";attention.scale=0.20412415", "");
	vf_check(GEMMA2, SCALE("24"), G2_KEYS WINDOW ";attention.scale=0.20412418",
	    "source.key gemma2.attention.scale: is 0.20412418, must be 0.20412415 by query_pre_attn_scalar\n");
	vf_check(GEMMA2, SCALE("24"), G2_KEYS WINDOW,
	    "source.key gemma2.attention.scale: absent, which means 0.35355338, must be 0.20412415 by "
	    "query_pre_attn_scalar\n");
	vf_check(GEMMA2, CONFIG("\"head_dim\":8,\"sliding_window\":8"), G2_KEYS WINDOW,
	    "source.key gemma2.attention.scale: absent, which means 0.35355338, must be 0.0625 by "
	    "query_pre_attn_scalar\n");
	vf_check(
	    GEMMA2, SCALE("true"), G2_KEYS WINDOW, "source.config query_pre_attn_scalar: is no number above 0\n");
}

/* ---- sizes that config.json gives by formula */

/* OpenELM-1.1B: what its config.json lists, and the widths that the published weights have. */
static void multiplies_widths(void **state)
{
	(void)state;
	static const struct {
		double times;
		uint32_t width;
	} layers[] = {{0.5, 1024}, {0.63, 1280}, {0.76, 1536}, {0.89, 1792}, {1.02, 2048}, {1.15, 2304},
	    {1.28, 2560}, {1.41, 2816}, {1.54, 3072}, {1.67, 3328}, {1.8, 3584}, {1.93, 3840}, {2.06, 4096},
	    {2.19, 4608}, {2.31, 4608}, {2.44, 5120}, {2.57, 5376}, {2.7, 5632}, {2.83, 5888}, {2.96, 6144},
	    {3.09, 6400}, {3.22, 6656}, {3.35, 6912}, {3.48, 7168}, {3.61, 7424}, {3.74, 7680}, {3.87, 7936},
	    {4.0, 8192}};
	struct fox_ver_pair *p = calloc(1, sizeof *p);
	struct fox_hparams *h = calloc(1, sizeof *h);
	struct fox_buf text = {0};
	struct fox_json *json;
	struct fox_err e = {0};
	assert_true(p && h);
	fox_buf_str(&text, "{\"model_dim\":2048,\"ffn_dim_divisor\":256,\"ffn_multipliers\":[");
	for (size_t i = 0; i < FOX_COUNT(layers); i++)
		fox_buf_fmt(&text, "%s%g", i ? "," : "", layers[i].times);
	fox_buf_str(&text, "]}");
	assert_fox_ok(fox_json_parse(&json, (struct fox_str){text.p, text.n}, &e), &e);
	p->arch = fox_arch_by_class(fox_str_of("OpenELMForCausalLM"));
	p->h = h;
	h->n_layers = FOX_COUNT(layers);
	p->config = fox_json_root(json);
	for (uint64_t l = 0; l < FOX_COUNT(layers); l++)
		assert_true(fox_ver_field(p, offsetof(struct fox_hparams, d_ff), l) == layers[l].width);
	h->n_layers = 27; /* a list of another length says nothing */
	assert_true(fox_ver_field(p, offsetof(struct fox_hparams, d_ff), 0) == 0);
	fox_json_close(json);
	fox_buf_free(&text);
	free(h);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_linear),
	    cmocka_unit_test(refuses_settings),
	    cmocka_unit_test(reads_yarn),
	    cmocka_unit_test(reads_longrope),
	    cmocka_unit_test(reads_shares),
	    cmocka_unit_test(reads_layer_bases),
	    cmocka_unit_test(reads_windows_of_all),
	    cmocka_unit_test(refuses_windows),
	    cmocka_unit_test(reads_windows_by_switch),
	    cmocka_unit_test(reads_windows_by_period),
	    cmocka_unit_test(reads_scales),
	    cmocka_unit_test(multiplies_widths),
	};
	return cmocka_run_group_tests_name("verfam", tests, NULL, NULL);
}
