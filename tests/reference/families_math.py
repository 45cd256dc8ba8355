"""The families' forward pass in numpy float64, written from their published maths and not from transformers' code.

It is the second opinion on every reference that make_families.py writes, the only opinion on OpenELM's, and what the
sensitivities are measured with: Traits says all that differs between families, so a trait can be taken away and the
logits compared.
"""
import dataclasses
import math
import re

import numpy as np


@dataclasses.dataclass
class Traits:
    n_layers: int
    n_heads: list  # per layer
    n_kv_heads: list
    head_dim: int
    eps: float
    layer_norm: bool = False  # mean-subtracting, with bias; else RMS
    norm_add: float = 0.0  # added to norm weights
    embed_scale: float = 1.0
    score_scale: float = 0.0  # 0: 1/sqrt(head_dim)
    windows: list = None  # per layer: keys that a query sees, itself among them; None: all before it
    attn_cap: float = None
    logit_cap: float = None
    rope: list = None  # per layer: (inverse frequencies, factor on cos and sin); rotates the first 2 * len dimensions
    qk_norm: str = None  # "head": each head alone; "full": the whole width
    act: str = "silu"
    parallel: bool = False  # attention and MLP read the same normalised input
    alibi: list = None  # slope of each head


def silu(x):
    return x / (1 + np.exp(-x))


def gelu(x):  # the tanh approximation
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def gelu_bloom(x):  # BLOOM's code has sqrt(2 / pi) in eight digits
    return 0.5 * x * (1 + np.tanh(0.79788456 * (x + 0.044715 * x**3)))


ACTS = {"silu": silu, "gelu": gelu, "gelu_bloom": gelu_bloom}


def norm(t, x, w, name):
    if name + ".weight" not in w:
        return x
    weight = w[name + ".weight"] + t.norm_add
    if t.layer_norm:
        x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + t.eps) * weight + w.get(name + ".bias", 0)


def linear(x, w, name):
    return x @ w[name + ".weight"].T + w.get(name + ".bias", 0)


def rotate(x, rope):
    """x [n, heads, head_dim]: dimension i of the first half of the rotated ones turns with its fellow of the second."""
    freqs, factor = rope
    half = len(freqs)
    angle = np.arange(len(x))[:, None, None] * np.asarray(freqs)
    c, s = np.cos(angle) * factor, np.sin(angle) * factor
    a, b = x[..., :half], x[..., half : 2 * half]
    return np.concatenate([a * c - b * s, b * c + a * s, x[..., 2 * half :]], -1)


def attention(t, x, w, layer):
    n, d = len(x), t.head_dim
    heads, kv = t.n_heads[layer], t.n_kv_heads[layer]
    q, k, v = (linear(x, w, name) for name in ("q", "k", "v"))
    if t.qk_norm == "full":
        q, k = norm(t, q, w, "q_norm"), norm(t, k, w, "k_norm")
    q, k, v = q.reshape(n, heads, d), k.reshape(n, kv, d), v.reshape(n, kv, d)
    if t.qk_norm == "head":
        q, k = norm(t, q, w, "q_norm"), norm(t, k, w, "k_norm")
    if t.rope:
        q, k = rotate(q, t.rope[layer]), rotate(k, t.rope[layer])
    i, j = np.arange(n)[:, None], np.arange(n)[None]
    seen = j <= i
    if t.windows and t.windows[layer] is not None:
        seen &= i - j < t.windows[layer]
    out = np.empty((n, heads, d))
    for h in range(heads):
        g = h // (heads // kv)
        score = q[:, h] @ k[:, g].T * (t.score_scale or 1 / math.sqrt(d))
        if t.attn_cap:
            score = t.attn_cap * np.tanh(score / t.attn_cap)
        if t.alibi:
            score = score + t.alibi[h] * (j - i)
        score = np.where(seen, score, -np.inf)
        p = np.exp(score - score.max(-1, keepdims=True))
        out[:, h] = p / p.sum(-1, keepdims=True) @ v[:, g]
    return linear(out.reshape(n, heads * d), w, "o")


def mlp(t, x, w):
    act = ACTS[t.act]
    if "gate.weight" in w:
        return linear(act(linear(x, w, "gate")) * linear(x, w, "up"), w, "down")
    return linear(act(linear(x, w, "up")), w, "down")


def forward(t, w, ids):
    """Logits and the residual stream after each layer. A norm that w lacks is none: OLMo-2 has no norm before a
    block, Llama none after it."""
    x = w["embed.weight"][ids] * t.embed_scale
    if "positions.weight" in w:
        x = x + w["positions.weight"][: len(ids)]
    x = norm(t, x, w, "embed_norm")
    hidden = []
    for layer in range(t.n_layers):
        lw = w["layers"][layer]
        first = norm(t, x, lw, "norm1")
        a = norm(t, attention(t, first, lw, layer), lw, "post1")
        second = first if t.parallel else norm(t, x + a, lw, "norm2")
        x = x + a + norm(t, mlp(t, second, lw), lw, "post2")
        hidden.append(x)
    logits = linear(norm(t, x, w, "final"), w, "head")
    if t.logit_cap:
        logits = t.logit_cap * np.tanh(logits / t.logit_cap)
    return logits, np.stack(hidden)


