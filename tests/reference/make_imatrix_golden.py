#!/usr/bin/env python3
"""Write tests/golden/imatrix.{gguf,dat,txt}: an importance matrix in both forms as llama-imatrix writes them, and its means.

  pip install gguf==0.19.0 numpy==2.4.6
  python3 tests/reference/make_imatrix_golden.py LLAMA_CPP_BUILD tests/golden

LLAMA_CPP_BUILD: a build of llama.cpp at commit 0c1e57098bba43ac29e6e3b677cdceebdd22334f. Sums and counts are random; llama-imatrix
reads and writes them (--in-file). The .txt has a line per form and entry: form, name, numbers of values, of matrices and of those
that no row met, then each mean's bits in hex: f32 sums over f32 counts, 1 where the count is 0 (GGUF), f32 values over calls (.dat), as
tools/quantize/quantize.cpp load_imatrix computes them.
"""
import os
import struct
import subprocess
import sys

import gguf
import numpy as np

ENTRIES = {"blk.0.attn_q.weight": (24, [96]), "blk.0.ffn_down.weight": (40, [100]), "output.weight": (24, [7]),
           "blk.1.ffn_down_exps.weight": (8, [50, 0, 41, 3])}


def write(path):
    rng = np.random.default_rng(20250701)
    w = gguf.GGUFWriter(path, "")
    w.kv_data = [{}]
    w.add_string("general.type", "imatrix")
    w.add_array("imatrix.datasets", ["first.txt", "texts/second.txt"])
    w.add_uint32("imatrix.chunk_count", 3)
    w.add_uint32("imatrix.chunk_size", 32)
    for name, (cols, counts) in ENTRIES.items():
        sums = rng.gamma(0.5, 300, (len(counts), cols)).astype(np.float32) * (np.array(counts) > 0)[:, None]
        w.add_tensor(name + ".in_sum2", sums.astype(np.float32))
        w.add_tensor(name + ".counts", np.array(counts, np.float32)[:, None])
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def line(form, name, means, mats, unseen):
    return f"{form} {name} {means.size} {mats} {unseen} " + " ".join(f"{b:08x}" for b in means.view(np.uint32).ravel())


def of_gguf(path):
    t = {x.name: x.data.astype(np.float32) for x in gguf.GGUFReader(path).tensors}
    for name in sorted(n[:-8] for n in t if n.endswith(".in_sum2")):
        counts = np.round(t[name + ".counts"].reshape(-1, 1)).astype(np.float32)
        sums = t[name + ".in_sum2"].reshape(len(counts), -1)
        with np.errstate(all="ignore"):
            means = np.where(counts > 0, sums / counts, np.float32(1)).astype(np.float32)
        yield line("gguf", name, means, len(counts), int((counts == 0).sum()))


def of_dat(path):
    b = open(path, "rb").read()
    (n,), at, out = struct.unpack_from("<i", b), 4, []
    for _ in range(n):
        (length,) = struct.unpack_from("<i", b, at)
        name = b[at + 4:at + 4 + length].decode()
        calls, values = struct.unpack_from("<ii", b, at + 4 + length)
        at += 12 + length
        means = np.frombuffer(b, "<f4", values, at) / np.float32(calls)
        at += 4 * values
        out.append(line("dat", name, means, 0, 0))
    return sorted(out)


def main(build, folder):
    tool, path = os.path.join(build, "bin", "llama-imatrix"), os.path.join(folder, "imatrix")
    write(path + ".in")
    for form in "gguf", "dat":
        subprocess.run([tool, "-m", "none", "--in-file", path + ".in", "-o", f"{path}.{form}", "--output-format", form, "-c", "32"],
                       check=True,
                       capture_output=True)
    os.remove(path + ".in")
    with open(path + ".txt", "w", encoding="utf-8") as f:
        f.write("\n".join([*of_gguf(path + ".gguf"), *of_dat(path + ".dat")]) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
