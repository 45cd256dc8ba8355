"""Write the tiny checkpoints of tests/families/ and their float64 references.

usage: make_families.py [--sensitivity | --count] [--out DIR] [NAME...]      (default: all of families_spec.py, into tests/families)

Each folder: config.json, model.safetensors (random weights from a fixed seed, rounded to the stored type), tokenizer
files, reference.npz (input_ids, logits, hidden_states as make_reference.py writes them).  The reference is transformers'
eager forward pass in float64; it must agree with families_math.py, which was written apart from it, to NMSE 1e-24.
OpenELM, which transformers does not have, is computed by families_math.py alone.  The same versions (requirements.txt)
give the same bytes on the same CPU.
--sensitivity writes nothing: it takes each trait of a family away and prints how far the logits move (NMSE).
--count writes nothing: it prints the tensors and parameters of each config.json in DIR/configs.
"""
import argparse
import hashlib
import json
import math
import os
import shutil
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file

import families_math as maths
import families_tok
from families_spec import FAMILIES
from float64 import force_float64, run_float64, save_npz

HERE = os.path.dirname(os.path.abspath(__file__))
TIED = ("gemma", "gemma2", "gemma3_text", "bloom", "gpt2")  # their classes' default
AGREE = 1e-24


def generator(*words):
    digest = hashlib.sha256("/".join(words).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def make_divisible(v, d):
    n = max(d, int(v + d / 2) // d * d)
    return n + d if n < 0.9 * v else n


def openelm_shapes(c):
    d, hidden = c["head_dim"], c["model_dim"]
    shapes = {"transformer.token_embeddings.weight": (c["vocab_size"], hidden), "transformer.norm.weight": (hidden,)}
    for i, (q, kv, m) in enumerate(zip(c["num_query_heads"], c["num_kv_heads"], c["ffn_multipliers"])):
        ff, p = make_divisible(m * hidden, c["ffn_dim_divisor"]), f"transformer.layers.{i}."
        shapes.update({p + "attn_norm.weight": (hidden,), p + "attn.qkv_proj.weight": ((q + 2 * kv) * d, hidden),
                       p + "attn.q_norm.weight": (d,), p + "attn.k_norm.weight": (d,), p + "attn.out_proj.weight": (hidden, q * d),
                       p + "ffn_norm.weight": (hidden,), p + "ffn.proj_1.weight": (2 * ff, hidden),
                       p + "ffn.proj_2.weight": (hidden, ff)})
    return shapes


def shapes_of(folder, spec):
    """Names as they stand on the hub, and shapes, of what a checkpoint of this config holds."""
    c = spec["config"]
    if c["model_type"] == "openelm":
        return openelm_shapes(c)
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.from_pretrained(folder))
    tied = c.get("tie_word_embeddings", c["model_type"] in TIED)
    shapes = {}
    for name, x in model.state_dict().items():
        if name == "lm_head.weight" and tied and not spec.get("lm_head_copy"):
            continue
        if c["model_type"] in ("bloom", "gpt2"):
            name = spec.get("prefix", "") + name.removeprefix("transformer.")
        shapes[name] = tuple(x.shape)
    return shapes


def random_tensor(c, seed, name, shape):
    rng, gemma = generator(seed, name), c["model_type"].startswith("gemma")
    x = rng.standard_normal(shape)
    if name.endswith("bias"):
        return 0.3 * x
    if len(shape) == 1:
        return 0.3 * x + (0 if gemma else 1)
    if "embed" in name or "wte" in name or "wpe" in name:
        return x / math.sqrt(shape[1]) if gemma else x
    fan_in = shape[0] if c["model_type"] == "gpt2" else shape[1]  # GPT-2 stores [in, out]
    return 1.3 / math.sqrt(fan_in) * x


def make_weights(folder, name, spec):
    c, dtype = spec["config"], spec.get("dtype", "bfloat16")
    narrow = (lambda x: torch.from_numpy(x.astype(np.float32))) if dtype == "float32" else (
        lambda x: torch.from_numpy(x).to(getattr(torch, dtype)))  # torch itself no longer makes float32: force_float64()
    tensors = {}
    for key, shape in shapes_of(folder, spec).items():
        tensors[key] = narrow(random_tensor(c, spec.get("seed", name), key, shape))
    if spec.get("lm_head_copy"):
        tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].clone()
    if c["model_type"] == "gpt2":  # the causal mask, which old files carry as a weight
        n = c["n_ctx"]
        for i in range(c["n_layer"]):
            tensors[f"h.{i}.attn.bias"] = narrow(np.tril(np.ones((1, 1, n, n))))
    path = os.path.join(folder, "model.safetensors")
    save_file(tensors, path, metadata={"format": "pt"})
    os.chmod(path, 0o644)


