/* arch_gpt2.c - GPT2LMHeadModel.
 *
 * Learned positions, layer norms and biases everywhere, a plain feed-forward with GELU (tanh form). Matrices are stored
 * [inputs][outputs] in the source.  spec/arch.md 8.11
 * source: transformers models/gpt2; llama.cpp conversion/gpt2.py and src/models/gpt2.cpp */
#include "format/arch/arch_common.h"

static const struct fox_arch_key keys[] = {
    K_BLOCKS("n_layer|num_hidden_layers"),
    K_CTX("n_positions|n_ctx|max_position_embeddings", 1024),
    K_WIDTH("n_embd|hidden_size"),
    {.key = "{arch}.feed_forward_length",
        .type = FOX_K_U32_LAYERS,
        .field = FIELD(d_ff),
        .config = "n_inner",
        .key_required = true},
    K_HEADS("n_head|num_attention_heads"),
    K_NORM_EPS("layer_norm_epsilon", 1e-5),
    K_VOCAB_ONLY("vocab_size"),
};

#undef HF
#define HF "h.{l}."
#define BIAS(role, name, hf, dim) {role, name, hf, FOX_D_NONE, dim, FOX_T_KEEP_F32}

static const struct fox_arch_tensor tensors[] = {
    {FOX_R_TOKEN_EMBD, "token_embd.weight", "wte.weight", FOX_D_VOCAB, FOX_D_MODEL, 0},
    {FOX_R_POS_EMBD, "position_embd.weight", "wpe.weight", FOX_D_CTX, FOX_D_MODEL, FOX_T_KEEP_F32},
    T_NORM(FOX_R_ATTN_NORM, BLK "attn_norm.weight", HF "ln_1.weight", 0),
    T_NORM(FOX_R_ATTN_NORM_B, BLK "attn_norm.bias", HF "ln_1.bias", 0),
    {FOX_R_ATTN_QKV, BLK "attn_qkv.weight", HF "attn.c_attn.weight", FOX_D_QKV, FOX_D_MODEL, FOX_T_TRANSPOSE},
    BIAS(FOX_R_ATTN_QKV_B, BLK "attn_qkv.bias", HF "attn.c_attn.bias", FOX_D_QKV),
    {FOX_R_ATTN_OUT, BLK "attn_output.weight", HF "attn.c_proj.weight", FOX_D_MODEL, FOX_D_Q, FOX_T_TRANSPOSE},
    BIAS(FOX_R_ATTN_OUT_B, BLK "attn_output.bias", HF "attn.c_proj.bias", FOX_D_MODEL),
    T_NORM(FOX_R_FFN_NORM, BLK "ffn_norm.weight", HF "ln_2.weight", 0),
    T_NORM(FOX_R_FFN_NORM_B, BLK "ffn_norm.bias", HF "ln_2.bias", 0),
    {FOX_R_FFN_UP, BLK "ffn_up.weight", HF "mlp.c_fc.weight", FOX_D_FF, FOX_D_MODEL, FOX_T_TRANSPOSE},
    BIAS(FOX_R_FFN_UP_B, BLK "ffn_up.bias", HF "mlp.c_fc.bias", FOX_D_FF),
    {FOX_R_FFN_DOWN, BLK "ffn_down.weight", HF "mlp.c_proj.weight", FOX_D_MODEL, FOX_D_FF, FOX_T_TRANSPOSE},
    BIAS(FOX_R_FFN_DOWN_B, BLK "ffn_down.bias", HF "mlp.c_proj.bias", FOX_D_MODEL),
    T_NORM(FOX_R_OUTPUT_NORM, "output_norm.weight", "ln_f.weight", 0),
    T_NORM(FOX_R_OUTPUT_NORM_B, "output_norm.bias", "ln_f.bias", 0),
    T_OUTPUT,
};

static const struct fox_arch_rule rules[] = {
    R_PLAIN,
    R_NO_CODE,
    {"activation_function", "gelu_new|gelu_pytorch_tanh"},
    {"scale_attn_weights", "true"},
    {"scale_attn_by_inverse_layer_idx", "false|null"},
    R_DECODER,
};

const struct fox_arch fox_arch_gpt2 = {
    .name = "gpt2",
    .hf_class = "GPT2LMHeadModel",
    .hf_types = "gpt2",
    .keys = keys,
    .n_keys = FOX_COUNT(keys),
    .tensors = tensors,
    .n_tensors = FOX_COUNT(tensors),
    .rules = rules,
    .n_rules = FOX_COUNT(rules),
    /* heads for other tasks; reorder_and_upcast_attn changes where half precision is left, not what is computed */
    .ignored = "summary_activation|summary_first_dropout|summary_proj_to_labels|summary_type|summary_use_proj|"
               "reorder_and_upcast_attn|" IGNORED,
    .tied = "tie_word_embeddings",
    .tied_default = true,
    .prefix = "transformer.",
    .buffers = ".attn.bias", /* the causal mask; the bias of the projection is called .attn.c_attn.bias */
    .traits = {.rope = FOX_ROPE_NONE, .norm = FOX_NORM_LAYER, .act = FOX_ACT_GELU_TANH, .ff_multiple = 4},
};
