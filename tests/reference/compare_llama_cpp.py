"""Side by side: fox and llama.cpp run the same container, every family, on the ids of its reference.

usage: compare_llama_cpp.py FOX_BIN_DIR FAMILIES_DIR [NAME...]

Prints one row a family, all in f32 (with other types llama.cpp rounds activations): NMSE of llama.cpp's logits against fox's (f32 KV cache, flash attention off) and against the
float64 reference, and whether the most likely tokens agree. Where llama.cpp has no window for an architecture, only the
positions inside the window count. Versions: requirements.txt beside this file; llama.cpp built without AMX.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

import numpy as np
from llama_cpp import Llama

NO_WINDOW = ("mistral", "qwen2_window", "phi3")
F32 = 0  # GGML_TYPE_F32


def llama_logits(path, ids):
    model = Llama(path, n_ctx=len(ids), n_batch=len(ids), n_threads=1, logits_all=True, flash_attn=False, type_k=F32, type_v=F32,
                  n_gpu_layers=0, verbose=False)
    model.eval(ids)
    return np.array(model.scores[: len(ids)], np.float32)


def nmse(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    return ((a - b) ** 2).sum() / (b**2).sum()


def main():
    fox, families = sys.argv[1:3]
    names = sys.argv[3:] or sorted(d for d in os.listdir(families) if os.path.isfile(os.path.join(families, d, "model.safetensors")))
    print("| family | llama.cpp against fox | against float64 | top-1 |\n|---|---|---|---|")
    for name in names:
        src = os.path.join(families, name)
        with open(os.path.join(src, "config.json"), encoding="utf-8") as f:
            config = json.load(f)
        ref = np.load(os.path.join(src, "reference.npz"))
        n = min(len(ref["input_ids"]), config["sliding_window"] if name in NO_WINDOW else 1 << 30)
        ids = ref["input_ids"][:n]
        with tempfile.TemporaryDirectory() as d:
            path, npz, tok = os.path.join(d, "m.gguf"), os.path.join(d, "r.npz"), src + "_tokenizer"
            subprocess.run([os.path.join(fox, "fox-convert"), "-q", src, "-t", "f32", "-o", path]
                           + (["--tokenizer", tok] if os.path.isdir(tok) else []), check=True, stdout=subprocess.DEVNULL)
            theirs = llama_logits(path, ids.tolist())
            np.savez(npz, input_ids=ids, logits=theirs)
            out = subprocess.run([os.path.join(fox, "fox-verify"), path, "-r", npz, "--max-nmse", "1e9"], capture_output=True, text=True).stdout
        got = re.search(r"NMSE ([0-9.e+-]+)", out)
        same = (theirs.argmax(1) == ref["logits"][:n].argmax(1)).sum()
        print(f"| {name} | {got.group(1)} | {nmse(theirs, ref['logits'][:n]):.3g} | {same}/{n} |", flush=True)


main()