def choose_ids(name, spec, encode, n):
    """Three quarters text, with several scripts in it; then any ids, so that every kind of token occurs."""
    with open(families_tok.HELDOUT, encoding="utf-8") as f:
        text = f.read()
    rng = generator("text", spec.get("seed", name))
    at = text.index(" ", int(rng.integers(len(text) - 2000))) + 1
    line = families_tok.LINES[int(rng.integers(len(families_tok.LINES)))]
    ids = encode(text[at : at + 60] + line[:8] + text[at + 60 : at + 300])[: n * 3 // 4]
    tokens = spec["config"]["vocab_size"] - spec.get("padding", 0)
    return ids + rng.integers(0, tokens, n - len(ids)).tolist()


def blocks_of(model):
    base = model.base_model
    return base.layers if hasattr(base, "layers") else base.h


def own_forward(folder, c, ids, change=None):
    """change: edits traits and weights before the run."""
    tensors = {k: x.to(torch.float64).numpy() for k, x in load_file(os.path.join(folder, "model.safetensors")).items()}
    t = maths.traits_of(c, len(ids))
    w = maths.weights_of(c, t, tensors)
    if change:
        change(t, w)
    return maths.forward(t, w, ids)


def make_reference(folder, name, spec, ids, out):
    ours = own_forward(folder, spec["config"], ids)
    if spec["config"]["model_type"] == "openelm":
        (logits, hidden), said = ours, "own maths alone"
    else:
        model, info = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float64, attn_implementation="eager", output_loading_info=True)
        assert not info["missing_keys"] and not info["mismatched_keys"], info
        assert all(k.endswith("attn.bias") or k == "lm_head.weight" for k in info["unexpected_keys"]), info
        logits, hidden = run_float64(model.eval(), blocks_of(model), ids)
        apart = max(maths.nmse(*pair) for pair in zip(ours, (logits, hidden)))
        assert apart < AGREE, f"{name}: transformers and families_math.py differ by {apart:.3g}"
        said = f"NMSE between both maths {apart:.2g}"
    save_npz(os.path.join(folder, out), input_ids=np.array(ids, np.int32), logits=logits.astype(np.float32),
             hidden_states=hidden.astype(np.float32))
    return said


def make_family(root, name, spec):
    folder = os.path.join(root, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    tok = spec["tokenizer"]
    if isinstance(tok, str):  # that folder's, made again beside this one
        scratch = os.path.join(folder, "scratch")
        os.makedirs(scratch)
        kind, *arguments = FAMILIES[tok]["tokenizer"]
        encode = getattr(families_tok, kind)(scratch, *arguments)
        shutil.rmtree(scratch)
    else:
        encode = getattr(families_tok, tok[0])(folder, *tok[1:])
    said = "tokenizer alone"
    if "config" in spec:
        families_tok.dump(folder, "config.json", dict(sorted(spec["config"].items())))
        if "generation" in spec:
            families_tok.dump(folder, "generation_config.json", spec["generation"])
        make_weights(folder, name, spec)
        ids = choose_ids(name, spec, encode, spec.get("n", 40))
        said = make_reference(folder, name, spec, ids, "reference.npz")
        if "short" in spec:
            said += "; short: " + make_reference(folder, name, spec, ids[: spec["short"]], "reference_short.npz")
    size = sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder))
    print(f"{name}: {size} bytes, {said}", flush=True)
    return size


# --- sensitivities: what is taken away for each name in a family's traits


def plain_rope(t, c, base=None):
    return maths.frequencies(base or c.get("rope_theta", 10000.0), None, 2 * len(t.rope[0][0]), c, 0)


def drop_weights(w, *suffixes):
    for lw in [w, *w["layers"]]:
        for key in [k for k in lw if k.endswith(suffixes)]:
            del lw[key]


def swap_rope(t, c, which):
    """Local layers take the global frequencies, or the other way round; scaling: plain ones of the same base."""
    whole = next(r for r, w in zip(t.rope, t.windows) if w is None or which == "scaling")
    local = next(r for r, w in zip(t.rope, t.windows) if w is not None or which == "scaling")
    if which == "scaling":
        base = c.get("rope_theta") or c["rope_parameters"]["rope_theta"]
        scaled = [i for i, w in enumerate(t.windows) if w is None or c["model_type"] != "gemma3_text"]
        for i in scaled:
            t.rope[i] = plain_rope(t, c, base)
    else:
        t.rope = [whole if which == "local" else local] * t.n_layers


