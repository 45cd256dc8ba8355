/* arch_llama.c - LlamaForCausalLM: Llama 1 to 3, Fox-1, SmolLM2 and whoever else publishes under that class.
 *
 * Pre-norm blocks, RMS norms, grouped-query attention, rotation of whole heads, gated SiLU.  spec/arch.md 4.
 * source: transformers models/llama; llama.cpp conversion/llama.py and src/models/llama.cpp */
#include "format/arch.h"

#define FIELD(f) offsetof(struct fox_hparams, f)

/* Key order is that of llama.cpp's converter. It reads config.json through the LlamaConfig class, which fills
 * in what is absent: hence key_length, value_length and rope.freq_base are always written, and the presets
 * are the class's. */
static const struct fox_arch_key keys[] = {
    {.key = "{arch}.block_count",
        .type = FOX_K_U32,
        .field = FIELD(n_layers),
        .config = "num_hidden_layers",
        .required = true,
        .key_required = true},
    {.key = "{arch}.context_length",
        .type = FOX_K_U32,
        .field = FIELD(n_ctx),
        .config = "max_position_embeddings",
        .preset = 2048,
        .key_required = true},
    {.key = "{arch}.embedding_length",
        .type = FOX_K_U32,
        .field = FIELD(d_model),
        .config = "hidden_size",
        .required = true,
        .key_required = true},
    {.key = "{arch}.feed_forward_length",
        .type = FOX_K_U32_LAYERS,
        .field = FIELD(d_ff),
        .config = "intermediate_size",
        .required = true,
        .key_required = true},
    {.key = "{arch}.attention.head_count",
        .type = FOX_K_U32_LAYERS,
        .field = FIELD(n_heads),
        .config = "num_attention_heads",
        .required = true,
        .key_required = true},
    {.key = "{arch}.attention.head_count_kv",
        .type = FOX_K_U32_LAYERS,
        .field = FIELD(n_kv_heads),
        .config = "num_key_value_heads"},
    {.key = "{arch}.rope.freq_base",
        .type = FOX_K_F32,
        .field = FIELD(rope_theta),
        .config = "rope_theta|rope_parameters.rope_theta|rope_scaling.rope_theta",
        .preset = 10000},
    {.key = "{arch}.attention.layer_norm_rms_epsilon",
        .type = FOX_K_F32,
        .field = FIELD(norm_eps),
        .config = "rms_norm_eps",
        .preset = 1e-6,
        .key_required = true},
    {.key = "{arch}.attention.key_length", .type = FOX_K_U32, .field = FIELD(head_dim), .config = "head_dim"},
    {.key = "{arch}.attention.value_length",
        .type = FOX_K_U32,
        .field = FIELD(head_dim),
        .config = "head_dim"},
    {.key = "{arch}.vocab_size",
        .type = FOX_K_U32,
        .field = FIELD(n_vocab),
        .config = "vocab_size",
        .required = true},
    {.key = "{arch}.rope.dimension_count", .type = FOX_K_U32, .field = FIELD(rope_dims)},
};

#define BLK "blk.{l}."
#define HF "model.layers.{l}."

static const struct fox_arch_tensor tensors[] = {
    {FOX_R_TOKEN_EMBD, "token_embd.weight", "model.embed_tokens.weight", FOX_D_VOCAB, FOX_D_MODEL, 0},
    {FOX_R_ATTN_NORM, BLK "attn_norm.weight", HF "input_layernorm.weight", FOX_D_NONE, FOX_D_MODEL,
        FOX_T_KEEP_F32},
    {FOX_R_ATTN_Q, BLK "attn_q.weight", HF "self_attn.q_proj.weight", FOX_D_Q, FOX_D_MODEL, FOX_T_ROPE_Q},
    {FOX_R_ATTN_K, BLK "attn_k.weight", HF "self_attn.k_proj.weight", FOX_D_KV, FOX_D_MODEL, FOX_T_ROPE_K},
    {FOX_R_ATTN_V, BLK "attn_v.weight", HF "self_attn.v_proj.weight", FOX_D_KV, FOX_D_MODEL, 0},
    {FOX_R_ATTN_OUT, BLK "attn_output.weight", HF "self_attn.o_proj.weight", FOX_D_MODEL, FOX_D_Q, 0},
    {FOX_R_FFN_NORM, BLK "ffn_norm.weight", HF "post_attention_layernorm.weight", FOX_D_NONE, FOX_D_MODEL,
        FOX_T_KEEP_F32},
    {FOX_R_FFN_GATE, BLK "ffn_gate.weight", HF "mlp.gate_proj.weight", FOX_D_FF, FOX_D_MODEL, 0},
    {FOX_R_FFN_UP, BLK "ffn_up.weight", HF "mlp.up_proj.weight", FOX_D_FF, FOX_D_MODEL, 0},
    {FOX_R_FFN_DOWN, BLK "ffn_down.weight", HF "mlp.down_proj.weight", FOX_D_MODEL, FOX_D_FF, 0},
    {FOX_R_OUTPUT_NORM, "output_norm.weight", "model.norm.weight", FOX_D_NONE, FOX_D_MODEL, FOX_T_KEEP_F32},
    {FOX_R_OUTPUT, "output.weight", "lm_head.weight", FOX_D_VOCAB, FOX_D_MODEL, FOX_T_TIED_EMBED},
};

