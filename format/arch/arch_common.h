/* arch_common.h - rows that most families share, private to arch/arch_*.c. Data only: a family's file says which rows
 * it has and in which order, which is that of llama.cpp's converter.
 *
 * K_*   keys (struct fox_arch_key); cfg: names in config.json
 * T_*   tensors (struct fox_arch_tensor) with the names that Llama gave to everybody
 * source: llama.cpp conversion/base.py, gguf-py tensor_mapping.py; transformers models/llama */
#ifndef FOX_ARCH_COMMON_H
#define FOX_ARCH_COMMON_H

#include "format/arch.h"

#define FIELD(f) offsetof(struct fox_hparams, f)

/* clang-format off */
#define K_BLOCKS(cfg) {.key = "{arch}.block_count", .type = FOX_K_U32, .field = FIELD(n_layers), .config = cfg, \
    .required = true, .key_required = true}
#define K_CTX(cfg, otherwise) {.key = "{arch}.context_length", .type = FOX_K_U32, .field = FIELD(n_ctx), .config = cfg, \
    .preset = otherwise, .required = !(otherwise), .key_required = true}
#define K_WIDTH(cfg) {.key = "{arch}.embedding_length", .type = FOX_K_U32, .field = FIELD(d_model), .config = cfg, \
    .required = true, .key_required = true}
#define K_FF(cfg, needed) {.key = "{arch}.feed_forward_length", .type = FOX_K_U32_LAYERS, .field = FIELD(d_ff), \
    .config = cfg, .required = needed, .key_required = true}
#define K_HEADS(cfg) {.key = "{arch}.attention.head_count", .type = FOX_K_U32_LAYERS, .field = FIELD(n_heads), \
    .config = cfg, .required = true, .key_required = true}
#define K_KV_HEADS(cfg) {.key = "{arch}.attention.head_count_kv", .type = FOX_K_U32_LAYERS, \
    .field = FIELD(n_kv_heads), .config = cfg}
#define K_RMS_EPS(cfg, otherwise) {.key = "{arch}.attention.layer_norm_rms_epsilon", .type = FOX_K_F32, \
    .field = FIELD(norm_eps), .config = cfg, .preset = otherwise, .key_required = true}
#define K_NORM_EPS(cfg, otherwise) {.key = "{arch}.attention.layer_norm_epsilon", .type = FOX_K_F32, \
    .field = FIELD(norm_eps), .config = cfg, .preset = otherwise, .key_required = true}
#define K_VOCAB_ONLY(cfg) {.key = NULL, .type = FOX_K_U32, .field = FIELD(n_vocab), .config = cfg, .required = true}

/* The base of the angles: in v4's spelling beside, in v5's inside the rotary settings. */
#define ROPE_THETA "rope_theta|rope_parameters.rope_theta|rope_parameters.full_attention.rope_theta|rope_scaling.rope_theta"
#define K_THETA {.key = "{arch}.rope.freq_base", .type = FOX_K_F32, .field = FIELD(rope_theta), .config = ROPE_THETA, \
    .preset = 10000}
/* llama.cpp's converter leaves it out for this family, since its reader's default fits. */
#define K_THETA_QUIET {.key = "{arch}.rope.freq_base", .type = FOX_K_F32, .field = FIELD(rope_theta), \
    .config = ROPE_THETA, .preset = 10000, .quiet = true}
#define K_KEY_LENGTH(cfg, otherwise) {.key = "{arch}.attention.key_length", .type = FOX_K_U32, .field = FIELD(head_dim), \
    .config = cfg, .preset = otherwise}
#define K_VALUE_LENGTH(cfg, otherwise) {.key = "{arch}.attention.value_length", .type = FOX_K_U32, \
    .field = FIELD(head_dim), .config = cfg, .preset = otherwise}
#define K_HEAD_DIM_IF_GIVEN \
    {.key = "{arch}.attention.key_length", .type = FOX_K_U32, .field = FIELD(head_dim), .config = "head_dim", \
        .optional_key = true}, \
    {.key = "{arch}.attention.value_length", .type = FOX_K_U32, .field = FIELD(head_dim), .config = "head_dim", \
        .optional_key = true}
#define K_ROPE_DIMS {.key = "{arch}.rope.dimension_count", .type = FOX_K_U32, .field = FIELD(rope_dims)}

/* Scaled rotary angles; see struct fox_rope. */
#define K_SCALING \
    {.key = "{arch}.rope.scaling.type", .type = FOX_K_ROPE_KIND, .field = FIELD(rope.kind), .quiet = true}, \
    {.key = "{arch}.rope.scaling.factor", .type = FOX_K_F32, .field = FIELD(rope.factor), .quiet = true}, \
    {.key = "{arch}.rope.scaling.original_context_length", .type = FOX_K_U32, .field = FIELD(rope.orig_ctx), \
        .quiet = true}, \
    {.key = "{arch}.rope.scaling.attn_factor", .type = FOX_K_F32, .field = FIELD(rope.attn_factor), .quiet = true}, \
    {.key = "{arch}.rope.scaling.yarn_beta_fast", .type = FOX_K_F32, .field = FIELD(rope.beta_fast), .quiet = true}, \
    {.key = "{arch}.rope.scaling.yarn_beta_slow", .type = FOX_K_F32, .field = FIELD(rope.beta_slow), .quiet = true}
