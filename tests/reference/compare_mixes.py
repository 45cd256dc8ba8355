#!/usr/bin/env python3
"""Fox's types against llama-quantize's on random models: architectures, layers, heads, experts, row sizes, options, rules.

  make build/release/tests/gen/mixes
  python3 tests/reference/compare_mixes.py LLAMA_CPP_BUILD [MODELS [SEED]]

Printed: runs that are equal, runs that differ, and the first ones that do. LLAMA_CPP_BUILD as for make_mix_golden.py.
"""
import random
import re
import subprocess
import sys

from mix_models import FTYPES, ROWS, Model, scratch, tool_of

MIXES = "build/release/tests/gen/mixes"
ARCHS = """llama qwen2 qwen3 gemma gemma2 gemma3 stablelm openelm phi3 olmo2 olmo bloom gpt2 falcon mpt starcoder2 deci jais2
    qwen3moe olmoe minicpm internlm2 command-r dbrx granite""".split()
NAMES = """attn_q attn_k attn_v attn_qkv attn_output ffn_gate ffn_up ffn_down attn_kv_b attn_q_a ffn_down_shexp ffn_gate_inp
    attn_q_norm other ssm_conv1d ffn_gate_exps ffn_up_exps ffn_down_exps attn_k_b ffn_up_shexp""".split()
TYPES = "q4_0 Q5_1 q8_0 q2_K q3_k q4_k q6_K iq4_nl IQ4_XS iq3_s f16 bf16 f32 tq2_0 mxfp4".split()
PATTERNS = r"attn_v attn_(q|k)\. ffn_down ffn_.*exps blk\.[0-3]\. \.1\. ^output weight$ blk\.(?!0\.) attn token_embd [ue]p".split()


def model(rng):
    layers, experts = rng.randint(1, 40), rng.choice([0, 0, 0, 2, 4, 8, 8, 16])
    kv = rng.choice([1, 2, 4, 8])
    arch = rng.choice(ARCHS)
    layers = rng.choice([layers, layers, 80, 68]) if arch in ("llama", "qwen2", "deci", "jais2", "olmo") else layers
    cols = rng.choice([256, 512, 256, 256, 128, 320, 96, 100, 2880])
    lines = [f"m random {arch} {layers} {experts} {kv * rng.choice([1, 1, 2, 4, 8])} {kv}"]
    lines += [f"t token_embd.weight f16 {cols} {ROWS}"]
    lines += [f"t output.weight f16 {rng.choice([cols, 256])} {ROWS}"] if rng.random() < 0.6 else []
    lines += [f"t per_layer_token_embd.weight f16 256 {ROWS}"] if rng.random() < 0.2 else []
    for name in rng.sample(NAMES, rng.randint(2, 10)):
        if "_exps" in name and not experts:
            continue
        c = cols if rng.random() < 0.6 else rng.choice([256, 768, 32, 64, 33, 1408, 4864])
        stack = f" {experts}" if "_exps" in name else " 3" if name == "attn_k_b" else ""
        where = "*" if rng.random() < 0.8 else f"{rng.randint(0, layers - 1)}-{layers - 1}"
        lines.append(f"t blk.{where}.{name}.weight f16 {c} {ROWS}{stack}")
    return lines


def run(rng):
    words = [rng.choice([f for f in FTYPES if f not in ("COPY", "Q1_0")])]
    words += ["imp"] if rng.random() < 0.3 else []
    words += ["pure"] if rng.random() < 0.1 else []
    words += ["leave"] if rng.random() < 0.1 else []
    words += ["out=" + rng.choice(["f16", "q8_0"])] if rng.random() < 0.1 else []
    words += ["emb=" + rng.choice(["f16", "bf16"])] if rng.random() < 0.1 else []
    if words[0] not in ("F16", "BF16", "F32"):
        words += [f"rule={rng.choice(PATTERNS)}={rng.choice(TYPES)}" for _ in range(rng.choice([0, 0, 0, 1, 2]))]
    return " ".join(words)


def blocks_fit(lines, text):
    """Options skip llama-quantize's fallback: with columns that no block holds it would divide wrongly or stop."""
    fit = all(int(x.split()[3]) % 32 == 0 for x in lines[1:3])
    return fit or not re.search(r"out=q8_0", text)


def main(build, n=200, seed=1):
    rng, tool, folder = random.Random(int(seed)), tool_of(build), scratch()
    equal = differ = 0
    for _ in range(int(n)):
        lines = model(rng)
        want = Model(lines, folder.name)
        want.write()
        runs = [r for r in (run(rng) for _ in range(8)) if blocks_fit(lines, r)]
        got = subprocess.run([MIXES], input="\n".join(lines + ["r " + r for r in runs]) + "\n", capture_output=True, text=True,
                             check=True).stdout.splitlines()
        for r, line in zip(runs, got):
            expected = want.run(tool, r)
            if line == expected:
                equal += 1
                continue
            differ += 1
            if differ < 6:
                print("\n".join(lines) + f"\n  llama-quantize {expected}\n  fox            {line}")
    print(f"{equal} runs equal, {differ} differ")
    return differ != 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