/* The first rule that is broken is the one told, so the more telling field stands first. */
static const struct fox_arch_rule rules[] = {
    /* weights that are not plain numbers; GPTQ, AWQ, bitsandbytes, compressed-tensors and MLX say so here */
    {"quantization_config.quant_method", "null"},
    {"quantization_config|compression_config|quantization", "null|{}"},
    /* the repository brings its own model code: whatever it computes, the class's name does not say */
    {"auto_map", "null|{}"},
    {"hidden_act", "silu|swish"},
    {"attention_bias|mlp_bias", "false|null"},
    {"rope_scaling.rope_type|rope_scaling.type|rope_parameters.rope_type|rope_parameters.type",
        "default|null"},
    {"rope_scaling.factor|rope_parameters.factor", "1|null"},
    {"partial_rotary_factor|rope_scaling.partial_rotary_factor|rope_parameters.partial_rotary_factor",
        "1|null"},
    {"rope_interleaved", "false|null"},
    {"layer_types", "[]|full_attention|null"},
    {"sliding_window", "null"},
    {"use_sliding_window", "false|null"},
    {"is_causal", "true|null"},
    {"is_encoder_decoder|add_cross_attention|tie_encoder_decoder", "false|null"},
    {"pruned_heads|per_layer_config", "{}|null"},
};

/* Fields that transformers writes into config.json, or popular tools add, and that no forward pass looks at.
 */
static const char ignored[] =
    /* where it came from, what with */
    "transformers_version|transformers.js_config|torch_dtype|dtype|_commit_hash|_from_model_config|unsloth_"
    "version|"
    "unsloth_fixed|is_llama_config|tokenizer_class|prefix|revision|trust_remote_code|"
    /* training */
    "initializer_range|attention_dropout|hidden_dropout|dropout|resid_pdrop|embd_pdrop|attn_pdrop|residual_"
    "dropout|"
    "embedding_dropout|mlp_dropout|hidden_dropout_prob|attention_probs_dropout_prob|classifier_dropout|"
    "gradient_checkpointing|neftune_noise_alpha|"
    /* how to compute the same thing; pretraining_tp splits matrix products and only reorders their sums */
    "use_cache|pretraining_tp|torchscript|use_bfloat16|tf_legacy_loss|chunk_size_feed_forward|_attn_"
    "implementation|"
    "_attn_implementation_autoset|_attn_implementation_internal|attn_implementation|experts_implementation|"
    "_experts_implementation|_experts_implementation_internal|_flash_attn_2_enabled|use_flash_attention|"
    "use_flash_attention_2|use_flash_attn|use_flashattn|use_sdpa|use_memory_efficient_attention|low_cpu_mem_"
    "usage|"
    /* what to return, and heads for other tasks */
    "return_dict|output_hidden_states|output_attentions|output_scores|return_dict_in_generate|tie_last_"
    "hidden_states|"
    "is_decoder|cross_attention_hidden_size|finetuning_task|task_specific_params|problem_type|id2label|"
    "label2id|"
    "num_labels|"
    /* lengths that LlamaForCausalLM does not read, and settings that a rope type of "default" does not */
    "max_sequence_length|model_max_length|rope_scaling.original_max_position_embeddings|"
    "rope_parameters.original_max_position_embeddings|"
    /* tokens */
    "sep_token_id|unk_token_id|cls_token_id|mask_token_id|decoder_start_token_id|forced_bos_token_id|"
    "forced_eos_token_id|suppress_tokens|begin_suppress_tokens|bad_words_ids|force_words_ids|stop_strings|"
    /* generation */
    "max_length|min_length|max_new_tokens|min_new_tokens|max_time|do_sample|early_stopping|num_beams|num_"
    "beam_groups|"
    "diversity_penalty|temperature|top_k|top_p|top_h|min_p|typical_p|epsilon_cutoff|eta_cutoff|repetition_"
    "penalty|"
    "encoder_repetition_penalty|length_penalty|no_repeat_ngram_size|encoder_no_repeat_ngram_size|"
    "num_return_sequences|output_logits|remove_invalid_values|exponential_decay_length_penalty|penalty_alpha|"
    "renormalize_logits|constraints|sequence_bias|guidance_scale|token_healing|watermarking_config|low_"
    "memory|"
    "cache_implementation|cache_config|max_cache_len|compile_config|disable_compile|prefill_chunk_size|"
    "continuous_batching_config|dola_layers|is_assistant|num_assistant_tokens|num_assistant_tokens_schedule|"
    "assistant_confidence_threshold|assistant_early_exit|assistant_ensemble_weight|assistant_lookbehind|"
    "target_lookbehind|prompt_lookup_num_tokens|max_matching_ngram_size|speculation_type|use_mtp";

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
    .ignored = ignored,
    .tied_default = false,
    .traits = {.rope = FOX_ROPE_PAIRS, .norm = FOX_NORM_RMS, .act = FOX_ACT_SILU, .gated = true},
};
