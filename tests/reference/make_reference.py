"""Write reference outputs of a Hugging Face model, computed in float64 from its stored weights.

usage: make_reference.py MODEL_DIR TEXT_FILE OUT.npz [TOKENS]

OUT.npz: input_ids i32[n], logits f32[n, vocab], hidden_states f32[layers, n, hidden] (the residual stream after each
layer). Everything runs in float64: weights, eager attention, norms, softmax and rotary angles; transformers casts
several of these to float32 by hand, so those casts are turned into float64 ones below. TOKENS (default 96): how many
ids of the text to use.  Versions: requirements.txt beside this file.  The demo's file was made from heldout.txt.
"""
import sys

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def force_float64():
    """Where the model code asks for float32, give float64."""
    wide = lambda d: torch.float64 if d is torch.float32 else d
    to, softmax, tensor_float = torch.Tensor.to, torch.nn.functional.softmax, torch.Tensor.double

    def to64(self, *args, **kw):
        args = [wide(a) if isinstance(a, torch.dtype) else a for a in args]
        if "dtype" in kw:
            kw["dtype"] = wide(kw["dtype"])
        return to(self, *args, **kw)

    def softmax64(x, dim=None, _stacklevel=3, dtype=None):
        return softmax(x, dim=dim, dtype=wide(dtype))

    torch.Tensor.to = to64
    torch.Tensor.float = tensor_float
    torch.nn.functional.softmax = softmax64


def widen_rotary(model):
    """Angles are position * base^(-2i/d): redo the float32 table of inverse frequencies in float64."""
    for module in model.modules():
        if not hasattr(module, "inv_freq"):
            continue
        config = module.config
        params = getattr(config, "rope_parameters", None) or {}
        if params.get("rope_type", "default") != "default":
            sys.exit(f"rope type {params['rope_type']} has no float64 form here")
        base = params.get("rope_theta", getattr(config, "rope_theta", None))
        n = 2 * module.inv_freq.shape[0]
        module.inv_freq = base ** (-torch.arange(0, n, 2, dtype=torch.float64) / n)


def main():
    if not 4 <= len(sys.argv) <= 5:
        sys.exit(__doc__.split("\n\n")[1])
    model_dir, text_file, out = sys.argv[1:4]
    n = int(sys.argv[4]) if len(sys.argv) > 4 else 96
    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    with open(text_file, encoding="utf-8") as f:
        ids = tokenizer(f.read()[: 16 * n])["input_ids"][:n]
    model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float64, attn_implementation="eager").eval()
    widen_rotary(model)
    force_float64()
    hidden = []
    for layer in model.model.layers:
        layer.register_forward_hook(lambda m, i, o: hidden.append((o[0] if isinstance(o, tuple) else o)[0]))
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
    assert logits.dtype == torch.float64 and all(h.dtype == torch.float64 for h in hidden)
    np.savez(out, input_ids=np.array(ids, np.int32), logits=logits.numpy().astype(np.float32),
             hidden_states=np.stack([h.numpy() for h in hidden]).astype(np.float32))
    print(f"{out}: {len(ids)} ids, {logits.shape[1]} logits, {len(hidden)} layers")


main()
