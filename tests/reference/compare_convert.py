"""Oracle: fox-convert against llama.cpp's convert_hf_to_gguf.py on the same checkpoint and type.

usage: compare_convert.py LLAMA_CPP_DIR FOX_BIN_DIR MODEL_DIR [TYPE...]      (default: f32 f16 bf16 q8_0)

Every tensor (name, type, shape, bytes) and every key outside fox.* must be equal. Differences that are meant are listed
in MEANT with their reasons and printed; any other difference makes the exit status 1.
LLAMA_CPP_DIR: a checkout with convert_hf_to_gguf.py (tried: the one inside llama-cpp-python 0.3.36's sdist).
MODEL_DIR may have a neighbour MODEL_DIR_tokenizer, for checkpoints that ship none.

llama.cpp knows a pre-tokenizer by a hash of ids, so it knows no tokenizer of a test: it is told the name that fox found
by the regular expression. It cannot read mask buffers of old GPT-2 files: it is given the checkpoint without them.
"""
import os
import shutil
import subprocess
import sys
import tempfile

from safetensors.torch import load_file, save_file

import numpy as np

sys.path.insert(0, os.path.join(sys.argv[1], "gguf-py"))
from gguf import GGUFReader, GGUFValueType  # noqa: E402

RUN = """
import runpy, sys
sys.path.insert(0, {llama!r})
import conversion.base as base
if {pre!r}: base.TextModel.get_vocab_base_pre = lambda self, tokenizer: {pre!r}
sys.argv = ["convert_hf_to_gguf.py", {model!r}, "--outtype", {kind!r}, "--outfile", {out!r}]
runpy.run_path({llama!r} + "/convert_hf_to_gguf.py", run_name="__main__")
"""

# key -> why fox writes another value, or writes it where llama.cpp does not, or leaves it out
MEANT = {
    "general.name": "llama.cpp takes it from the folder's name; fox from --name or the config, so that a rename changes no byte",
    "tokenizer.ggml.add_space_prefix": "llama.cpp leaves it out and its loader then assumes true; fox writes what tokenizer.model says",
    "tokenizer.ggml.remove_extra_whitespaces": "llama.cpp leaves it out for this class; fox writes what tokenizer.model says",
    "tokenizer.ggml.bos_token_id": "config.json contradicts the token string; without a tokenizer.json llama.cpp believes config.json, fox the string",
    "tokenizer.ggml.eos_token_id": "as bos_token_id",
    "tokenizer.ggml.unknown_token_id": "without a tokenizer.json llama.cpp does not look up the token string, fox does",
    "tokenizer.ggml.padding_token_id": "as unknown_token_id",
    "attention.scale": "query_pre_attn_scalar is not the head size; llama.cpp drops it and computes something else",
    "attention.sliding_window": "llama.cpp drops the window of this class and sees everything",
    "attention.sliding_window_pattern": "as attention.sliding_window",
    "use_parallel_residual": "llama.cpp writes true where config.json does not say; the class's default is false",
}
# likewise, but only for a key that one has as false (or 107) and the other has not
MEANT_DEFAULTS = {
    "tokenizer.ggml.add_bos_token": "absent means false for this kind; fox writes what the tokenizer's files say",
    "tokenizer.ggml.add_eos_token": "as add_bos_token",
    "tokenizer.ggml.add_sep_token": "false is what a reader assumes",
    "tokenizer.ggml.eot_token_id": "llama.cpp writes 107 for every Gemma, fox only where that piece ends a turn",
}
MEANT_TENSORS = {
    "output.weight": "config.json ties it to the embedding, of which it is a copy: not written twice",
    "rope_freqs.weight": "llama.cpp computes it in float32, fox in float64: equal to 4 units in the last place",
}


def value(field):
    """A key's value with its type, strings as bytes."""
    kind = field.types[0]
    if kind == GGUFValueType.ARRAY:
        if field.types[1] == GGUFValueType.STRING:
            return kind, field.types[1], [bytes(field.parts[i]) for i in field.data]
        return kind, field.types[1], [field.parts[i][0] for i in field.data]
    last = field.parts[field.data[0]]
    return kind, None, bytes(last) if kind == GGUFValueType.STRING else last[0]


def short(v):
    text = repr(v[2] if isinstance(v, tuple) else v)
    return text if len(text) < 90 else text[:87] + "..."


