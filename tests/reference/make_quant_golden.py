#!/usr/bin/env python3
"""Write tests/golden/q8_0.bin: blocks of 32 f32 (128 bytes, little-endian) followed by their q8_0 block (34 bytes).

The blocks are quantised by the gguf package, llama.cpp's own Python implementation, so the file says what the format
means without our code having a part in it.

  pip install gguf==0.19.0 numpy==2.4.6
  python3 tests/reference/make_quant_golden.py tests/golden/q8_0.bin
"""
import sys

import numpy as np
from gguf import GGMLQuantizationType
from gguf.quants import dequantize, quantize

rng = np.random.default_rng(20250101)


def near_miss():
    """A block that quantises otherwise when max / 127 is computed as max * (1 / 127), by one bit of d."""
    half = np.arange(32, dtype="<f4") + np.float32(64.5)
    while True:
        top = np.float32(rng.uniform(0.5, 2))
        by, times = top / np.float32(127), top * (np.float32(1) / np.float32(127))
        x = half * by
        q = [np.floor(x * (np.float32(1) / d) + np.float64(0.5)) for d in (by, times)]
        x[31] = top
        if (q[0][:31] != q[1][:31]).any():
            return x


def blocks():
    yield np.zeros(32)
    yield np.full(32, -0.0)
    yield np.full(32, 1.5)
    yield np.arange(32) - 16
    for scale in (1, 0.02, 1e-3, 1e-6, 300, 1e5, 2e6):  # f16 scales: normal, subnormal, near the largest
        yield rng.standard_normal(32) * scale
    ties = np.arange(32) * 4 - 62.5  # with a largest of 127 the scale is 1 and every quotient a tie
    ties[31] = 127
    yield ties
    ties = -ties
    yield ties
    for _ in range(24):  # ties of scales that are no power of two: the last bit of d and of 1 / d decides each
        step = rng.integers(1, 4096) * 2.0**-14
        ties = (rng.integers(-126, 126, 32) + 0.5) * step
        ties[rng.integers(32)] = 127 * step
        yield ties
    for _ in range(4):
        yield near_miss()
    below = np.full(32, np.nextafter(np.float32(0.5), np.float32(0)))  # 0.5's neighbour rounds to 0
    below[31] = 127
    yield below
    lone = np.zeros(32)
    lone[17] = -3e-5
    yield lone
    yield rng.standard_normal(32) * 127 * 2.0**-24  # scales of a few f16 subnormal steps
    yield rng.standard_normal(32) * 1e-7  # below half a step: the scale is 0
    yield rng.standard_normal(32) * 1e-30
    yield 127 * 65504.0 * rng.uniform(-1, 1, 32)
    for _ in range(40):
        yield rng.standard_normal(32) * 10.0 ** rng.uniform(-5, 3)


with open(sys.argv[1], "wb") as out:
    for b in blocks():
        x = np.asarray(b, dtype="<f4")
        q = quantize(x, GGMLQuantizationType.Q8_0)
        assert q.nbytes == 34 and np.isfinite(dequantize(q, GGMLQuantizationType.Q8_0)).all()
        out.write(x.tobytes() + q.tobytes())