def yarn_frequencies(base, r, dim, c):
    """Dimensions that turn more than beta_fast times in the original context stay, those under beta_slow are
    stretched by the factor, those between are mixed linearly in the dimension's number."""
    span = r["original_max_position_embeddings"]
    edge = [dim * math.log(span / (beta * 2 * math.pi)) / (2 * math.log(base))
            for beta in (r.get("beta_fast", 32), r.get("beta_slow", 1))]
    low, high = max(math.floor(edge[0]), 0), min(math.ceil(edge[1]), dim - 1)
    out = []
    for i in range(dim // 2):
        f = base ** (-2 * i / dim)
        stretched = min(max((i - low) / (max(high - low, 0.001)), 0), 1)
        out.append(f / r["factor"] * stretched + f * (1 - stretched))
    return out, 0.1 * math.log(r["factor"]) + 1


def llama3_frequencies(base, r, dim, c):
    out = []
    for i in range(dim // 2):
        f = base ** (-2 * i / dim)
        turns = r["original_max_position_embeddings"] * f / (2 * math.pi)
        s = (turns - r["low_freq_factor"]) / (r["high_freq_factor"] - r["low_freq_factor"])
        s = min(max(s, 0), 1)
        out.append(f * ((1 - s) / r["factor"] + s))
    return out, 1.0


def longrope_frequencies(base, r, dim, c, n):
    span = c["original_max_position_embeddings"]
    factors = r["long_factor" if n > span else "short_factor"]
    stretch = c["max_position_embeddings"] / span
    return ([base ** (-2 * i / dim) / factors[i] for i in range(dim // 2)],
            math.sqrt(1 + math.log(stretch) / math.log(span)) if stretch > 1 else 1.0)


def frequencies(base, r, dim, c, n):
    kind = (r or {}).get("rope_type", (r or {}).get("type", "default"))
    if kind in ("default", "linear"):
        factor = r["factor"] if kind == "linear" else 1
        return [base ** (-2 * i / dim) / factor for i in range(dim // 2)], 1.0
    if kind == "longrope":
        return longrope_frequencies(base, r, dim, c, n)
    return {"yarn": yarn_frequencies, "llama3": llama3_frequencies}[kind](base, r, dim, c)


def rope_of(c, windows, n, dim):
    params = c.get("rope_parameters")
    if params and "full_attention" in params:  # one set for each kind of layer
        return [frequencies(p["rope_theta"], p, dim, c, n)
                for p in (params["full_attention" if w is None else "sliding_attention"] for w in windows)]
    base = params["rope_theta"] if params else c.get("rope_theta", 10000.0)
    everywhere = frequencies(base, params or c.get("rope_scaling"), dim, c, n)
    if c["model_type"] != "gemma3_text":
        return [everywhere] * len(windows)
    local = frequencies(c["rope_local_base_freq"], None, dim, c, n)
    return [everywhere if w is None else local for w in windows]


def windows_of(c, n_layers):
    kind, window = c["model_type"], c.get("sliding_window")
    if kind in ("mistral", "phi3"):
        return [window] * n_layers
    if kind == "qwen2" and c.get("use_sliding_window"):
        return [window if i >= c["max_window_layers"] else None for i in range(n_layers)]
    if "layer_types" in c:
        return [window if k == "sliding_attention" else None for k in c["layer_types"]]
    if kind == "gemma2":
        return [None if i % 2 else window for i in range(n_layers)]
    if kind == "gemma3_text":
        return [window if (i + 1) % c["sliding_window_pattern"] else None for i in range(n_layers)]
    return [None] * n_layers


def alibi_slopes(heads):
    """2^(-8k/p) for k = 1 to p, the largest power of two not above the count; then 2^(-8k/2p) for odd k."""
    p = 1 << (heads.bit_length() - 1)
    return [2 ** (-8 * k / p) for k in range(1, p + 1)] + [2 ** (-4 * k / p) for k in range(1, 2 * (heads - p), 2)]


def traits_of(c, n):
    """Traits out of config.json, for a prompt of n ids (longrope looks at it)."""
    kind = c["model_type"]
    if kind == "openelm":
        t = Traits(c["num_transformer_layers"], c["num_query_heads"], c["num_kv_heads"], c["head_dim"], 1e-6, qk_norm="head")
        t.rope = [frequencies(c["rope_freq_constant"], None, t.head_dim, c, n)] * t.n_layers
        t.windows = [None] * t.n_layers
        return t
    layers = c.get("num_hidden_layers", c.get("n_layer"))
    heads = c.get("num_attention_heads", c.get("n_head"))
    hidden = next(c[k] for k in ("hidden_size", "n_embd", "n_embed") if k in c)
    eps = next(c[k] for k in ("rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon") if k in c)
    t = Traits(layers, [heads] * layers, [c.get("num_key_value_heads", heads)] * layers,
               c.get("head_dim") or hidden // heads, eps)
    t.windows = windows_of(c, layers)
    if kind in ("stablelm", "bloom", "gpt2"):
        t.layer_norm = True
    if kind == "bloom":
        t.alibi, t.act = alibi_slopes(heads), "gelu_bloom"
    elif kind == "gpt2":
        t.act = "gelu"
    else:
        partial = c.get("partial_rotary_factor", 1.0)
        t.rope = rope_of(c, t.windows, n, int(t.head_dim * partial))
    if kind.startswith("gemma"):
        t.norm_add, t.embed_scale, t.act = 1.0, math.sqrt(hidden), "gelu"
        if "query_pre_attn_scalar" in c:
            t.score_scale = c["query_pre_attn_scalar"] ** -0.5
    t.attn_cap, t.logit_cap = c.get("attn_logit_softcapping"), c.get("final_logit_softcapping")
    t.qk_norm = {"qwen3": "head", "gemma3_text": "head", "olmo2": "full"}.get(kind)
    t.parallel = c.get("use_parallel_residual", False)
    return t


LLAMA = {
    "self_attn.q_proj": "q", "self_attn.k_proj": "k", "self_attn.v_proj": "v", "self_attn.o_proj": "o",
    "self_attn.q_norm": "q_norm", "self_attn.k_norm": "k_norm", "mlp.gate_proj": "gate", "mlp.up_proj": "up",
    "mlp.down_proj": "down", "input_layernorm": "norm1", "post_attention_layernorm": "norm2",
}
FOUR_NORMS = dict(LLAMA, post_attention_layernorm="post1", pre_feedforward_layernorm="norm2", post_feedforward_layernorm="post2")
NAMES = {
    "gemma2": FOUR_NORMS,
    "gemma3_text": FOUR_NORMS,
    "olmo2": dict(LLAMA, post_attention_layernorm="post1", post_feedforward_layernorm="post2"),
    "phi3": dict(LLAMA, **{"self_attn.qkv_proj": "qkv", "mlp.gate_up_proj": "gate_up"}),
    "openelm": {"attn_norm": "norm1", "attn.qkv_proj": "qkv", "attn.q_norm": "q_norm", "attn.k_norm": "k_norm",
                "attn.out_proj": "o", "ffn_norm": "norm2", "ffn.proj_1": "gate_up", "ffn.proj_2": "down"},
    "bloom": {"input_layernorm": "norm1", "self_attention.query_key_value": "qkv_heads", "self_attention.dense": "o",
              "post_attention_layernorm": "norm2", "mlp.dense_h_to_4h": "up", "mlp.dense_4h_to_h": "down"},
    "gpt2": {"ln_1": "norm1", "attn.c_attn": "qkv", "attn.c_proj": "o", "ln_2": "norm2", "mlp.c_fc": "up",
             "mlp.c_proj": "down", "attn": None},
}
TOP = {
    "embed_tokens": "embed", "norm": "final", "lm_head": "head", "word_embeddings": "embed",
    "word_embeddings_layernorm": "embed_norm", "ln_f": "final", "wte": "embed", "wpe": "positions", "token_embeddings": "embed",
}


def split_fused(t, layer, lw):
    heads, kv, d = t.n_heads[layer], t.n_kv_heads[layer], t.head_dim
    for key in list(lw):
        name, kind = key.rsplit(".", 1)
        x = lw[key]
        if name == "qkv":
            lw["q." + kind], lw["k." + kind], lw["v." + kind] = np.split(x, [heads * d, (heads + kv) * d])
        elif name == "qkv_heads":
            x = x.reshape(heads, 3, d, *x.shape[1:])
            for i, part in enumerate("qkv"):
                lw[f"{part}.{kind}"] = x[:, i].reshape(heads * d, *x.shape[3:])
        elif name == "gate_up":
            lw["gate." + kind], lw["up." + kind] = np.split(x, 2)


def weights_of(c, t, tensors):
    """The tensors (name to float64 array) under the short names that forward() reads."""
    kind = c["model_type"]
    names = NAMES.get(kind, LLAMA)
    w = {"layers": [{} for _ in range(t.n_layers)]}
    for name, x in tensors.items():
        name = re.sub(r"^(model|transformer)\.", "", name)
        layer = re.match(r"(?:layers|h)\.(\d+)\.(.+)", name)
        stem, part = (layer[2] if layer else name).rsplit(".", 1)
        short = names[stem] if layer else TOP[stem]
        if kind == "gpt2" and layer and part == "weight" and x.ndim == 2:
            x = x.T  # stored as [in, out]
        if short:
            (w["layers"][int(layer[1])] if layer else w)[f"{short}.{part}"] = x
    for i, lw in enumerate(w["layers"]):
        split_fused(t, i, lw)
    tied = c.get("tie_word_embeddings", c.get("share_input_output_layers", kind in ("gemma", "gemma2", "gemma3_text", "bloom", "gpt2")))
    if tied:
        w["head.weight"] = w["embed.weight"]
    return w


def nmse(a, b):
    return float(((a - b) ** 2).sum() / (b**2).sum())