def without(c, trait):
    def change(t, w):
        if trait in ("windows", "attn_cap", "logit_cap", "qk_norm", "alibi"):
            setattr(t, trait, None)
        elif trait == "window_on":
            t.windows = [c["sliding_window"]] * t.n_layers
        elif trait == "rope":
            t.rope = None
        elif trait == "kv":  # query heads dealt out in turn instead of in runs
            for lw in w["layers"]:
                d, n = t.head_dim, t.n_heads[0]
                order = np.arange(n).reshape(t.n_kv_heads[0], -1).T.ravel()
                lw["q.weight"] = lw["q.weight"].reshape(n, d, -1)[order].reshape(n * d, -1)
        elif trait in ("norm_add", "score_scale"):
            setattr(t, trait, 0.0)
        elif trait == "embed_scale":
            t.embed_scale = 1.0
        elif trait == "act":
            t.act = "silu"
        elif trait in ("rope_local", "rope_global", "scaling"):
            swap_rope(t, c, trait.removeprefix("rope_"))
        elif trait == "scaling_smooth":  # no mixing between kept and stretched dimensions
            plain, r = plain_rope(t, c)[0], c["rope_scaling"]
            t.rope = [([f if f == g else f / r["factor"] for f, g in zip(plain, t.rope[0][0])], 1.0)] * t.n_layers
        elif trait == "rope_factor":
            t.rope = [(f, 1.0) for f, _ in t.rope]
        elif trait == "short_factors":
            t.rope = [maths.frequencies(c["rope_theta"], c["rope_scaling"], t.head_dim, c, 1)] * t.n_layers
        elif trait == "partial":
            t.rope = [maths.frequencies(c["rope_theta"], None, t.head_dim, c, 0)] * t.n_layers
        elif trait == "parallel":
            t.parallel = not t.parallel
            for lw in w["layers"]:
                lw.setdefault("norm2.weight", lw["norm1.weight"])
        elif trait == "mean":
            t.layer_norm = False
        elif trait == "alibi_power":  # slopes as for a power of two
            t.alibi = [2 ** (-8 * k / t.n_heads[0]) for k in range(1, t.n_heads[0] + 1)]
        elif trait == "pre_norm":
            for lw in w["layers"]:
                lw["norm1.weight"], lw["norm2.weight"] = lw.pop("post1.weight"), lw.pop("post2.weight")
        else:
            drop_weights(w, *{"qkv_bias": ("q.bias", "k.bias", "v.bias"), "o_bias": ("o.bias",), "positions": ("positions.weight",),
                              "mlp_bias": ("gate.bias", "up.bias", "down.bias"),
                              "embed_norm": ("embed_norm.weight", "embed_norm.bias")}[trait])

    return change


def sensitivity(root, name, spec):
    folder, c = os.path.join(root, name), spec["config"]
    with np.load(os.path.join(folder, "reference.npz")) as f:
        ids = f["input_ids"].tolist()
    right = own_forward(folder, c, ids)[0]
    for trait in spec["traits"]:
        moved = maths.nmse(own_forward(folder, c, ids, without(c, trait))[0], right)
        print(f"{name}: without {trait}: {moved:.3g}{'' if moved > 1e-3 else '   TOO LITTLE'}", flush=True)


def count(root):
    for file in sorted(os.listdir(os.path.join(root, "configs"))):
        with open(os.path.join(root, "configs", file), encoding="utf-8") as f:
            c = json.load(f)
        with tempfile.TemporaryDirectory() as folder:
            families_tok.dump(folder, "config.json", c)
            shapes = shapes_of(folder, {"config": c})
        print(f"{file}: {len(shapes)} tensors, {sum(math.prod(s) for s in shapes.values())} parameters", flush=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].removeprefix("usage: "))
    parser.add_argument("--sensitivity", action="store_true")
    parser.add_argument("--count", action="store_true")
    parser.add_argument("--out", default=os.path.join(HERE, "..", "families"))
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    if args.count:
        return count(args.out)
    names = args.names or list(FAMILIES)
    if args.sensitivity:
        for name in (n for n in names if "config" in FAMILIES[n]):
            sensitivity(args.out, name, FAMILIES[name])
        return
    force_float64()
    total = sum(make_family(args.out, name, FAMILIES[name]) for name in names)
    print(f"{len(names)} folders, {total} bytes")


main()