def tied_copy(theirs, ours):
    """Does llama.cpp's file hold the embedding once more as the output?"""
    t = {x.name: x for x in theirs.tensors}
    out, embd = t.get("output.weight"), t["token_embd.weight"]
    mine = any(x.name == "output.weight" for x in ours.tensors)
    return out is not None and not mine and out.data.tobytes() == embd.data.tobytes()


def without_buffers(model, d):
    """A copy of the checkpoint less what llama.cpp cannot map; the checkpoint itself when there is nothing of that."""
    path = os.path.join(model, "model.safetensors")
    if not os.path.isfile(path):
        return model
    tensors = load_file(path)
    kept = {k: v for k, v in tensors.items() if not k.endswith(".attn.bias")}
    extra = model.rstrip("/") + "_tokenizer"
    if len(kept) == len(tensors) and not os.path.isdir(extra):
        return model
    out = os.path.join(d, os.path.basename(model.rstrip("/")))
    shutil.copytree(model, out, dirs_exist_ok=True)
    if os.path.isdir(extra):
        shutil.copytree(extra, out, dirs_exist_ok=True)
    save_file(kept, os.path.join(out, "model.safetensors"), metadata={"format": "pt"})
    return out


def compare(theirs, ours):
    bad = 0
    a = {k: value(f) for k, f in theirs.fields.items() if not k.startswith("GGUF.")}
    b = {k: value(f) for k, f in ours.fields.items() if not k.startswith(("GGUF.", "fox."))}
    copy = tied_copy(theirs, ours)
    for k in sorted(a.keys() | b.keys()):
        if k in a and k in b and a[k] == b[k]:
            continue
        left, right = (short(d[k]) if k in d else "absent" for d in (a, b))
        why = MEANT.get(k) or MEANT.get(k.partition(".")[2])
        if k == "general.size_label" and copy:
            why = "the copy is counted"
        if (k in a) != (k in b) and (a.get(k) or b.get(k))[2] in (False, 107):
            why = why or MEANT_DEFAULTS.get(k)
        print(f"  {'meant' if why else 'DIFFERS'}: {k}: llama.cpp {left}, fox {right}" + (f" ({why})" if why else ""))
        bad += not why
    ta, tb = ({t.name: t for t in r.tensors} for r in (theirs, ours))
    for name in sorted(ta.keys() | tb.keys()):
        x, y = ta.get(name), tb.get(name)
        meant = False
        if x is None or y is None:
            what, meant = f"only in {'fox' if x is None else 'llama.cpp'}", name == "output.weight" and copy
        elif x.tensor_type != y.tensor_type or list(x.shape) != list(y.shape):
            what = f"{x.tensor_type.name} {list(x.shape)} and {y.tensor_type.name} {list(y.shape)}"
        elif x.data.tobytes() != y.data.tobytes():
            what, meant = "data", name == "rope_freqs.weight" and bool((abs(x.data - y.data) <= 4 * np.spacing(y.data)).all())
        else:
            continue
        print(f"  {'meant' if meant else 'DIFFERS'}: tensor {name}: {what}" + (f" ({MEANT_TENSORS[name]})" if meant else ""))
        bad += not meant
    print(f"  {len(a)} keys, {len(ta)} tensors, {bad} differences that are not meant")
    return bad


def main():
    llama, fox, model = sys.argv[1:4]
    bad = 0
    for kind in sys.argv[4:] or ["f32", "f16", "bf16", "q8_0"]:
        with tempfile.TemporaryDirectory() as d:
            theirs, ours = os.path.join(d, "theirs.gguf"), os.path.join(d, "ours.gguf")
            tok = model.rstrip("/") + "_tokenizer"
            subprocess.run([os.path.join(fox, "fox-convert"), "-q", "--allow-lossy", model, "-t", kind, "-o", ours]
                           + (["--tokenizer", tok] if os.path.isdir(tok) else []), check=True, stdout=subprocess.DEVNULL)
            pre = GGUFReader(ours).fields.get("tokenizer.ggml.pre")
            name = bytes(pre.parts[pre.data[0]]).decode() if pre is not None else ""
            code = RUN.format(llama=llama, model=without_buffers(model, d), kind=kind, out=theirs, pre="" if name == "default" else name)
            env = dict(os.environ, PYTHONPATH=os.path.join(llama, "gguf-py"))
            subprocess.run([sys.executable, "-c", code], check=True, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            print(f"{kind}:")
            bad += compare(GGUFReader(theirs), GGUFReader(ours))
    sys.exit(1 if bad else 0)


main()
