/* arch_bloom.c - BloomForCausalLM.
 *
 * Layer norms and biases everywhere, a norm on the embedding too, no rotation: ALiBi's slopes on the scores; a plain
 * feed-forward with GELU (tanh form). Q, K and V lie interleaved by head in the source.  spec/arch.md 8.10
 * source: transformers models/bloom; llama.cpp conversion/bloom.py and src/models/bloom.cpp */
#include "format/arch/arch_common.h"

static const struct fox_arch_key keys[] = {
    K_CTX("seq_length", 2048),
    K_WIDTH("hidden_size|n_embed"),
    K_BLOCKS("n_layer|num_hidden_layers"),
    {.key = "{arch}.feed_forward_length", .type = FOX_K_U32_LAYERS, .field = FIELD(d_ff), .key_required = true},
    K_HEADS("n_head|num_attention_heads"),
    {.key = "{arch}.attention.head_count_kv", .type = FOX_K_U32_LAYERS, .field = FIELD(n_kv_heads)},
    K_NORM_EPS("layer_norm_epsilon", 1e-5),
    K_VOCAB_ONLY("vocab_size"),
};

#undef HF
#define HF "h.{l}."
#define BIAS(role, name, hf, dim) {role, name, hf, FOX_D_NONE, dim, FOX_T_KEEP_F32}

static const struct fox_arch_tensor tensors[] = {
    {FOX_R_TOKEN_EMBD, "token_embd.weight", "word_embeddings.weight", FOX_D_VOCAB, FOX_D_MODEL, 0},
    T_NORM(FOX_R_EMBD_NORM, "token_embd_norm.weight", "word_embeddings_layernorm.weight", 0),
    T_NORM(FOX_R_EMBD_NORM_B, "token_embd_norm.bias", "word_embeddings_layernorm.bias", 0),
    T_NORM(FOX_R_ATTN_NORM, BLK "attn_norm.weight", HF "input_layernorm.weight", 0),
    T_NORM(FOX_R_ATTN_NORM_B, BLK "attn_norm.bias", HF "input_layernorm.bias", 0),
    {FOX_R_ATTN_QKV, BLK "attn_qkv.weight", HF "self_attention.query_key_value.weight", FOX_D_QKV, FOX_D_MODEL,
        FOX_T_QKV_HEADS},
    {FOX_R_ATTN_QKV_B, BLK "attn_qkv.bias", HF "self_attention.query_key_value.bias", FOX_D_NONE, FOX_D_QKV,
        FOX_T_QKV_HEADS | FOX_T_KEEP_F32},
    {FOX_R_ATTN_OUT, BLK "attn_output.weight", HF "self_attention.dense.weight", FOX_D_MODEL, FOX_D_Q, 0},
    BIAS(FOX_R_ATTN_OUT_B, BLK "attn_output.bias", HF "self_attention.dense.bias", FOX_D_MODEL),
    T_NORM(FOX_R_FFN_NORM, BLK "ffn_norm.weight", HF "post_attention_layernorm.weight", 0),
    T_NORM(FOX_R_FFN_NORM_B, BLK "ffn_norm.bias", HF "post_attention_layernorm.bias", 0),
    {FOX_R_FFN_UP, BLK "ffn_up.weight", HF "mlp.dense_h_to_4h.weight", FOX_D_FF, FOX_D_MODEL, 0},
    BIAS(FOX_R_FFN_UP_B, BLK "ffn_up.bias", HF "mlp.dense_h_to_4h.bias", FOX_D_FF),
    {FOX_R_FFN_DOWN, BLK "ffn_down.weight", HF "mlp.dense_4h_to_h.weight", FOX_D_MODEL, FOX_D_FF, 0},
    BIAS(FOX_R_FFN_DOWN_B, BLK "ffn_down.bias", HF "mlp.dense_4h_to_h.bias", FOX_D_MODEL),
    T_NORM(FOX_R_OUTPUT_NORM, "output_norm.weight", "ln_f.weight", 0),
    T_NORM(FOX_R_OUTPUT_NORM_B, "output_norm.bias", "ln_f.bias", 0),
    T_OUTPUT,
};

static const struct fox_arch_rule rules[] = {
    R_PLAIN,
    R_NO_CODE,
    {"apply_residual_connection_post_layernorm", "false|null"},
    {"n_inner", "null"}, /* the class does not read it: the inner width is 4 d_model */
    R_DECODER,
};

const struct fox_arch fox_arch_bloom = {
    .name = "bloom",
    .hf_class = "BloomForCausalLM",
    .hf_types = "bloom",
    .keys = keys,
    .n_keys = FOX_COUNT(keys),
    .tensors = tensors,
    .n_tensors = FOX_COUNT(tensors),
    .rules = rules,
    .n_rules = FOX_COUNT(rules),
    /* how Megatron trained it; slow_but_exact reorders sums of products split over devices */
    .ignored = "slow_but_exact|skip_bias_add|skip_bias_add_qkv|bias_dropout_fusion|masked_softmax_fusion|"
               "attention_softmax_in_fp32|unk_token_id|offset_alibi|" IGNORED,
    .tied = "tie_word_embeddings",
    .tied_default = true,
    .prefix = "transformer.",
    .traits = {.rope = FOX_ROPE_NONE,
        .norm = FOX_NORM_LAYER,
        .act = FOX_ACT_GELU_TANH,
        .alibi = true,
        .ff_multiple = 4},
};