#define K_WINDOW \
    {.key = "{arch}.attention.sliding_window", .type = FOX_K_U32, .field = FIELD(window), .quiet = true, \
        .zero_key = true}, \
    {.key = "{arch}.attention.sliding_window_pattern", .type = FOX_K_WINDOWED, .field = FIELD(windowed), .quiet = true}

/* Where queries are not scaled by head_dim^-1/2. */
#define K_ATTN_SCALE {.key = "{arch}.attention.scale", .type = FOX_K_F32, .field = FIELD(attn_scale), .quiet = true}

#define BLK "blk.{l}."
#define HF "model.layers.{l}."
#define T_EMBD {FOX_R_TOKEN_EMBD, "token_embd.weight", "model.embed_tokens.weight", FOX_D_VOCAB, FOX_D_MODEL, 0}
#define T_ROPE_FREQS {FOX_R_ROPE_FREQS, "rope_freqs.weight", NULL, FOX_D_NONE, FOX_D_ROPE_PAIRS, FOX_T_MADE | FOX_T_KEEP_F32}
#define T_ROPE_LONG {FOX_R_ROPE_LONG, "rope_factors_long.weight", NULL, FOX_D_NONE, FOX_D_ROPE_PAIRS, \
    FOX_T_MADE | FOX_T_KEEP_F32}
#define T_ROPE_SHORT {FOX_R_ROPE_SHORT, "rope_factors_short.weight", NULL, FOX_D_NONE, FOX_D_ROPE_PAIRS, \
    FOX_T_MADE | FOX_T_KEEP_F32}
/* a vector of d_model that stays f32; how: FOX_T_ADD_ONE for Gemma */
#define T_NORM(role, name, hf, how) {role, name, hf, FOX_D_NONE, FOX_D_MODEL, FOX_T_KEEP_F32 | (how)}
#define T_ATTN_NORM(how) T_NORM(FOX_R_ATTN_NORM, BLK "attn_norm.weight", HF "input_layernorm.weight", how)
#define T_Q(how) {FOX_R_ATTN_Q, BLK "attn_q.weight", HF "self_attn.q_proj.weight", FOX_D_Q, FOX_D_MODEL, how}
#define T_K(how) {FOX_R_ATTN_K, BLK "attn_k.weight", HF "self_attn.k_proj.weight", FOX_D_KV, FOX_D_MODEL, how}
#define T_V {FOX_R_ATTN_V, BLK "attn_v.weight", HF "self_attn.v_proj.weight", FOX_D_KV, FOX_D_MODEL, 0}
#define T_Q_B(how) {FOX_R_ATTN_Q_B, BLK "attn_q.bias", HF "self_attn.q_proj.bias", FOX_D_NONE, FOX_D_Q, how}
#define T_K_B(how) {FOX_R_ATTN_K_B, BLK "attn_k.bias", HF "self_attn.k_proj.bias", FOX_D_NONE, FOX_D_KV, how}
#define T_V_B(how) {FOX_R_ATTN_V_B, BLK "attn_v.bias", HF "self_attn.v_proj.bias", FOX_D_NONE, FOX_D_KV, how}
#define T_OUT {FOX_R_ATTN_OUT, BLK "attn_output.weight", HF "self_attn.o_proj.weight", FOX_D_MODEL, FOX_D_Q, 0}
#define T_Q_NORM(dim, how) {FOX_R_ATTN_Q_NORM, BLK "attn_q_norm.weight", HF "self_attn.q_norm.weight", FOX_D_NONE, dim, \
    FOX_T_KEEP_F32 | (how)}
#define T_K_NORM(dim, how) {FOX_R_ATTN_K_NORM, BLK "attn_k_norm.weight", HF "self_attn.k_norm.weight", FOX_D_NONE, dim, \
    FOX_T_KEEP_F32 | (how)}
#define T_FFN_NORM(hf, how) T_NORM(FOX_R_FFN_NORM, BLK "ffn_norm.weight", HF hf, how)
#define T_FFN \
    {FOX_R_FFN_GATE, BLK "ffn_gate.weight", HF "mlp.gate_proj.weight", FOX_D_FF, FOX_D_MODEL, 0}, \
    {FOX_R_FFN_UP, BLK "ffn_up.weight", HF "mlp.up_proj.weight", FOX_D_FF, FOX_D_MODEL, 0}, \
    {FOX_R_FFN_DOWN, BLK "ffn_down.weight", HF "mlp.down_proj.weight", FOX_D_MODEL, FOX_D_FF, 0}
