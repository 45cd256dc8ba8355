"""Models as text (tests/mix_text.h), and what llama-quantize makes of them. Used by make_mix_golden.py and the comparisons.

llama-quantize looks at names, numbers of dimensions, columns and a few keys, never at rows or (with --dry-run) data: so every
matrix here has two rows, and a model of 70 billion parameters is a file of some kilobytes.
"""
import os
import re
import subprocess
import tempfile

import gguf
import numpy as np

COMMIT = "0c1e57098bba43ac29e6e3b677cdceebdd22334f"
FTYPES = """Q1_0 Q2_0 Q4_0 Q4_1 MXFP4_MOE Q5_0 Q5_1 IQ2_XXS IQ2_XS IQ2_S IQ2_M IQ1_S IQ1_M TQ1_0 TQ2_0 Q2_K Q2_K_S IQ3_XXS
IQ3_S IQ3_M IQ3_XS Q3_K_S Q3_K_M Q3_K_L IQ4_NL IQ4_XS Q4_K_S Q4_K_M Q5_K_S Q5_K_M Q6_K Q8_0 F16 BF16 F32 COPY""".split()
ROWS = 2
KEYS = {"glm5-next": {"attention.indexer.kpool": 2, "attention.indexer.top_k": 4,
                      "hyper_connection.count": 4},
        "bailingmoe3": {"kda.gate_lower_bound": -1.0}}  # of those that are checked


def dense(d, ff, q=None, kv=None, out=True, fused=False, gate=True, experts=0, shared=0, norms=True, layers="*"):
    """The lines of a decoder: columns of the model, the feed-forward, Q (0: the model's); kv: bias lines."""
    q = q or d
    b = f"blk.{layers}."
    t = [f"t token_embd.weight f16 {d} {ROWS}"]
    t += [f"t output.weight f16 {d} {ROWS}"] if out else []
    t += [f"t output_norm.weight f32 {d}"] if norms else []
    if fused:
        t.append(f"t {b}attn_qkv.weight f16 {d} {ROWS}")
    else:
        t += [f"t {b}attn_{x}.weight f16 {d} {ROWS}" for x in "qkv"]
    t.append(f"t {b}attn_output.weight f16 {q} {ROWS}")
    t += [f"t {b}attn_norm.weight f32 {d}"] if norms else []
    if experts:
        t.append(f"t {b}ffn_gate_inp.weight f32 {d} {experts}")
        t += [f"t {b}ffn_{x}_exps.weight f16 {d} {ROWS} {experts}" for x in ("gate", "up")]
        t.append(f"t {b}ffn_down_exps.weight f16 {ff} {ROWS} {experts}")
        if shared:
            t += [f"t {b}ffn_{x}_shexp.weight f16 {d} {ROWS}" for x in ("gate", "up")]
            t.append(f"t {b}ffn_down_shexp.weight f16 {shared} {ROWS}")
    else:
        t += [f"t {b}ffn_{x}.weight f16 {d} {ROWS}" for x in (("gate", "up") if gate else ("up",))]
        t.append(f"t {b}ffn_down.weight f16 {ff} {ROWS}")
    return t


def m(name, arch, layers, experts, heads, kv, tensors):
    return [f"m {name} {arch} {layers} {experts} {heads} {kv}"] + tensors


def layers_of(name, n_layers):
    if "blk.*." in name:
        return [name.replace("*", str(i), 1) for i in range(n_layers)]
    r = re.match(r"blk\.(\d+)-(\d+)\.", name)
    if r:
        return [f"blk.{i}.{name[r.end():]}" for i in range(int(r[1]), int(r[2]) + 1)]
    return [name]


