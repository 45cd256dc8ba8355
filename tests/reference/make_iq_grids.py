#!/usr/bin/env python3
"""Write kernels/iq_grid_tab.c: the rows of values that iq1, iq2 and iq3 blocks refer to by number.

The grids are part of the format. They are taken from the gguf package, which holds them packed; here each row becomes one
16-bit number: eight values of two bits or four of four bits, the first in the lowest bits.

  pip install gguf==0.19.0 numpy==2.4.6
  python3 tests/reference/make_iq_grids.py > kernels/iq_grid_tab.c
"""
import numpy as np
from gguf import quants

HEAD = """/* iq_grid_tab.c - the grids of the iq types: made by tests/reference/make_iq_grids.py, not by hand. */
#include "kernels/iq_grid.h"
"""


def table(name, cls, bits):
    cls.init_grid()
    values = np.array(cls.grid_map, dtype=np.float32)
    rows = cls.grid.reshape(cls.grid_shape)
    codes = np.searchsorted(values, rows)
    assert (values[codes] == rows).all() and bits * rows.shape[1] == 16
    words = (codes << bits * np.arange(rows.shape[1])).sum(axis=1)
    print(f"\n/* clang-format off */\nFOX_GRID uint16_t {name}[{len(words)}] = {{")
    for i in range(0, len(words), 16):
        print("\t" + " ".join(f"{w:#06x}," for w in words[i:i + 16]))
    print("};\n/* clang-format on */")


print(HEAD, end="")
table("fox_grid_iq2_xxs", quants.IQ2_XXS, 2)
table("fox_grid_iq2_xs", quants.IQ2_XS, 2)
table("fox_grid_iq2_s", quants.IQ2_S, 2)
table("fox_grid_iq3_xxs", quants.IQ3_XXS, 4)
table("fox_grid_iq3_s", quants.IQ3_S, 4)
table("fox_grid_iq1", quants.IQ1_S, 2)
