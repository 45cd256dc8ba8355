#!/usr/bin/env python3
"""Quantize many rows of every kind with fox and with ggml and count the blocks that differ; decode random blocks likewise.

  pip install numpy==2.4.6
  make build/release/tests/gen/quantblk
  python3 tests/reference/compare_blocks.py LIBGGML_BASE.so [--blocks N] [--types q4_k,...] [--scalar] [--speed]

--blocks  of each type, kind of row and kind of importance (20000); the library: see block_rows.py, from which a type is
          added. --scalar: fox's scalar kernels only. --speed: compares speed instead, one thread each, CPU time: fox's scalar and
          best kernels as multiples of ggml's. Exit 1 when anything differs.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

from block_rows import IDS, IMPORTANCE, KINDS, READ_ONLY, Ggml, importance, rows

COLS = 2048
QUANTBLK = os.path.join(os.path.dirname(__file__), "../../build/release/tests/gen/quantblk")

ap = argparse.ArgumentParser()
ap.add_argument("library")
ap.add_argument("--blocks", type=int, default=20000)
ap.add_argument("--types", default=",".join(IDS))
ap.add_argument("--scalar", action="store_true")
ap.add_argument("--speed", action="store_true")
args = ap.parse_args()
ggml = Ggml(args.library)


def fox(words, data, scalar=args.scalar):
    env = dict(os.environ, FOX_CPU_DISABLE="all") if scalar else os.environ
    return subprocess.run([QUANTBLK, *words], input=data, stdout=subprocess.PIPE, check=True, env=env).stdout


HAS = {line.split()[0]: line.split()[3:] for line in fox(["types"], b"").decode().splitlines()}


def weights_file(folder, w):
    path = os.path.join(folder, "importance")
    w.tofile(path)
    return path


def compare(name, folder):
    t = ggml.traits(name)
    total = wrong = 0
    for kind in KINDS if name not in READ_ONLY else []:
        n = max(1, args.blocks * t.elems // COLS)
        for seed in range(-(-n // 1024)):  # 8 MB at a time
            x = rows(kind, seed, min(1024, n), COLS)
            for which in [None, *IMPORTANCE] if "weighted" in HAS[name] else [None]:
                if which and seed % len(IMPORTANCE) != list(IMPORTANCE).index(which) and n > 1024 * len(IMPORTANCE):
                    continue
                w = importance(which, seed, COLS) if which else None
                words = ["encode", name, str(COLS)] + ([weights_file(folder, w)] if which else [])
                got = np.frombuffer(fox(words, x.tobytes()), dtype=np.uint8).reshape(-1, t.bytes)
                want = ggml.encode(name, x, w).reshape(-1, t.bytes)
                bad = (got != want).any(axis=1)
                total += len(bad)
                if bad.any():
                    at = int(np.argmax(bad))
                    per = COLS // t.elems
                    print(f"  {name} {kind} importance {which} seed {seed}: {bad.sum()} differ, first row {at // per} "
                          f"block {at % per}:\n    fox  {got[at].tobytes().hex()}\n    ggml {want[at].tobytes().hex()}")
                    wrong += int(bad.sum())
    return total, wrong


def compare_decode(name):
    t = ggml.traits(name)
    blocks = np.random.default_rng(9).integers(0, 256, (args.blocks, t.bytes), dtype=np.uint8)
    got = np.frombuffer(fox(["decode", name], blocks.tobytes()), dtype="<f4")
    want = ggml.decode(name, blocks)
    same = (got.view(np.uint32) == want.view(np.uint32)) | (np.isnan(got) & np.isnan(want))
    return len(blocks), int((~same).reshape(len(blocks), -1).any(axis=1).sum())


def speed(name, folder):
    x = rows("gaussian-bf16", 1, 512, COLS)
    for which in [None, "heavy"] if "weighted" in HAS[name] else [None]:
        w = importance(which, 1, COLS) if which else None
        words = ["bench", name, str(COLS)] + ([weights_file(folder, w)] if which else [])
        took = []
        for _ in range(3):
            start = time.process_time()
            blocks = ggml.encode(name, x, w)
            took.append(time.process_time() - start)
        back = []
        for _ in range(3):
            start = time.process_time()
            ggml.decode(name, blocks)
            back.append(time.process_time() - start)
        ours = [[float(v) for v in fox(words, x.tobytes(), scalar).split()] for scalar in (True, False)]
        mb = x.nbytes / 1e6
        print(f"{name:8} {'weighted' if which else 'plain':9} encode MB/s: ggml {mb / min(took):7.1f}  "
              f"scalar {mb / ours[0][0]:7.1f} ({min(took) / ours[0][0]:5.2f}x)  "
              f"best {mb / ours[1][0]:7.1f} ({min(took) / ours[1][0]:5.2f}x)   decode: ggml {mb / min(back):7.0f}  "
              f"scalar {mb / ours[0][1]:7.0f}  best {mb / ours[1][1]:7.0f} ({min(back) / ours[1][1]:5.2f}x)", flush=True)


failed = False
with tempfile.TemporaryDirectory() as scratch:
    for type_name in args.types.split(","):
        if args.speed:
            if type_name not in READ_ONLY:
                speed(type_name, scratch)
            continue
        n_encoded, n_wrong = compare(type_name, scratch)
        n_decoded, n_off = compare_decode(type_name)
        failed |= n_wrong + n_off > 0
        print(f"{type_name:8} encoded {n_encoded} blocks, {n_wrong} differ; decoded {n_decoded}, {n_off} differ", flush=True)
sys.exit(failed)
