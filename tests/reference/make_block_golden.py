#!/usr/bin/env python3
"""Write a golden file of tests/unit/t_blocks.c: rows of every kind and the blocks that ggml makes of them.

  pip install numpy==2.4.6
  python3 tests/reference/make_block_golden.py LIBGGML_BASE.so tests/golden/quant_k.bin 256 q2_k,q3_k,q4_k,q5_k,q6_k
  python3 tests/reference/make_block_golden.py LIBGGML_BASE.so tests/golden/quant_32.bin 256 q4_0,q4_1,q5_0,q5_1
  python3 tests/reference/make_block_golden.py LIBGGML_BASE.so tests/golden/quant_4bit.bin 256 iq4_nl,iq4_xs,mxfp4,nvfp4

The library: see block_rows.py, which names the commit and the flags it is built with. All numbers little-endian:

  u32 columns, rows, types; types times {u32 id, u32 bytes of a row, u32 1 when there are weighted blocks too}
  f32 importance[columns]
  rows times { f32 x[columns]; for each type the blocks without importance, then, where there are, those with it }
"""
import sys

import numpy as np

from block_rows import KINDS, TYPES, Ggml, importance, rows

# the types whose ggml quantizer heeds importance
WEIGHTED = {"q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "q4_0", "q4_1", "q5_0", "q5_1", "iq4_nl", "iq4_xs"}

ggml = Ggml(sys.argv[1])
cols, names = int(sys.argv[3]), sys.argv[4].split(",")
w = importance("heavy", 3, cols)
with open(sys.argv[2], "wb") as out:
    heads = [(TYPES[n], cols // ggml.traits(n).elems * ggml.traits(n).bytes, n in WEIGHTED) for n in names]
    out.write(np.array([cols, len(KINDS), len(names), *np.ravel(heads)], dtype="<u4").tobytes())
    out.write(w.tobytes())
    for kind in KINDS:
        x = rows(kind, 11, 1, cols)
        out.write(x.tobytes())
        for n in names:
            out.write(ggml.encode(n, x).tobytes())
            if n in WEIGHTED:
                out.write(ggml.encode(n, x, w).tobytes())
