"""What each family's tiny checkpoint is: config.json as its publisher spells it, stored type, tokenizer.

Sizes are awkward on purpose: uneven GQA, head sizes that are not hidden / heads, odd layer counts, windows and original
contexts shorter than the prompt, rows of padding in embeddings.
  config      config.json; vocab_size is padding rows more than the tokenizer has, where that occurs
  dtype       of the stored weights
  tokenizer   (function of families_tok.py, size, more arguments); a name: that folder's
  seed        another family's, to get its weights
  n           ids in the reference; short: ids of a second one, reference_short.npz
  traits      which traits to take away for the sensitivities (make_families.py)
"""
from families_tok import FOX_CHAT


def llama(layers=3, hidden=32, heads=4, kv=1, d_ff=96, vocab=336, **more):
    c = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": hidden, "intermediate_size": d_ff,
         "num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": kv, "vocab_size": vocab,
         "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "rope_scaling": None, "hidden_act": "silu",
         "attention_bias": False, "attention_dropout": 0.0, "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2,
         "torch_dtype": "bfloat16", "use_cache": True, "initializer_range": 0.02, "pretraining_tp": 1,
         "transformers_version": "4.39.3"}
    c.update(more)
    return {k: v for k, v in c.items() if v != "absent"}


def gemma(kind, cls, heads, kv, layers=3, d_ff=96, **more):
    c = llama(layers, 32, heads, kv, d_ff, 352, architectures=[cls], model_type=kind, head_dim=16, rms_norm_eps=1e-6,
              bos_token_id=2, eos_token_id=1, pad_token_id=0, hidden_act="absent", pretraining_tp="absent",
              tie_word_embeddings="absent", hidden_activation="gelu_pytorch_tanh")
    c.update(more)
    return {k: v for k, v in c.items() if v != "absent"}


def gemma2(layers, query_scalar):
    return gemma("gemma2", "Gemma2ForCausalLM", 4, 2, layers, attn_logit_softcapping=5.0, final_logit_softcapping=3.0,
                 cache_implementation="hybrid", hidden_act="gelu_pytorch_tanh", query_pre_attn_scalar=query_scalar, sliding_window=8,
                 rope_scaling="absent")


def qwen2(**more):
    return llama(architectures=["Qwen2ForCausalLM"], model_type="qwen2", vocab=344, rope_theta=1000000.0, rope_scaling="absent",
                 rms_norm_eps=1e-6, bos_token_id=328, eos_token_id=328, attention_bias="absent", pretraining_tp="absent",
                 sliding_window=8, transformers_version="4.37.0", **more)


def qwen3(heads, kv, head_dim, **more):
    return llama(3, 32, heads, kv, 96, 344, architectures=["Qwen3ForCausalLM"], model_type="qwen3", head_dim=head_dim,
                 rope_theta=1000000, rms_norm_eps=1e-6, bos_token_id=328, eos_token_id=330, pretraining_tp="absent",
                 tie_word_embeddings=True, sliding_window=None, use_sliding_window=False, max_window_layers=3,
                 transformers_version="4.51.0", **more)


def stablelm(hidden, heads, kv, d_ff, **more):
    return llama(3, hidden, heads, kv, d_ff, 336, architectures=["StableLmForCausalLM"], model_type="stablelm",
                 layer_norm_eps=1e-5, rms_norm_eps="absent", rope_theta=10000, rope_scaling="absent", partial_rotary_factor=0.25,
                 use_qkv_bias=True, attention_bias="absent", pretraining_tp="absent", bos_token_id=328, eos_token_id=328,
                 torch_dtype="float16", transformers_version="4.38.0", **more)


def phi3(heads, kv, **more):
    return llama(3, 32, heads, kv, 96, 352, architectures=["Phi3ForCausalLM"], model_type="phi3", embd_pdrop=0.0, resid_pdrop=0.0,
                 eos_token_id=336, pad_token_id=336, pretraining_tp="absent", original_max_position_embeddings=16,
                 transformers_version="4.40.2", **more)


def bloom(layers, **more):
    return {"apply_residual_connection_post_layernorm": False, "architectures": ["BloomForCausalLM"], "attention_dropout": 0.0,
            "attention_softmax_in_fp32": True, "bias_dropout_fusion": True, "bos_token_id": 1, "eos_token_id": 2,
            "hidden_dropout": 0.0, "initializer_range": 0.02, "layer_norm_epsilon": 1e-5, "masked_softmax_fusion": True,
            "model_type": "bloom", "n_inner": None, "n_layer": layers, "offset_alibi": 100, "pad_token_id": 3, "pretraining_tp": 1,
            "seq_length": 64, "skip_bias_add": True, "skip_bias_add_qkv": False, "slow_but_exact": False,
            "torch_dtype": "float16", "transformers_version": "4.20.0", "unk_token_id": 0, "use_cache": True, "vocab_size": 336,
            **more}


LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
          "original_max_position_embeddings": 32}
LLAMA3_SIZES = dict(hidden=64, heads=4, kv=1, d_ff=32, vocab=333, max_position_embeddings=256, mlp_bias=False, head_dim=16,
                    tie_word_embeddings=True, bos_token_id=328, eos_token_id=329)
