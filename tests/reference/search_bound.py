#!/usr/bin/env python3
"""How far a search can get: fox-quantize's errors on normally distributed rows, and the least that q4_k and q3_k allow.

  pip install numpy==2.4.6 gguf==0.19.0
  make && python3 tests/reference/search_bound.py BIN_DIR

The bound lets every sub-block have any real scale and minimum (no 6-bit codes, no f16) and takes the best of many starts, each
followed by least squares and nearest codes in turn. It is found from below: more starts could only lower it a little.
Prints root mean squared errors over the root mean square of the weights, and how much less the square is than in the plain encoder.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
from gguf import GGUFWriter

TURNS = 4
x = np.random.default_rng(7).standard_normal((96, 2048)).astype(np.float32)


def nearest(b, offset, scale, low, high):
    return np.clip(np.rint((b - offset[:, None]) / scale[:, None]), low, high)


def least(b, starts, low, high, with_offset):
    """Sum over sub-blocks of the least squared error found. starts: (offset, scale) of all sub-blocks."""
    best = np.full(len(b), np.inf)
    for offset, scale in starts:
        for _ in range(TURNS):
            scale = np.where(scale == 0, 1e-9, scale)
            q = nearest(b, offset, scale, low, high)
            best = np.minimum(best, ((b - offset[:, None] - scale[:, None] * q) ** 2).sum(1))
            alone = (q * b).sum(1) / np.maximum((q * q).sum(1), 1e-9)
            if not with_offset:
                scale = alone
                continue
            mean = q.mean(1)
            spread = ((q - mean[:, None]) ** 2).sum(1)
            scale = ((q - mean[:, None]) * b).sum(1) / np.maximum(spread, 1e-9)
            offset = b.mean(1) - scale * mean
            scale, offset = np.where(offset > 0, alone, scale), np.minimum(offset, 0)  # the format's minimum takes off, never adds
    return best.sum()


def bound(kind):
    b = x.reshape(-1, 32 if kind == "q4_k" else 16).astype(np.float64)
    zero, top, low, high = np.zeros(len(b)), abs(b).max(1), b.min(1), b.max(1)
    if kind == "q4_k":
        steps = np.linspace(0.6, 1.12, 27)
        starts = [(np.minimum(low * i, 0), (high * j - np.minimum(low * i, 0)) / 15) for i in steps for j in steps]
        found = least(b, starts, 0, 15, True)
    else:
        found = least(b, [(zero, sign * top / 4 * k) for sign in (1, -1) for k in np.linspace(0.6, 1.3, 71)], -4, 3, False)
    return np.sqrt(found / (b**2).sum())


def fox(kind, how, tmp):
    said = subprocess.run([os.path.join(sys.argv[1], "fox-quantize"), "-q", os.path.join(tmp, "x.gguf"), kind, "--pure", "--search", how, "-f",
                           "-o", os.path.join(tmp, "y.gguf")], check=True, capture_output=True, text=True).stdout
    return next(float(line.split()[1]) for line in said.splitlines() if line.startswith("error "))


with tempfile.TemporaryDirectory() as folder:
    w = GGUFWriter(os.path.join(folder, "x.gguf"), "llama")
    w.add_uint32("llama.block_count", 1)
    w.add_tensor("blk.0.ffn_up.weight", x)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    for name in ("q4_k", "q3_k"):
        plain = fox(name, "none", folder)
        for what, error in (("plain", plain), ("wide", fox(name, "wide", folder)), ("bound", bound(name))):
            print(f"{name} {what:5} {error:.5f}  squared error {100 * (1 - (error / plain) ** 2):5.2f} % less", flush=True)