class Model:
    """A model's lines, written as a container that llama-quantize takes."""

    def __init__(self, lines, folder):
        head = lines[0].split()
        self.lines, self.arch, self.n_layers = lines, head[2], int(head[3])
        self.experts, self.heads, self.kv = (int(x) for x in head[4:7])
        self.path = os.path.join(folder, "m.gguf")
        self.tensors = []  # per line: (names, type, dims)
        for line in lines[1:]:
            w = line.split()
            self.tensors.append((layers_of(w[1], self.n_layers), w[2], [int(x) for x in w[3:]]))
        self.extra = dict(KEYS.get(self.arch, {}))

    def write(self):
        w = gguf.GGUFWriter(self.path, self.arch)
        a = self.arch
        keys = {"block_count": self.n_layers, "context_length": 128, "embedding_length": self.tensors[0][2][0],
                "feed_forward_length": 512, "attention.head_count": self.heads, "attention.head_count_kv": self.kv}
        if self.experts:
            keys |= {"expert_count": self.experts, "expert_used_count": 2}
        for k, v in (keys | self.extra).items():
            (w.add_float32 if isinstance(v, float) else w.add_bool if isinstance(v, bool) else w.add_uint32)(f"{a}.{k}", v)
        for names, ty, dims in self.tensors:
            x = np.zeros(dims[::-1], np.float32 if ty == "f32" else np.float16)
            for n in names:
                if ty in ("f32", "f16"):
                    w.add_tensor(n, x)
                else:
                    raw = gguf.quants.quantize(x.astype(np.float32), gguf.GGMLQuantizationType[ty.upper()])
                    w.add_tensor(n, raw, raw_dtype=gguf.GGMLQuantizationType[ty.upper()])
        w.write_header_to_file()
        w.write_kv_data_to_file()
        w.write_tensors_to_file()
        w.close()

    def quantize(self, tool, run):
        """The words behind 'r' as llama-quantize takes them: ({name: type}, number of fallbacks)."""
        ftype, *options = run.split()
        args = []
        for o in options:
            k, _, v = o.partition("=")
            args += {"imp": ["--imatrix", self.path + ".imatrix"], "pure": ["--pure"], "leave": ["--leave-output-tensor"],
                     "out": ["--output-tensor-type", v], "emb": ["--token-embedding-type", v],
                     "rule": ["--tensor-type", v]}[k]
        tried = set()
        while True:
            p = subprocess.run([tool, "--dry-run", *args, self.path, ftype], capture_output=True, text=True)
            text = p.stdout + p.stderr
            missing = re.search(r"key not found in model: (\S+)", text)
            wrong = re.search(r"key (\S+) has wrong type \S+ but expected type (\S+)", text)
            if not missing and not wrong:
                break
            key = (missing or wrong)[1].removeprefix(self.arch + ".")
            kind = "f32" if "epsilon" in key else wrong[2] if wrong else "u32"
            if (key, kind) in tried:
                break
            tried.add((key, kind))
            self.extra[key] = {"f32": 1e-5, "bool": True}.get(kind, 1)
            self.write()
        if p.returncode:
            raise SystemExit(f"{self.lines[0]}: {run}: {text[-800:]}")
        if f"commit {COMMIT[:7]}" not in text:
            raise SystemExit(f"{tool} is not of commit {COMMIT}")
        types = {}
        for r in re.finditer(r"^\[ *\d+/ *\d+\] (\S+) +- \[.*?\], type = +(\S+), size = +\S+ MiB(?: -> +\S+ MiB \((\S+)\))?",
                             text, re.M):
            types[r[1]] = (r[3] or r[2]).lower()
        fell = re.search(r"WARNING: (\d+) of \d+ tensor\(s\) required fallback", text)
        return types, int(fell[1]) if fell else 0

    def run(self, tool, run):
        """The whole line, as tests/gen/mixes prints it."""
        types, fell = self.quantize(tool, run)
        out = f"r {run} ; {fell}"
        base = BASE[run.split()[0]]
        for i, (names, _, _) in enumerate(self.tensors):
            got = [types[n] for n in names]
            if set(got) == {base}:
                continue
            got = got[:1] if len(set(got)) == 1 else got
            out += f" {i}=" + "".join(LETTER[t] for t in got)
        return out


def write_imatrix(path):
    w = gguf.GGUFWriter(path, "")
    w.kv_data = [{}]
    w.add_string("general.type", "imatrix")
    w.add_array("imatrix.datasets", ["none"])
    w.add_uint32("imatrix.chunk_count", 1)
    w.add_uint32("imatrix.chunk_size", 1)
    w.add_tensor("none.in_sum2", np.ones((1, 32), np.float32))
    w.add_tensor("none.counts", np.ones((1, 1), np.float32))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


LETTER = {t.name.lower(): (chr(65 + t) if t < 26 else chr(97 + t - 26)) for t in gguf.GGMLQuantizationType}
LETTER |= {"q1_0": chr(97 + 41 - 26), "q2_0": chr(97 + 42 - 26)}
BASE = {f: f.lower() for f in FTYPES} | {
    "MXFP4_MOE": "mxfp4", "IQ2_S": "iq2_xs", "IQ2_M": "iq2_s", "Q2_K_S": "q2_k", "IQ3_M": "iq3_s", "IQ3_XS": "iq3_s",
    "Q3_K_S": "q3_k", "Q3_K_M": "q3_k", "Q3_K_L": "q3_k", "Q4_K_S": "q4_k", "Q4_K_M": "q4_k", "Q5_K_S": "q5_k",
    "Q5_K_M": "q5_k", "COPY": "none"}


def tool_of(build):
    return os.path.join(build, "bin", "llama-quantize")


def scratch():
    folder = tempfile.TemporaryDirectory(prefix="mixes")
    write_imatrix(os.path.join(folder.name, "m.gguf.imatrix"))
    return folder
