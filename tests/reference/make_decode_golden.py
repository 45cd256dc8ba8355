#!/usr/bin/env python3
"""Write tests/golden/decode.txt: for every block type a hash of what ggml decodes 256 blocks of random bytes to.

  pip install numpy==2.4.6
  python3 tests/reference/make_decode_golden.py LIBGGML_BASE.so > tests/golden/decode.txt

The library: see block_rows.py. A line has the type and, in hexadecimal, the hash: from h = 0, for the bits b of each f32 in
turn, h = (h + b) * 0x9e3779b97f4a7c15 + 1 modulo 2^64, any NaN counting as 7fc00000. The bytes: word i of a type is the
splitmix64 of (id << 32) + i, its lowest byte first.
"""
import sys

import numpy as np

from block_rows import IDS, Ggml

U64 = (1 << 64) - 1


def splitmix(z):
    z = (z * 0x9e3779b97f4a7c15 + 0x9e3779b97f4a7c15) & U64
    z = ((z ^ z >> 30) * 0xbf58476d1ce4e5b9) & U64
    z = ((z ^ z >> 27) * 0x94d049bb133111eb) & U64
    return z ^ z >> 31


ggml = Ggml(sys.argv[1])
for name, number in sorted(IDS.items(), key=lambda item: item[1]):
    n = 256 * ggml.traits(name).bytes
    words = [splitmix((number << 32) + i) for i in range((n + 7) // 8)]
    back = ggml.decode(name, np.array(words, dtype="<u8").view(np.uint8)[:n])
    bits = np.where(np.isnan(back), np.uint32(0x7fc00000), back.view(np.uint32))
    h = 0
    for b in bits.tolist():
        h = ((h + b) * 0x9e3779b97f4a7c15 + 1) & U64
    print(f"{name} {h:016x}")
