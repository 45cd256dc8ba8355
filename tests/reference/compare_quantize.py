#!/usr/bin/env python3
"""Oracle: fox-quantize against llama-quantize: every tensor's type and every byte, and every key outside fox.*.

  pip install numpy==2.4.6 gguf==0.19.0
  make && python3 tests/reference/compare_quantize.py BIN_DIR LLAMA_CPP_BIN_DIR [CHECKPOINT | FILE.gguf ...] [--types q4_k_m,...]

LLAMA_CPP_BIN_DIR: llama-quantize and llama-imatrix, built from llama.cpp 0c1e57098bba43ac29e6e3b677cdceebdd22334f; ggml-base without
FMA, as for x86-64 without further flags: contraction changes the bytes. Without sources: tests/demo and FAMILIES.

Each source, in the float type of its own, is quantized by both to the file types that fox makes, in the cases of CASES; then
from files that are quantized already. The importance matrix of the demo is llama-imatrix's, others are random. Of a checkpoint
fox-convert -t TYPE must also make what fox-quantize makes of its conversion. Tensors are compared by name: llama-quantize
writes them by layer, fox in the source's order. What differs on purpose is in MEANT and is printed; anything else makes the
exit status 1.
"""
import argparse
import collections
import math
import os
import struct
import subprocess
import sys
import tempfile

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFWriter

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
TYPES = ("q4_0 q4_1 q5_0 q5_1 q8_0 q2_k q2_k_s q3_k_s q3_k_m q3_k_l q4_k_s q4_k_m q5_k_s q5_k_m q6_k iq4_nl iq4_xs mxfp4_moe "
         "bf16 f16 f32 copy").split()
# rows of 32, 48, 64, 96 and 128 weights, tied and not, fused matrices, biases, a float16 and a float32 checkpoint
FAMILIES = "fox1 llama3 gemma3 phi3 qwen2 openelm bloom stablelm gpt2".split()
FEW = "q2_k q4_k_m q5_0 iq4_xs q8_0 f16 copy".split()
FLOATS = ("f32", "f16", "bf16", "copy")
# what llama-quantize itself does not offer or do; see recipe.md 7
MEANT = {
    "rules": "llama-quantize passes over rules where the file type is a float type; fox heeds them",
    "column types": "llama-quantize stops where rows do not fit a type that was named; fox falls back",
}
# name, options ({imatrix}: the path), file types (None: all of them)
CASES = [
    ("mixture", [], None),
    ("pure", ["--pure"], None),
    ("importance", ["--imatrix", "{imatrix}"], None),
    ("importance, pure", ["--imatrix", "{imatrix}", "--pure"], None),
    ("importance of a part", ["--imatrix", "{imatrix}", "--include-weights", "ffn_down"], FEW),
    ("importance but a part", ["--imatrix", "{imatrix}", "--exclude-weights", "attn"], FEW),
    ("rules", ["--tensor-type", "attn_v=q8_0", "--tensor-type", "ffn_(up|gate)=q5_1", "--tensor-type", r"blk\.[01]\..*=iq4_nl"], FEW),
    ("output, embedding", ["--output-tensor-type", "q5_1", "--token-embedding-type", "q4_1"], FEW),
    ("output left", ["--leave-output-tensor"], FEW),
    *((f"{t}", ["--tensor-type", f"weight={t}"], ["q8_0"]) for t in ("mxfp4", "nvfp4")),
    *((f"{t}, importance", ["--tensor-type", f"weight={t}", "--imatrix", "{imatrix}"], ["q8_0"]) for t in ("mxfp4", "nvfp4")),
]
AGAIN = ("q8_0", "q4_k_m", "iq4_xs")  # what is quantized again

args = None
files, tensors_seen, encoded, refused = (collections.Counter() for _ in range(4))
bad, meant = [], collections.Counter()


def run(tool, *words):
    said = subprocess.run([tool, *words], capture_output=True, text=True, errors="replace")
    return said.returncode, (said.stderr + said.stdout).strip()


def fox(tool, *words):
    return run(os.path.join(args.fox, tool), *words)


def must(result, what):
    if result[0]:
        sys.exit(f"compare_quantize: {what}: {result[1][-300:]}")


SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
STRING, ARRAY = 8, 9


