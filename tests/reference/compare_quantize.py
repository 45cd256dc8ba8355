#!/usr/bin/env python3
"""Quantize a container with fox-quantize and with llama-quantize and compare every tensor and every key.

  pip install gguf==0.19.0
  make && python3 tests/reference/compare_quantize.py LLAMA_QUANTIZE IN.gguf [--imatrix FILE] [--types q4_k_m,...] [OPTION...]

From the repository root. LLAMA_QUANTIZE: built from llama.cpp 0c1e57098bba43ac29e6e3b677cdceebdd22334f, its libraries where the
loader finds them; ggml-base without FMA, as for x86-64 without further flags: contraction changes the bytes. OPTIONs are given to
both as they stand (--pure, --tensor-type attn_v=q8_0...). Without --types: every type that fox makes. Keys of fox's own are left
out. Exit 1 when anything differs.
"""
import argparse
import os
import subprocess
import sys
import tempfile

import numpy as np
from gguf import GGUFReader

BIN = "build/release/bin/fox-quantize"
TYPES = ("q4_0 q4_1 q5_0 q5_1 q8_0 q2_k q2_k_s q3_k_s q3_k_m q3_k_l q4_k_s q4_k_m q5_k_s q5_k_m q6_k iq4_nl iq4_xs bf16 f16 f32 "
         "copy").split()


def tensors(path):
    return {t.name: (t.tensor_type, tuple(t.shape), np.asarray(t.data).view(np.uint8)) for t in GGUFReader(path).tensors}


def keys(path):
    fields = GGUFReader(path).fields
    values = {k: (f.types, [bytes(p) for p in f.parts[2:]]) for k, f in fields.items() if not k.startswith(("GGUF.", "fox."))}
    file = values.get("quantize.imatrix.file")  # llama-quantize records the path, fox the name alone
    if file:
        values["quantize.imatrix.file"] = os.path.basename(file[1][-1])
    return values


def compare(a, b):
    """Lines that say what differs."""
    x, y = tensors(a), tensors(b)
    for name in x.keys() | y.keys():
        if name not in x or name not in y:
            yield f"tensor {name} is in one of them only"
        elif x[name][:2] != y[name][:2]:
            yield f"tensor {name}: {x[name][:2]} and {y[name][:2]}"
        elif not np.array_equal(x[name][2], y[name][2]):
            yield f"tensor {name}: {np.count_nonzero(x[name][2] != y[name][2])} bytes differ"
    x, y = keys(a), keys(b)
    for key in x.keys() | y.keys():
        if x.get(key) != y.get(key):
            yield f"key {key} differs"


def main():
    p = argparse.ArgumentParser()
    p.add_argument("llama")
    p.add_argument("source")
    p.add_argument("--imatrix")
    p.add_argument("--types", default=",".join(TYPES))
    args, options = p.parse_known_args()
    bad = 0
    if args.imatrix:
        options += ["--imatrix", args.imatrix]
    with tempfile.TemporaryDirectory() as tmp:
        for t in args.types.split(","):
            a, b = os.path.join(tmp, "llama.gguf"), os.path.join(tmp, "fox.gguf")
            said = subprocess.run([args.llama, *options, args.source, a, t], capture_output=True, text=True)
            if said.returncode:
                print(f"{t}: llama-quantize refuses: {said.stderr.strip().splitlines()[-1]}")
                continue
            subprocess.run([BIN, args.source, t, "-o", b, "-f", "-q", "--allow-lossy", *options], check=True,
                           stdout=subprocess.DEVNULL)
            found = list(compare(a, b))
            bad += bool(found)
            print(f"{t}: {len(tensors(a))} tensors, {len(keys(a))} keys: {'; '.join(found[:4]) or 'equal'}")
            os.remove(a)
    sys.exit(1 if bad else 0)


main()
