/* arch_phi3.c - Phi3ForCausalLM: Phi-3 mini and medium, Phi-3.5 mini, Phi-4.
 *
 * As Llama, but Q, K and V are one tensor, gate and up another; halves rotate together; a window over all layers in some
 * models; two tables of rotary factors in the long ones.  spec/arch.md 8.8
 * source: transformers models/phi3; llama.cpp conversion/phi.py and src/models/phi3.cpp */
#include "format/arch/arch_common.h"

static const struct fox_arch_key keys[] = {
    {.key = "{arch}.rope.scaling.attn_factor", .type = FOX_K_F32, .field = FIELD(rope.attn_factor), .quiet = true},
    K_CTX("max_position_embeddings", 4096),
    {.key = "{arch}.rope.scaling.original_context_length", .type = FOX_K_U32, .field = FIELD(rope.orig_ctx),
        .quiet = true},
    K_WIDTH("hidden_size"),
    K_BLOCKS("num_hidden_layers"),
    K_FF("intermediate_size", true),
    K_HEADS("num_attention_heads"),
    K_KV_HEADS("num_key_value_heads"),
    K_RMS_EPS("rms_norm_eps", 1e-5),
    K_ROPE_DIMS,
    K_THETA,
    {.key = "{arch}.attention.sliding_window", .type = FOX_K_U32, .field = FIELD(window), .zero_key = true},
    {.key = "{arch}.attention.sliding_window_pattern", .type = FOX_K_WINDOWED, .field = FIELD(windowed), .quiet = true},
    K_VOCAB_ONLY("vocab_size"),
};

static const struct fox_arch_tensor tensors[] = {
    T_EMBD,
    T_ROPE_LONG,
    T_ROPE_SHORT,
    T_ATTN_NORM(0),
    {FOX_R_ATTN_QKV, BLK "attn_qkv.weight", HF "self_attn.qkv_proj.weight", FOX_D_QKV, FOX_D_MODEL, 0},
    T_OUT,
    T_FFN_NORM("post_attention_layernorm.weight", 0),
    {FOX_R_FFN_GATE_UP, BLK "ffn_up.weight", HF "mlp.gate_up_proj.weight", FOX_D_FF2, FOX_D_MODEL, 0},
    {FOX_R_FFN_DOWN, BLK "ffn_down.weight", HF "mlp.down_proj.weight", FOX_D_MODEL, FOX_D_FF, 0},
    T_OUTPUT_NORM(0),
    T_OUTPUT,
};

static const struct fox_arch_rule rules[] = {
    R_PLAIN,
    {"hidden_act", "silu|swish"},
    {"attention_bias", "false|null"},
    R_DECODER,
};

const struct fox_arch fox_arch_phi3 = {
    .name = "phi3",
    .hf_class = "Phi3ForCausalLM",
    .hf_types = "phi3",
    .keys = keys,
    .n_keys = FOX_COUNT(keys),
    .tensors = tensors,
    .n_tensors = FOX_COUNT(tensors),
    .rules = rules,
    .n_rules = FOX_COUNT(rules),
    /* auto_map: the repositories bring the code that later went into transformers under this class's name.
       embd_layer: a note of how the checkpoint was split. */
    .ignored = "auto_map|embd_layer|" ROPE_FIELDS "|" WINDOW_FIELDS "|" IGNORED,
    .tied = "tie_word_embeddings",
    .traits = {.rope = FOX_ROPE_HALVES,
        .norm = FOX_NORM_RMS,
        .act = FOX_ACT_SILU,
        .gated = true,
        .rope_partial = true,
        .scalings = 1u << FOX_SCALE_LONGROPE,
        .window = FOX_WINDOW_ALL},
};
