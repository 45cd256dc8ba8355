#!/usr/bin/env python3
"""Oracle: llama.cpp loads and runs every type that fox-quantize makes, of the demo and of one checkpoint per family.

  make && python3 tests/reference/run_llama_cpp.py BIN_DIR LLAMA_PERPLEXITY [CHECKPOINT ...] [--types q4_k_m,...]

LLAMA_PERPLEXITY: llama.cpp's, of 0c1e57098bba43ac29e6e3b677cdceebdd22334f. Without checkpoints: tests/demo and FAMILIES.

Each file is run by llama-perplexity and by fox-verify --text over the first windows of tests/demo/heldout.txt. The logarithms of
the perplexities must be within LIMIT of each other: llama.cpp rounds activations, to 8 bits where weights are quantized, fox does
not. Prints the largest difference for each type and checkpoint; exit 1 when a file is refused or a perplexity is not fox's.
"""
import argparse
import collections
import json
import math
import os
import re
import subprocess
import sys
import tempfile

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
TYPES = ("q4_0 q4_1 q5_0 q5_1 q8_0 q2_k q3_k_s q3_k_m q3_k_l q4_k_s q4_k_m q5_k_s q5_k_m q6_k iq4_nl iq4_xs mxfp4_moe mxfp4 nvfp4 "
         "bf16 f16 f32").split()
FAMILIES = "fox1 llama3 mistral qwen2 qwen3 smollm2 gemma gemma2 gemma3 phi3 stablelm olmo2 openelm gpt2 bloom".split()
CHUNKS = 8
CONTEXT = collections.defaultdict(lambda: 32, mistral=8, phi3=8)  # these see 8 tokens, and llama.cpp has no window for them
LIMIT = 0.02  # of ln PPL: relative, since random models have any perplexity


def run(*words):
    said = subprocess.run(words, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
    return said.returncode, said.stdout + "\n" + said.stderr


def theirs(tool, path, text, context):
    """Perplexity, or NaN and why. llama.cpp's log has a thread of its own, whose last lines are often lost at exit: then once more."""
    for _ in range(40):
        code, said = run(tool, "-m", path, "-f", text, "-c", str(context), "--chunks", str(CHUNKS), "-t", "1", "-b", "256")
        found = re.search(r"Final estimate: PPL = ([0-9.]+|nan|inf)", said)
        if code or found:
            break
    return (float(found[1]), "") if found and not code else (math.nan, said.strip().splitlines()[-1][-160:])


def ours(tool, path, text, context):
    code, said = run(tool, path, "--text", text, "--context", str(context), "--chunks", str(CHUNKS), "--json")
    if code:
        sys.exit(f"run_llama_cpp: {said.strip()[-300:]}")
    return json.loads(said[:said.rindex("}") + 1])["text"]["ppl"]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("fox")
    p.add_argument("llama")
    p.add_argument("checkpoints", nargs="*")
    p.add_argument("--types", default=",".join(TYPES))
    args = p.parse_args()
    checkpoints = args.checkpoints or [os.path.join(TESTS, "demo"), *(os.path.join(TESTS, "families", f) for f in FAMILIES)]
    n, bad, worst = collections.Counter(), [], collections.defaultdict(float)
    with tempfile.TemporaryDirectory() as tmp:
        text = os.path.join(tmp, "text")
        with open(os.path.join(TESTS, "demo", "heldout.txt"), "rb") as f, open(text, "wb") as out:
            out.write(f.read(3000))
        for path in checkpoints:
            name = os.path.basename(path.rstrip("/"))
            tok = path.rstrip("/") + "_tokenizer"
            made = os.path.join(tmp, "{type}.gguf")
            code, said = run(os.path.join(args.fox, "fox-convert"), "-q", path, "-t", args.types, "-f", "--allow-lossy", "-o", made,
                             *(["--tokenizer", tok] if os.path.isdir(tok) else []))
            if code:
                sys.exit(f"run_llama_cpp: {name}: {said.strip()[-300:]}")
            for kind in args.types.split(","):
                file = made.replace("{type}", kind)
                a, why = theirs(args.llama, file, text, CONTEXT[name])
                b = ours(os.path.join(args.fox, "fox-verify"), file, text, CONTEXT[name])
                off = abs(math.log(a) - math.log(b)) / math.log(b) if a > 0 and math.isfinite(a) else math.inf
                worst[kind], worst[name] = max(worst[kind], off), max(worst[name], off)
                n[name] += off <= LIMIT
                if not off <= LIMIT:
                    bad.append(f"{name}, {kind}: {why or f'perplexity {a}, of fox {b}'}")
            print(f"{name:12} {n[name]} of {len(args.types.split(','))} run; ln PPL off by at most {100 * worst[name]:.3f} %", flush=True)
    print("\n" + "\n".join(f"{kind:10} off by at most {100 * worst[kind]:.3f} %" for kind in args.types.split(",")))
    for line in bad:
        print("FAILS", line)
    print(f"\n{sum(n.values())} files run, {len(bad)} failures")
    sys.exit(1 if bad else 0)


main()