GEMMA3 = dict(layers=7, d_ff=64, attn_logit_softcapping=None, final_logit_softcapping=None, query_pre_attn_scalar=16,
              sliding_window=8, cache_implementation="hybrid")

FAMILIES = {
    "fox1": dict(
        config=llama(3, 32, 8, 2, 64, 352, tie_word_embeddings=True), tokenizer=("gemma", 352),
        generation={"_from_model_config": True, "bos_token_id": 1, "eos_token_id": 2, "transformers_version": "4.39.3"},
        traits=["rope", "kv"]),
    "fox1_instruct": dict(
        config=llama(3, 32, 4, 1, 64, 352, tie_word_embeddings=True), tokenizer=("gemma", 352, "LlamaTokenizer", FOX_CHAT),
        generation={"_from_model_config": True, "bos_token_id": 1, "eos_token_id": 2, "transformers_version": "4.39.3"},
        lm_head_copy=True, traits=["rope"]),
    "gemma": dict(
        config=gemma("gemma", "GemmaForCausalLM", 3, 1, hidden_act="gelu", hidden_activation=None), tokenizer=("gemma", 352),
        traits=["norm_add", "embed_scale", "act"]),
    "gemma2": dict(
        config=gemma2(3, 16), tokenizer=("gemma", 352), traits=["windows", "attn_cap", "logit_cap", "norm_add"]),
    "gemma3": dict(
        config=gemma("gemma3_text", "Gemma3ForCausalLM", 4, 1, **GEMMA3, rope_theta="absent", rope_scaling="absent",
                     torch_dtype="absent", dtype="bfloat16", layer_types=["sliding_attention"] * 5 + ["full_attention", "sliding_attention"],
                     rope_parameters={"full_attention": {"rope_theta": 1000000.0, "rope_type": "default"},
                                      "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"}},
                     tie_word_embeddings=True, use_bidirectional_attention=False, transformers_version="5.0.0"),
        tokenizer=("gemma", 352), traits=["windows", "qk_norm", "rope_global", "rope_local", "norm_add"]),
    "llama2": dict(
        config=llama(3, 32, 4, 4, 96, rope_scaling={"factor": 2.0, "type": "linear"}, transformers_version="4.31.0"),
        tokenizer=("llama_spm", 336), traits=["scaling"]),
    "mistral": dict(
        config=llama(3, 32, 6, 2, 96, architectures=["MistralForCausalLM"], model_type="mistral", head_dim=16, sliding_window=8,
                     rope_scaling="absent", attention_bias="absent", pretraining_tp="absent", transformers_version="4.34.0"),
        tokenizer=("llama_spm", 336, True), traits=["windows"]),
    "qwen2": dict(
        config=qwen2(kv=2, use_sliding_window=False, max_window_layers=2), tokenizer=("qwen", 72), padding=13,
        generation={"bos_token_id": 328, "eos_token_id": [330, 328], "max_new_tokens": 2048, "transformers_version": "4.37.0"},
        traits=["window_on", "qkv_bias"]),
    "stablelm": dict(
        config=stablelm(64, 2, 1, 32), dtype="float16", tokenizer=("stablelm", 72), padding=2,
        traits=["partial", "parallel", "qkv_bias", "mean"]),
    "openelm": dict(
        config={"activation_fn_name": "swish", "architectures": ["OpenELMForCausalLM"],
                "auto_map": {"AutoConfig": "configuration_openelm.OpenELMConfig", "AutoModelForCausalLM": "modeling_openelm.OpenELMForCausalLM"},
                "bos_token_id": 1, "eos_token_id": 2, "ffn_dim_divisor": 32, "ffn_multipliers": [0.5, 1.0, 1.7], "ffn_with_glu": True,
                "head_dim": 8, "initializer_range": 0.02, "max_context_length": 64, "model_dim": 64, "model_type": "openelm",
                "normalization_layer_name": "rms_norm", "normalize_qk_projections": True, "num_gqa_groups": 2,
                "num_kv_heads": [2, 3, 4], "num_query_heads": [4, 6, 8], "num_transformer_layers": 3, "qkv_multipliers": [0.5, 1.0],
                "rope_freq_constant": 10000, "rope_max_length": 128, "share_input_output_layers": True, "torch_dtype": "bfloat16",
                "transformers_version": "4.39.3", "use_cache": True, "vocab_size": 336},
        tokenizer="openelm_tokenizer", traits=["qk_norm", "rope"]),
    "openelm_tokenizer": dict(tokenizer=("bare_spm", 336)),
    "qwen3": dict(config=qwen3(6, 2, 16), tokenizer=("qwen", 72), padding=13, traits=["qk_norm"]),
    "phi3": dict(config=phi3(4, 2, sliding_window=8), tokenizer=("phi3", 336), padding=5, traits=["windows"]),
    "olmo2": dict(
        config=llama(3, 32, 4, 2, 96, 336, architectures=["Olmo2ForCausalLM"], model_type="olmo2", rope_theta=500000, rms_norm_eps=1e-6,
                     bos_token_id="absent", eos_token_id=328, pad_token_id=333, pretraining_tp="absent", transformers_version="4.47.0"),
        tokenizer=("olmo2", 72), padding=2, traits=["qk_norm", "pre_norm"]),
    "bloom": dict(
        config=bloom(3, hidden_size=48, n_head=6), dtype="float16", tokenizer=("bloom", 72), padding=4,
        traits=["alibi", "alibi_power", "embed_norm"]),
    "gpt2": dict(
        config={"activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.1, "bos_token_id": 328,
                "embd_pdrop": 0.1, "eos_token_id": 328, "initializer_range": 0.02, "layer_norm_epsilon": 1e-5, "model_type": "gpt2",
                "n_ctx": 48, "n_embd": 32, "n_head": 4, "n_layer": 3, "n_positions": 48, "resid_pdrop": 0.1,
                "summary_activation": None, "summary_first_dropout": 0.1, "summary_proj_to_labels": True,
                "summary_type": "cls_index", "summary_use_proj": True,
                "task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}}, "vocab_size": 329},
        dtype="float32", n=36, tokenizer=("gpt2", 72), traits=["positions", "act"]),
    "gemma3_linear": dict(
        config=gemma("gemma3_text", "Gemma3ForCausalLM", 4, 1, **GEMMA3, rope_theta=1000000, rope_local_base_freq=10000,
                     rope_scaling={"factor": 8.0, "rope_type": "linear"}, sliding_window_pattern=6, transformers_version="4.50.0"),
        tokenizer=("gemma", 352), traits=["scaling", "rope_local"]),
    "qwen2_window": dict(
        config=qwen2(hidden=64, d_ff=32, use_sliding_window=True, max_window_layers=1, tie_word_embeddings=True),
        tokenizer=("qwen", 72), padding=13, traits=["windows", "qkv_bias"]),
    "stablelm_parallel": dict(
        config=stablelm(32, 2, 2, 96, use_parallel_residual=True, qk_layernorm=False), dtype="float16", tokenizer=("stablelm", 72),
        padding=2, traits=["parallel", "partial"]),
    "llama3": dict(
        config=llama(**LLAMA3_SIZES, rope_scaling=LLAMA3, transformers_version="4.45.0"),
        tokenizer=("llama3", 72), traits=["scaling", "scaling_smooth"],
        generation={"bos_token_id": 328, "do_sample": True, "eos_token_id": 329, "temperature": 0.6, "top_p": 0.9, "transformers_version": "4.45.0"}),
    "llama3_v5": dict(
        config=llama(**LLAMA3_SIZES, rope_theta="absent", rope_scaling="absent", torch_dtype="absent", dtype="bfloat16",
                     rope_parameters={**LLAMA3, "rope_theta": 10000.0}, transformers_version="5.0.0"),
        tokenizer=("llama3", 72), seed="llama3", traits=["scaling"]),
    "llama_yarn": dict(
        config=llama(3, 64, 2, 1, 32, tie_word_embeddings=True,
                     rope_scaling={"factor": 4.0, "original_max_position_embeddings": 16, "rope_type": "yarn"}),
        tokenizer=("llama_spm", 336, True), traits=["scaling", "rope_factor"]),
    "llama_bias": dict(
        config=llama(3, 32, 4, 2, 96, attention_bias=True, mlp_bias=True, head_dim=16), tokenizer=("llama_spm", 336, True),
        traits=["qkv_bias", "o_bias", "mlp_bias"]),
    "smollm2": dict(
        config=llama(3, 64, 4, 1, 32, 333, tie_word_embeddings=True, rope_theta=100000, bos_token_id=0, eos_token_id=0, pad_token_id=2,
                     is_llama_config=True, rope_interleaved=False),
        tokenizer=("smollm", 72), traits=["rope"]),
    "qwen3_yarn": dict(
        config=qwen3(3, 1, 32, max_position_embeddings=96,
                     rope_scaling={"factor": 4.0, "original_max_position_embeddings": 24, "rope_type": "yarn"}),
        tokenizer=("qwen", 72), padding=13, traits=["scaling", "rope_factor"]),
    "phi3_longrope": dict(
        config=phi3(2, 1, sliding_window=262144,
                    rope_scaling={"long_factor": [1.0299, 1.05, 1.3008, 2.0911, 4.1703, 8.6701, 17.42, 32.91],
                                  "short_factor": [1.0, 1.02, 1.1, 1.25, 1.47, 1.7305, 2.2, 2.79], "type": "longrope"}),
        tokenizer=("phi3", 336), padding=5, short=14, traits=["scaling", "rope_factor", "short_factors"]),
    "gemma2_scale": dict(config=gemma2(1, 24), tokenizer=("gemma", 352), traits=["score_scale", "windows"]),
    "bloom_prefix": dict(
        config=bloom(1, n_embed=48, num_attention_heads=6), dtype="float16", tokenizer=("bloom", 72), padding=4, n=20, prefix="transformer.",
        traits=["alibi"]),
}
