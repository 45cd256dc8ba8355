/* arch_openelm.c - OpenELMForCausalLM.
 *
 * Every layer has its own number of heads and its own inner width; Q, K and V are one tensor, as are gate and up in the
 * source; queries and keys are normed in each head before they rotate.  spec/arch.md 8.7
 * source: corenet general_gpt.py; llama.cpp conversion/openelm.py and src/models/openelm.cpp */
#include "format/arch/arch_common.h"

static const struct fox_arch_key keys[] = {
    K_BLOCKS("num_transformer_layers"),
    K_CTX("max_context_length", 2048),
    K_WIDTH("model_dim"),
    {.type = FOX_K_U32, .field = FIELD(ff_divisor), .config = "ffn_dim_divisor", .preset = 256},
    {.key = "{arch}.feed_forward_length",
        .type = FOX_K_MULTIPLES,
        .field = FIELD(d_ff),
        .config = "ffn_multipliers",
        .required = true,
        .key_required = true},
    K_HEADS("num_query_heads"),
    K_KV_HEADS("num_kv_heads"),
    {.key = "{arch}.rope.freq_base",
        .type = FOX_K_F32,
        .field = FIELD(rope_theta),
        .config = "rope_freq_constant",
        .preset = 10000},
    /* in the model's code, not in its config.json */
    {.key = "{arch}.attention.layer_norm_rms_epsilon",
        .type = FOX_K_F32,
        .field = FIELD(norm_eps),
        .preset = 1e-6,
        .key_required = true},
    K_ROPE_DIMS,
    K_KEY_LENGTH("head_dim", 128),
    K_VALUE_LENGTH("head_dim", 128),
    K_VOCAB_ONLY("vocab_size"),
};

#undef HF
#define HF "transformer.layers.{l}."

static const struct fox_arch_tensor tensors[] = {
    {FOX_R_TOKEN_EMBD, "token_embd.weight", "transformer.token_embeddings.weight", FOX_D_VOCAB, FOX_D_MODEL, 0},
    T_NORM(FOX_R_ATTN_NORM, BLK "attn_norm.weight", HF "attn_norm.weight", 0),
    {FOX_R_ATTN_QKV, BLK "attn_qkv.weight", HF "attn.qkv_proj.weight", FOX_D_QKV, FOX_D_MODEL, 0},
    {FOX_R_ATTN_Q_NORM, BLK "attn_q_norm.weight", HF "attn.q_norm.weight", FOX_D_NONE, FOX_D_HEAD, FOX_T_KEEP_F32},
    {FOX_R_ATTN_K_NORM, BLK "attn_k_norm.weight", HF "attn.k_norm.weight", FOX_D_NONE, FOX_D_HEAD, FOX_T_KEEP_F32},
    {FOX_R_ATTN_OUT, BLK "attn_output.weight", HF "attn.out_proj.weight", FOX_D_MODEL, FOX_D_Q, 0},
    T_NORM(FOX_R_FFN_NORM, BLK "ffn_norm.weight", HF "ffn_norm.weight", 0),
    {FOX_R_FFN_GATE, BLK "ffn_gate.weight", HF "ffn.proj_1.weight", FOX_D_FF, FOX_D_MODEL, FOX_T_FIRST_HALF},
    {FOX_R_FFN_UP, BLK "ffn_up.weight", HF "ffn.proj_1.weight", FOX_D_FF, FOX_D_MODEL, FOX_T_SECOND_HALF},
    {FOX_R_FFN_DOWN, BLK "ffn_down.weight", HF "ffn.proj_2.weight", FOX_D_MODEL, FOX_D_FF, 0},
    T_NORM(FOX_R_OUTPUT_NORM, "output_norm.weight", "transformer.norm.weight", 0),
    T_OUTPUT,
};

static const struct fox_arch_rule rules[] = {
    R_PLAIN,
    {"activation_fn_name", "swish|silu"},
    {"normalization_layer_name", "rms_norm"},
    {"normalize_qk_projections", "true"},
    {"ffn_with_glu", "true"},
    {"share_input_output_layers|tie_word_embeddings", "true|null"}, /* llama.cpp has no other output for this family */
    R_DECODER,
};

const struct fox_arch fox_arch_openelm = {
    .name = "openelm",
    .hf_class = "OpenELMForCausalLM",
    .hf_types = "openelm",
    .keys = keys,
    .n_keys = FOX_COUNT(keys),
    .tensors = tensors,
    .n_tensors = FOX_COUNT(tensors),
    .rules = rules,
    .n_rules = FOX_COUNT(rules),
    /* auto_map: the published models have no class in transformers, and what theirs computes is what stands above.
       qkv_multipliers and num_gqa_groups are where the numbers of heads, which are listed, came from.
       rope_max_length is how many angles are kept at hand. */
    .ignored = "auto_map|qkv_multipliers|num_gqa_groups|rope_max_length|" IGNORED,
    .tied = "share_input_output_layers|tie_word_embeddings",
    .tied_default = true,
    .traits = {.rope = FOX_ROPE_HALVES, .norm = FOX_NORM_RMS, .act = FOX_ACT_SILU, .gated = true},
};
