/* arch_llama.c - LlamaForCausalLM (Llama 1 to 3, Fox-1, SmolLM2 and whoever else publishes under that class) and
 * MistralForCausalLM, which differs by its window alone.
 *
 * Pre-norm blocks, RMS norms, grouped-query attention, rotation of whole heads, gated SiLU.  spec/arch.md 4.
 * source: transformers models/llama, models/mistral; llama.cpp conversion/llama.py and src/models/llama.cpp */
#include "format/arch/arch_common.h"

/* Key order is that of llama.cpp's converter. It reads config.json through the LlamaConfig class, which fills
 * in what is absent: hence key_length, value_length and rope.freq_base are always written, and the presets
 * are the class's. */
static const struct fox_arch_key keys[] = {
    K_BLOCKS("num_hidden_layers"),
    K_CTX("max_position_embeddings", 2048),
    K_WIDTH("hidden_size"),
    K_FF("intermediate_size", true),
    K_HEADS("num_attention_heads"),
    K_KV_HEADS("num_key_value_heads"),
    K_SCALING,
    K_THETA,
    K_RMS_EPS("rms_norm_eps", 1e-6),
    K_KEY_LENGTH("head_dim", 0),
    K_VALUE_LENGTH("head_dim", 0),
    {.key = "{arch}.vocab_size", .type = FOX_K_U32, .field = FIELD(n_vocab), .config = "vocab_size", .required = true},
    K_ROPE_DIMS,
    K_WINDOW, /* of Mistral; llama.cpp has no such key for this family and sees everything */
};

static const struct fox_arch_tensor tensors[] = {
    T_EMBD,
    T_ROPE_FREQS,
    T_ROPE_LONG,
    T_ROPE_SHORT,
    T_ATTN_NORM(0),
    T_Q(FOX_T_ROPE_Q),
    T_Q_B(FOX_T_ROPE_Q | FOX_T_BIAS),
    T_K(FOX_T_ROPE_K),
    T_K_B(FOX_T_ROPE_K | FOX_T_BIAS),
    T_V,
    T_V_B(FOX_T_BIAS),
    T_OUT,
    {FOX_R_ATTN_OUT_B, BLK "attn_output.bias", HF "self_attn.o_proj.bias", FOX_D_NONE, FOX_D_MODEL, FOX_T_BIAS_OUT},
    T_FFN_NORM("post_attention_layernorm.weight", 0),
    T_FFN,
    {FOX_R_FFN_GATE_B, BLK "ffn_gate.bias", HF "mlp.gate_proj.bias", FOX_D_NONE, FOX_D_FF, FOX_T_BIAS_FFN},
    {FOX_R_FFN_UP_B, BLK "ffn_up.bias", HF "mlp.up_proj.bias", FOX_D_NONE, FOX_D_FF, FOX_T_BIAS_FFN},
    {FOX_R_FFN_DOWN_B, BLK "ffn_down.bias", HF "mlp.down_proj.bias", FOX_D_NONE, FOX_D_MODEL, FOX_T_BIAS_FFN},
    T_OUTPUT_NORM(0),
    T_OUTPUT,
};

static const struct fox_arch_rule rules[] = {
    R_PLAIN,
    R_NO_CODE,
    {"hidden_act", "silu|swish"},
    R_DECODER,
};

#define SCALINGS (1u << FOX_SCALE_LINEAR | 1u << FOX_SCALE_YARN | 1u << FOX_SCALE_LLAMA3 | 1u << FOX_SCALE_LONGROPE)

const struct fox_arch fox_arch_llama = {
    .name = "llama",
    .hf_class = "LlamaForCausalLM",
    .hf_types = "llama",
    .keys = keys,
    .n_keys = FOX_COUNT(keys),
    .tensors = tensors,
    .n_tensors = FOX_COUNT(tensors),
    .rules = rules,
    .n_rules = FOX_COUNT(rules),
    .ignored = ROPE_FIELDS "|" WINDOW_FIELDS "|" IGNORED,
    .tied = "tie_word_embeddings",
    .bias_qkv = "attention_bias",
    .bias_out = "attention_bias",
    .bias_ffn = "mlp_bias",
    .traits = {.rope = FOX_ROPE_PAIRS,
        .norm = FOX_NORM_RMS,
        .act = FOX_ACT_SILU,
        .gated = true,
        .scalings = SCALINGS},
};

const struct fox_arch fox_arch_mistral = {
    .name = "llama",
    .hf_class = "MistralForCausalLM",
    .hf_types = "mistral",
    .keys = keys,
    .n_keys = FOX_COUNT(keys),
    .tensors = tensors,
    .n_tensors = FOX_COUNT(tensors),
    .rules = rules,
    .n_rules = FOX_COUNT(rules),
    .ignored = ROPE_FIELDS "|" WINDOW_FIELDS "|" IGNORED,
    .tied = "tie_word_embeddings",
    .traits = {.rope = FOX_ROPE_PAIRS,
        .norm = FOX_NORM_RMS,
        .act = FOX_ACT_SILU,
        .gated = true,
        .scalings = SCALINGS,
        .window = FOX_WINDOW_ALL,
        .window_default = 4096},
};
