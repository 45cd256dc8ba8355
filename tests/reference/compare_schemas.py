#!/usr/bin/env python3
"""Fox's types against the schema files of llama.cpp's own test of type selection (tests/snapshots/*.schema).

  make build/release/tests/gen/mixes
  python3 tests/reference/compare_schemas.py LLAMA_CPP_DIR

Printed for each model: tensors times file types that are equal, and that differ. The schemas name the tensors that do not
have the base type; every tensor that is named under some file type is compared under all of them. Columns are not in the
schemas: COLUMNS. LLAMA_CPP_DIR at the commit of mix_models.py.
"""
import glob
import os
import re
import subprocess
import sys

MIXES = os.path.join(os.path.dirname(__file__), "../../build/release/tests/gen/mixes")
ARCH = {"deepseek-v3.1": "deepseek2", "gemma-3-4b-it": "gemma3", "glm-4.6v": "glm4moe", "gpt-oss-120b": "gpt-oss",
        "meta-llama-3.1-70b-instruct": "llama", "nvidia-nemotron-3-nano-30b-a3b": "nemotron_h_moe", "qwen3-0.6b": "qwen3",
        "qwen3-14b": "qwen3", "qwen3-coder-next": "qwen3next", "qwen3.5-397b-a17b": "qwen35moe", "qwen3.6-27b": "qwen35",
        "step-3.5-flash": "step35"}


def read(path):
    facts, sections = {}, []
    for line in open(path, encoding="utf-8"):
        line = line.strip()
        if line.startswith("#"):
            facts |= {k: int(v) for k, v in re.findall(r"(n_\w+)=(\d+)", line)}
        elif line.startswith("["):
            name, base = re.match(r"\[(\w+)\] (\w+)", line).groups()
            sections.append((name, base.lower(), {}))
        elif line:
            tensor, t = line.rsplit(" ", 1)
            sections[-1][2][tensor] = t.lower()
    return facts, sections


# Columns that are no multiple of 256, from the models' published config.json, by part of a name.
COLUMNS = {
    "deepseek-v3.1": [("attn_k_b", 128), ("", 7168)],
    "glm-4.6v": [("ffn_down_exps", 1408), ("ffn_down_shexp", 1408), ("ffn_down.", 10944), ("", 4096)],
    "gpt-oss-120b": [("attn_output", 4096), ("", 2880)],
    "nvidia-nemotron-3-nano-30b-a3b": [("ffn_down_exps", 1856), ("ffn_down_shexp", 3712), ("attn_output", 4096),
                                       ("ssm_out", 4096), ("", 2688)],
}


def columns(model, tensor):
    return next((c for part, c in COLUMNS.get(model, []) if part in tensor), 256)


def main(root):
    good = bad = 0
    for path in sorted(glob.glob(os.path.join(root, "tests/snapshots/*.schema"))):
        model = os.path.basename(path)[:-7]
        facts, sections = read(path)
        named = sorted({t for s in sections for t in s[2]})
        text = [f"m {model} {ARCH[model]} {facts['n_layer']} {facts.get('n_expert', 0)} {facts['n_head']} {facts['n_head_kv']}"]
        for t in named:
            stacked = re.search(r"_exps\.|attn_[kv]_b\.", t)
            text.append(f"t {t} f16 {columns(model, t)} 2" + (" 2" if stacked else ""))
        lines = subprocess.run([MIXES, "all"], input="\n".join(text + [f"r {s[0]}" for s in sections]) + "\n",
                               capture_output=True, text=True, check=True).stdout.splitlines()
        got, run = {}, None
        for line in lines:
            if line.startswith("r "):
                run = got.setdefault(line.split()[1], {})
            else:
                run.update([line.split()])
        equal = differ = 0
        for name, base, other in sections:
            for t in named:
                want = other.get(t, base)
                if got[name][t] == want:
                    equal += 1
                else:
                    differ += 1
                    print(f"  {model} {name} {t}: {got[name][t]}, schema {want}")
        print(f"{model}: {equal} equal, {differ} differ ({len(named)} tensors, {len(sections)} file types)")
        good, bad = good + equal, bad + differ
    print(f"all: {good} equal, {bad} differ")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