def read(path):
    """Keys: bytes of type and value; tensors: type, shape, data. Thousands of files are read: gguf's reader takes too long."""
    data = open(path, "rb").read()
    (version, n_tensors, n_keys), at = struct.unpack_from("<IQQ", data, 4), 24
    assert data[:4] == b"GGUF" and version in (2, 3)

    def string(at):
        n, = struct.unpack_from("<Q", data, at)
        return data[at + 8:at + 8 + n], at + 8 + n

    def skip(kind, at):
        if kind == STRING:
            return string(at)[1]
        if kind != ARRAY:
            return at + SIZES[kind]
        kind, n = struct.unpack_from("<IQ", data, at)
        at += 12
        if kind in SIZES:
            return at + n * SIZES[kind]
        for _ in range(n):
            at = skip(kind, at)
        return at

    keys, infos = {}, []
    for _ in range(n_keys):
        name, at = string(at)
        end = skip(struct.unpack_from("<I", data, at)[0], at + 4)
        keys[name.decode()] = data[at:end]
        at = end
    for _ in range(n_tensors):
        name, at = string(at)
        n, = struct.unpack_from("<I", data, at)
        shape = struct.unpack_from(f"<{n}Q", data, at + 4)
        kind, offset = struct.unpack_from("<IQ", data, at + 4 + 8 * n)
        at += 16 + 8 * n
        infos.append((name.decode(), GGMLQuantizationType(kind), shape, offset))
    align = struct.unpack_from("<I", keys["general.alignment"], 4)[0] if "general.alignment" in keys else 32
    start = -(-at // align) * align
    tensors = {}
    for name, kind, shape, offset in infos:
        elems, n_bytes = GGML_QUANT_SIZES[kind]
        size = math.prod(shape) // elems * n_bytes
        assert start + offset + size <= len(data), f"{path}: {name} is cut off"
        tensors[name] = (kind.name, shape, data[start + offset:start + offset + size])
    return keys, tensors


def compared_keys(keys, but):
    values = {k: v for k, v in keys.items() if not k.startswith(but)}
    file = values.get("quantize.imatrix.file")  # llama-quantize records the path, fox the name alone
    if file:
        values["quantize.imatrix.file"] = file[12:].split(b"/")[-1]
    return values


def compare(a, b, but=("fox.",)):
    """Lines that say what differs; the tensors of the first."""
    (ka, x), (kb, y) = read(a), read(b)
    found = []
    for name in sorted(x.keys() | y.keys()):
        if name not in x or name not in y:
            found.append(f"tensor {name} is in one of them only")
        elif x[name][:2] != y[name][:2]:
            found.append(f"tensor {name}: {x[name][:2]} and {y[name][:2]}")
        elif x[name][2] != y[name][2]:
            n = sum(i != j for i, j in zip(x[name][2], y[name][2]))
            found.append(f"tensor {name} ({x[name][0]}): {n} bytes differ")
    ka, kb = compared_keys(ka, but), compared_keys(kb, but)
    found += [f"key {key} differs" for key in sorted(ka.keys() | kb.keys()) if ka.get(key) != kb.get(key)]
    return found, x


def random_imatrix(source, path):
    """Sums of squares of activations as a model might meet, from small to large, for every matrix but the embedding."""
    rng = np.random.default_rng(1)
    w = GGUFWriter(path, "")
    w.add_type("imatrix")
    w.add_array("imatrix.datasets", ["random"])
    w.add_uint32("imatrix.chunk_count", 3)
    w.add_uint32("imatrix.chunk_size", 512)
    for name, (_, shape, _) in read(source)[1].items():
        if len(shape) == 2 and name.endswith(".weight") and name != "token_embd.weight":
            w.add_tensor(name + ".in_sum2", np.exp(2 * rng.standard_normal((1, shape[0]))).astype(np.float32))
            w.add_tensor(name + ".counts", np.full((1, 1), 1536, np.float32))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def odd_rows(source):
    return any(len(shape) > 1 and shape[0] % 32 for _, shape, _ in read(source)[1].values())


def excuse(case, kind, source, llama_failed):
    if case == "rules" or case.split(",")[0] in ("mxfp4", "nvfp4"):
        if kind in FLOATS:
            return "rules"
    if llama_failed and (case == "output, embedding" and odd_rows(source) or case.startswith("nvfp4")):
        return "column types"
    return None


def few(kinds):
    return [k for k in kinds if k in args.types] if kinds else args.types


def one(label, case, kind, source, options, tmp):
    a, b = os.path.join(tmp, "llama.gguf"), os.path.join(tmp, "fox.gguf")
    theirs = run(os.path.join(args.llama, "llama-quantize"), *options, source, a, kind)
    ours = fox("fox-quantize", source, kind, "-o", b, "-f", "-q", "--allow-lossy", *options)
    where = f"{label}, {case}, {kind}"
    if theirs[0] or ours[0]:
        if theirs[0] and ours[0]:
            refused[kind] += 1
        elif (why := excuse(case, kind, source, theirs[0])) and not ours[0]:
            meant[why] += 1
        else:
            bad.append(f"{where}: refused by {'llama-quantize' if theirs[0] else 'fox'} alone: {(theirs[1] or '?')[-200:]} / {ours[1][-200:]}")
        return
    found, x = compare(a, b)
    why = excuse(case, kind, source, False) if found else None
    if why:
        meant[why] += 1
        return
    if found:
        bad.append(f"{where}: {'; '.join(found[:4])}" + (f" and {len(found) - 4} more" if len(found) > 4 else ""))
    files[kind] += 1
    for t in x.values():
        tensors_seen[t[0]] += 1
        encoded[t[0]] += len(t[2])


def directly(label, checkpoint, tokenizer, source, tmp):
    """fox-convert -t TYPE against fox-quantize of the conversion."""
    types = ",".join(t for t in args.types if t not in FLOATS + ("q2_k_s",))
    must(fox("fox-convert", "-q", checkpoint, *tokenizer, "-t", types, "-o", os.path.join(tmp, "direct-{type}.gguf")), "convert " + label)
    must(fox("fox-quantize", "-q", source, types, "-o", os.path.join(tmp, "two-{type}.gguf")), "quantize " + label)
    n = 0
    for t in types.split(","):
        found, _ = compare(*(os.path.join(tmp, f"{how}-{t}.gguf") for how in ("direct", "two")),
                           but=("fox.quantize.", "fox.hash.", "fox.convert.", "fox.pad"))
        n += not found
        if found:
            bad.append(f"{label}, fox-convert -t {t}: {'; '.join(found[:4])}")
    return n


def check(path, tmp):
    label = os.path.basename(path.rstrip("/"))
    source, n_direct = path, 0
    before = sum(files.values()), len(bad)
    if os.path.isdir(path):
        source = os.path.join(tmp, "source.gguf")
        tok = ["--tokenizer", path.rstrip("/") + "_tokenizer"] if os.path.isdir(path.rstrip("/") + "_tokenizer") else []
        must(fox("fox-convert", "-q", path, *tok, "-t", "auto", "-o", source), "convert " + path)
        n_direct = directly(label, path, tok, source, tmp)
    imatrix = os.path.join(tmp, "imatrix.gguf")
    if label == "demo":
        must(run(os.path.join(args.llama, "llama-imatrix"), "-m", source, "-f", os.path.join(path, "heldout.txt"), "-c", "256", "--chunks", "8",
                 "-o", imatrix, "--no-ppl"), "llama-imatrix")
    else:
        random_imatrix(source, imatrix)
    for case, options, kinds in CASES:
        for kind in few(kinds):
            one(label, case, kind, source, [imatrix if o == "{imatrix}" else o for o in options], tmp)
    for first in AGAIN:
        again = os.path.join(tmp, "again.gguf")
        must(fox("fox-quantize", source, first, "-o", again, "-f", "-q"), f"{label} {first}")
        for kind in few(FEW):
            one(label, f"from {first}", kind, again, ["--allow-requantize"], tmp)
    print(f"{label}: {sum(files.values()) - before[0]} files, {len(bad) - before[1]} differ"
          + (f"; {n_direct} directly from the checkpoint" if n_direct else ""), flush=True)


def main():
    global args
    p = argparse.ArgumentParser()
    p.add_argument("fox")
    p.add_argument("llama")
    p.add_argument("sources", nargs="*")
    p.add_argument("--types", default=",".join(TYPES))
    args = p.parse_args()
    args.types = args.types.split(",")
    sources = args.sources or [os.path.join(TESTS, "demo"), *(os.path.join(TESTS, "families", f) for f in FAMILIES)]
    for path in sources:
        with tempfile.TemporaryDirectory() as tmp:
            check(path, tmp)
    print("\nfile type  compared  refused by both")
    for t in args.types:
        print(f"{t:10} {files[t]:8} {refused[t]:16}")
    print("\ntensor type  tensors       bytes compared")
    for t in sorted(tensors_seen):
        print(f"{t.lower():10} {tensors_seen[t]:9} {encoded[t]:20}")
    for why, n in meant.items():
        print(f"\nmeant, {n} files: {MEANT[why]}")
    for line in bad:
        print("DIFFERS", line)
    print(f"\n{sum(files.values())} files compared, {len(bad)} differences that are not meant")
    sys.exit(1 if bad else 0)


main()