#define T_OUTPUT_NORM(how) T_NORM(FOX_R_OUTPUT_NORM, "output_norm.weight", "model.norm.weight", how)
#define T_OUTPUT {FOX_R_OUTPUT, "output.weight", "lm_head.weight", FOX_D_VOCAB, FOX_D_MODEL, FOX_T_TIED_EMBED}

/* Rules of every family. The first rule that is broken is the one told, so the more telling field stands first. */
#define R_PLAIN \
    /* weights that are not plain numbers; GPTQ, AWQ, bitsandbytes, compressed-tensors and MLX say so here */ \
    {"quantization_config.quant_method", "null"}, \
    {"quantization_config|compression_config|quantization", "null|{}"}
/* the repository brings its own model code: whatever it computes, the class's name does not say */
#define R_NO_CODE {"auto_map", "null|{}"}
#define R_DECODER \
    {"rope_interleaved", "false|null"}, \
    {"is_causal", "true|null"}, \
    {"is_encoder_decoder|add_cross_attention|tie_encoder_decoder", "false|null"}, \
    {"pruned_heads|per_layer_config", "{}|null"}

/* Fields that say where rotary angles scale and which layers have a window: judged by value, each by one file of
 * converter and verifier (hf_rope.c, hf_window.c, ver_rope.c). */
#define ROPE_FIELDS "rope_scaling|rope_parameters|partial_rotary_factor|rope_pct|original_max_position_embeddings|" \
    "rope_local_base_freq"
#define WINDOW_FIELDS "sliding_window|use_sliding_window|max_window_layers|layer_types|sliding_window_pattern|" \
    "_sliding_window_pattern"

/* Fields that transformers writes into config.json, or popular tools add, and that no forward pass looks at. */
#define IGNORED \
    /* where it came from, what with */ \
    "transformers_version|transformers.js_config|torch_dtype|dtype|_commit_hash|_from_model_config|" \
    "unsloth_version|unsloth_fixed|is_llama_config|tokenizer_class|prefix|revision|trust_remote_code|" \
    /* training */ \
    "initializer_range|attention_dropout|hidden_dropout|dropout|resid_pdrop|embd_pdrop|attn_pdrop|" \
    "residual_dropout|embedding_dropout|mlp_dropout|hidden_dropout_prob|attention_probs_dropout_prob|" \
    "classifier_dropout|gradient_checkpointing|neftune_noise_alpha|" \
    /* how to compute the same thing; pretraining_tp splits matrix products and only reorders their sums */ \
    "use_cache|pretraining_tp|torchscript|use_bfloat16|tf_legacy_loss|chunk_size_feed_forward|" \
    "_attn_implementation|_attn_implementation_autoset|_attn_implementation_internal|attn_implementation|" \
    "experts_implementation|_experts_implementation|_experts_implementation_internal|" \
    "_flash_attn_2_enabled|use_flash_attention|use_flash_attention_2|use_flash_attn|use_flashattn|" \
    "use_sdpa|use_memory_efficient_attention|low_cpu_mem_usage|" \
    /* what to return, and heads for other tasks */ \
    "return_dict|output_hidden_states|output_attentions|output_scores|return_dict_in_generate|" \
    "tie_last_hidden_states|is_decoder|cross_attention_hidden_size|finetuning_task|task_specific_params|" \
    "problem_type|id2label|label2id|num_labels|" \
    /* lengths that no family reads */ \
    "max_sequence_length|model_max_length|" \
    /* tokens */ \
    "sep_token_id|unk_token_id|cls_token_id|mask_token_id|decoder_start_token_id|forced_bos_token_id|" \
    "forced_eos_token_id|suppress_tokens|begin_suppress_tokens|bad_words_ids|force_words_ids|" \
    "stop_strings|" \
    /* generation */ \
    "max_length|min_length|max_new_tokens|min_new_tokens|max_time|do_sample|early_stopping|num_beams|" \
    "num_beam_groups|diversity_penalty|temperature|top_k|top_p|top_h|min_p|typical_p|epsilon_cutoff|" \
    "eta_cutoff|repetition_penalty|encoder_repetition_penalty|length_penalty|no_repeat_ngram_size|" \
    "encoder_no_repeat_ngram_size|num_return_sequences|output_logits|remove_invalid_values|" \
    "exponential_decay_length_penalty|penalty_alpha|renormalize_logits|constraints|sequence_bias|" \
    "guidance_scale|token_healing|watermarking_config|low_memory|cache_implementation|cache_config|" \
    "max_cache_len|compile_config|disable_compile|prefill_chunk_size|continuous_batching_config|" \
    "dola_layers|is_assistant|num_assistant_tokens|num_assistant_tokens_schedule|" \
    "assistant_confidence_threshold|assistant_early_exit|assistant_ensemble_weight|assistant_lookbehind|" \
    "target_lookbehind|prompt_lookup_num_tokens|max_matching_ngram_size|speculation_type|use_mtp"
/* clang-format on */

#endif
