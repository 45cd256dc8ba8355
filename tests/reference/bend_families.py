#!/usr/bin/env python3
"""Change every key and every tensor of every family's container once: fox-verify --source must find each change.

usage: make && make build/release/tests/gen/bend && tests/reference/bend_families.py build/release [FAMILY...]

Containers are made of tests/families in the type that loses nothing. Each key below the architecture's name is set to
other values (a number by one step and by a factor, a bool turned, each element of an array) and left out; keys that the
container does not have are put; each tensor is left out, and exchanged with the one before it of its shape. A change
counts as found when there is a failure that the good container does not have. Prints what was not found and counts at
the end; exit 1 when anything but SILENT was missed. Needs nothing beyond Python.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
FAMILIES = ROOT / "tests" / "families"

# Changes that mean the same to every reader, and why.
SILENT = {
    ("drop-key", "general.file_type"),  # a label
    ("drop-key", "vocab_size"),  # the number of tokens
    ("drop-key", "attention.head_count_kv"),  # as many as heads
    ("drop-key", "attention.key_length"),  # the width over the heads
    ("drop-key", "attention.value_length"),
    ("drop-key", "rope.dimension_count"),  # the head size
    ("drop-key", "rope.freq_base"),  # 10000
    ("drop-key", "rope.freq_base_swa"),  # 10000
    ("drop-key", "rope.scaling.type"),  # a factor alone means linear
    ("drop-key", "rope.scaling.original_context_length"),  # without scaling
    ("drop-key", "use_parallel_residual"),  # readers go by the second norm
    ("put", "attention.sliding_window_pattern"),  # the family's own, or without a window
}

PUT = {
    "rope.scaling.type": ["linear", "yarn"], "rope.scaling.factor": ["2.0"], "rope.scaling.attn_factor": ["2.0"],
    "rope.scaling.finetuned": ["true"], "rope.scale_linear": ["2.0"], "rope.dimension_count": ["4"],
    "rope.freq_base": ["77.0"], "rope.freq_base_swa": ["77.0"], "attn_logit_softcapping": ["5.5"],
    "final_logit_softcapping": ["5.5"], "attention.sliding_window": ["9"], "attention.sliding_window_pattern": ["2"],
    "attention.scale": ["0.9"], "attention.clamp_kqv": ["1.0"], "attention.max_alibi_bias": ["8.0"],
    "attention.key_length": ["4"], "attention.value_length": ["4"], "attention.head_count_kv": ["1"],
    "attention.causal": ["false"], "attention.layer_norm_epsilon": ["0.1"],
    "attention.layer_norm_rms_epsilon": ["0.1"], "use_parallel_residual": ["true", "false"], "logit_scale": ["2.0"],
    "embedding_scale": ["2.0"], "residual_scale": ["2.0"], "expert_count": ["2"], "vocab_size": ["7"],
}


def run(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)


def failures(build, container, source):
    """The failures as a set of texts; a run that could not judge is one, too."""
    r = run(build / "bin/fox-verify", container, "--source", source, "-q", "--json")
    if r.returncode not in (0, 1):
        return {r.stderr}
    return {f'{f["check"]} {f["where"]}: {f["text"]}' for f in json.loads(r.stdout)["findings"] if f["grade"] == "fail"}


def other_values(value, kind):
    if isinstance(value, bool):
        return ["false" if value else "true"]
    if isinstance(value, str):
        return [k for k in ("none", "linear", "yarn", "longrope") if k != value]
    if kind == "f32":
        return [repr(value * by) for by in (1.0000002, 1.001, 2)] if value else ["1.0"]
    return [str(value + 1), str(value * 2 + 2)]


def key_changes(keys, arch):
    """(operation, key without the architecture, arguments of bend)"""
    below = arch + "."
    for k in keys:
        if not k["key"].startswith(below) and k["key"] != "general.file_type":
            continue
        name = k["key"].removeprefix(below)
        if isinstance(k["value"], list):
            for i, v in enumerate(k["value"]):
                yield "set", name, ("set-item", k["key"], i, other_values(v, "")[0])
        else:
            for v in other_values(k["value"], k["type"]):
                yield "set", name, ("set", k["key"], v)
        yield "drop-key", name, ("drop-key", k["key"])
    here = {k["key"] for k in keys}
    for name, values in PUT.items():
        for v in values if below + name not in here else []:
            yield "put", name, ("set", below + name, v)


def tensor_changes(tensors):
    last = {}
    for t in tensors:
        yield "drop", t["name"], ("drop", t["name"])
        shape = (t["type"], *t["shape"])
        if shape in last:
            yield "swap", t["name"], ("swap", last[shape], t["name"])
        last[shape] = t["name"]


def family(build, tmp, name):
    """(changes, those not found, those of them that are no surprise)"""
    source, good, bad = FAMILIES / name, tmp / "good.gguf", tmp / "bad.gguf"
    tokenizer = FAMILIES / (name + "_tokenizer")
    more = ["--tokenizer", tokenizer] if tokenizer.exists() else []
    r = run(build / "bin/fox-convert", "-q", source, *more, "-t", "auto", "-o", good, "--force")
    if r.returncode:
        sys.exit(f"{name}: {r.stderr}")
    before = failures(build, good, source)
    inspect = {w: json.loads(run(build / "bin/fox-inspect", w, "--json", good).stdout)[w] for w in ("keys", "tensors")}
    arch = next(k["value"] for k in inspect["keys"] if k["key"] == "general.architecture")
    n = missed = silent = 0
    for op, what, args in [*key_changes(inspect["keys"], arch), *tensor_changes(inspect["tensors"])]:
        r = run(build / "tests/gen/bend", good, bad, *args)
        if r.returncode:
            sys.exit(f"{name}: {args}: {r.stderr}")
        n += 1
        if failures(build, bad, source) <= before:
            missed += 1
            silent += (op, what) in SILENT
            print(f"{name}: {op} {' '.join(map(str, args[1:]))}" + ("" if (op, what) in SILENT else "  NOT FOUND"))
    return n, missed, silent


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    names = sys.argv[2:] or sorted(p.parent.name for p in FAMILIES.glob("*/model.safetensors"))
    with tempfile.TemporaryDirectory() as tmp:
        rows = [family(build, pathlib.Path(tmp), name) for name in names]
    n, missed, silent = (sum(c) for c in zip(*rows))
    print(f"{n} changes, {n - missed} found, {silent} that mean the same, {missed - silent} missed")
    sys.exit(missed != silent)


if __name__ == "__main__":
    main()
