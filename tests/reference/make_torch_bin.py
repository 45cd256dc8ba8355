"""Write tests/torch/: what torch.save makes of small state dicts.

usage: make_torch_bin.py [OUT]      (default: tests/torch; torch 2.15.0, safetensors 0.8.0, numpy 2.4.6: requirements.txt)

views.bin      every way that a tensor lies in its storage: shared, cut, transposed, strided, a scalar, none, a parameter
dtypes.bin     every dtype that fox knows by name, and what of it torch writes with and without an untyped storage
protocol4.bin  views.bin by pickle_protocol=4, protocol3.bin by 3
plain.bin      a dict, not an OrderedDict; wrapped.bin: under 'state_dict', with numbers beside it; module.bin: of a module,
               with its _metadata
legacy.bin     by _use_new_zipfile_serialization=False; tar.bin: begins as PyTorch 0.1's tar archives did
values.txt     one line per tensor of views.bin: name, shape, values in row-major order
llama/         a small model three times: model.safetensors; pytorch_model.bin with tied, cut, transposed and shared tensors;
               the same in two files, which pytorch_model.bin.index.json names

The same versions give the same files, but for legacy.bin, in which a storage is called by its address.
"""
import collections
import json
import os
import sys

import torch
from safetensors.torch import load_file, save_file

here = os.path.dirname(os.path.abspath(__file__))
out = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "../torch")
os.makedirs(os.path.join(out, "llama"), exist_ok=True)


def path(name):
    return os.path.join(out, name)


def views():
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    half = (torch.arange(60, dtype=torch.float32) / 8).to(torch.bfloat16).reshape(3, 4, 5)
    return collections.OrderedDict(
        base=base,
        tied=base,
        rows=base[1:3],
        columns=base[:, 1:4],
        turned=base.t(),
        every_other=base[::2, ::3],
        flat=base.reshape(-1)[5:17],
        scalar=base[2, 3],
        none=base[:0],
        empty=torch.zeros(0, 3),
        half=half,
        half_turned=half.permute(2, 0, 1),
        half_cut=half[1:, ::3, 1::2].transpose(0, 1),
        ones=half[:1, :, :1],
        parameter=torch.nn.Parameter(base[3].clone()),
        long=torch.tensor([-1, 2**40, 7]),
    )


def dtypes():
    names = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint64 uint32 uint16 uint8 bool complex64 " \
            "float8_e4m3fn float8_e5m2 float8_e8m0fnu float8_e4m3fnuz float8_e5m2fnuz"
    return {n: torch.tensor([1, 2, 4]).to(getattr(torch, n)) for n in names.split()}


def llama():
    """The first layer of tests/families/llama2, its output matrix tied to the embedding."""
    t = load_file(os.path.join(here, "../families/llama2/model.safetensors"))
    t = {n: w for n, w in t.items() if "layers" not in n and n != "lm_head.weight" or "layers.0." in n}
    save_file(t, path("llama/model.safetensors"))
    out = collections.OrderedDict()
    for name, w in t.items():
        if name.endswith("o_proj.weight"):
            w = w.t().contiguous().t()  # lies transposed in its storage
        elif name.endswith("k_proj.weight"):
            w = torch.cat([torch.zeros_like(w[:2]), w, w])[2 : 2 + len(w)]  # a cut of a larger storage
        elif name.endswith("up_proj.weight"):
            w = torch.stack([w, w * 2], dim=-1)[..., 0]  # every other element
        out[name] = w
    first = "model.layers.0.input_layernorm.weight"
    both = torch.cat([out[first], out["model.norm.weight"]])  # two tensors of one storage
    n = len(out[first])
    out[first], out["model.norm.weight"] = both[:n], both[n:]
    out["lm_head.weight"] = out["model.embed_tokens.weight"]
    out["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.arange(4).float()  # as old checkpoints have it
    return out


torch.manual_seed(0)
torch.save(views(), path("views.bin"))
torch.save(views(), path("protocol3.bin"), pickle_protocol=3)
torch.save(views(), path("protocol4.bin"), pickle_protocol=4)
torch.save(dtypes(), path("dtypes.bin"))
torch.save({"a": torch.ones(2)}, path("plain.bin"))
torch.save({"epoch": 3, "lr": 0.5, "note": None, "done": True, "sizes": [1, (2, 300, 70000, -5)],
            "state_dict": {"a": torch.ones(2)}, "optimizer": {"state": {0: {"step": torch.ones(1)}}}}, path("wrapped.bin"))
torch.save(torch.nn.Linear(2, 1).requires_grad_(False).double().state_dict(), path("module.bin"))
torch.save({"a": torch.ones(2)}, path("legacy.bin"), _use_new_zipfile_serialization=False)
with open(path("tar.bin"), "wb") as f:
    f.write(b"storages".ljust(257, b"\0") + b"ustar\x0000".ljust(255, b"\0"))
with open(path("values.txt"), "w") as f:
    for name, t in views().items():
        f.write(" ".join([name, "x".join(map(str, t.shape)) or "-"] + [f"{v:g}" for v in t.reshape(-1).tolist()]) + "\n")

whole = llama()
torch.save(whole, path("llama/pytorch_model.bin"))
names = list(whole)
weights = {}
for i, part in enumerate((names[: len(names) // 2], names[len(names) // 2 :])):
    file = f"pytorch_model-0000{i + 1}-of-00002.bin"
    torch.save({n: whole[n] for n in part}, path("llama/" + file))
    weights.update({n: file for n in part})
with open(path("llama/pytorch_model.bin.index.json"), "w") as f:
    json.dump({"metadata": {"total_size": sum(t.nbytes for t in whole.values())}, "weight_map": weights}, f, indent=1)
with open(os.path.join(here, "../families/llama2/config.json")) as f:
    config = json.load(f)
config.update(num_hidden_layers=1, tie_word_embeddings=True)
with open(path("llama/config.json"), "w") as f:
    json.dump(config, f, indent=1)
