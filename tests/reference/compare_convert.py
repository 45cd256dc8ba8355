"""Oracle: fox-convert against llama.cpp's convert_hf_to_gguf.py on the same checkpoint and type.

usage: compare_convert.py LLAMA_CPP_DIR FOX_BIN_DIR MODEL_DIR [TYPE...]      (default: f32 f16 bf16 q8_0)

Every tensor (name, type, shape, bytes) and every key outside fox.* must be equal. Differences that are meant are listed
in MEANT with their reasons and printed; any other difference makes the exit status 1.
LLAMA_CPP_DIR: a checkout with convert_hf_to_gguf.py (tried: the one inside llama-cpp-python 0.3.36's sdist).
"""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(sys.argv[1], "gguf-py"))
from gguf import GGUFReader, GGUFValueType  # noqa: E402

# key -> why fox writes another value, or writes it where llama.cpp does not, or leaves it out
MEANT = {
    "general.name": "llama.cpp takes it from the folder's name; fox from --name or the config, so that a rename changes no byte",
    "tokenizer.ggml.add_space_prefix": "llama.cpp leaves it out and its loader then assumes true; fox writes what tokenizer.model says",
    "tokenizer.ggml.remove_extra_whitespaces": "llama.cpp leaves it out for this class; fox writes what tokenizer.model says",
    "tokenizer.ggml.bos_token_id": "config.json contradicts the token string; without a tokenizer.json llama.cpp believes config.json, fox the string",
    "tokenizer.ggml.eos_token_id": "as bos_token_id",
    "tokenizer.ggml.unknown_token_id": "without a tokenizer.json llama.cpp does not look up the token string, fox does",
    "tokenizer.ggml.padding_token_id": "as unknown_token_id",
}


def value(field):
    """A key's value with its type, strings as bytes."""
    kind = field.types[0]
    if kind == GGUFValueType.ARRAY:
        if field.types[1] == GGUFValueType.STRING:
            return kind, field.types[1], [bytes(field.parts[i]) for i in field.data]
        return kind, field.types[1], [field.parts[i][0] for i in field.data]
    last = field.parts[field.data[0]]
    return kind, None, bytes(last) if kind == GGUFValueType.STRING else last[0]


def short(v):
    text = repr(v[2] if isinstance(v, tuple) else v)
    return text if len(text) < 90 else text[:87] + "..."


def compare(theirs, ours):
    bad = 0
    a = {k: value(f) for k, f in theirs.fields.items() if not k.startswith("GGUF.")}
    b = {k: value(f) for k, f in ours.fields.items() if not k.startswith(("GGUF.", "fox."))}
    for k in sorted(a.keys() | b.keys()):
        if k in a and k in b and a[k] == b[k]:
            continue
        left, right = (short(d[k]) if k in d else "absent" for d in (a, b))
        print(f"  {'meant' if k in MEANT else 'DIFFERS'}: {k}: llama.cpp {left}, fox {right}" + (f" ({MEANT[k]})" if k in MEANT else ""))
        bad += k not in MEANT
    ta, tb = ({t.name: t for t in r.tensors} for r in (theirs, ours))
    for name in sorted(ta.keys() | tb.keys()):
        x, y = ta.get(name), tb.get(name)
        if x is None or y is None:
            print(f"  DIFFERS: tensor {name}: only in {'fox' if x is None else 'llama.cpp'}")
        elif x.tensor_type != y.tensor_type or list(x.shape) != list(y.shape):
            print(f"  DIFFERS: tensor {name}: {x.tensor_type.name} {list(x.shape)} and {y.tensor_type.name} {list(y.shape)}")
        elif x.data.tobytes() != y.data.tobytes():
            print(f"  DIFFERS: tensor {name}: data")
        else:
            continue
        bad += 1
    print(f"  {len(a)} keys, {len(ta)} tensors, {bad} differences that are not meant")
    return bad


def main():
    llama, fox, model = sys.argv[1:4]
    bad = 0
    for kind in sys.argv[4:] or ["f32", "f16", "bf16", "q8_0"]:
        with tempfile.TemporaryDirectory() as d:
            theirs, ours = os.path.join(d, "theirs.gguf"), os.path.join(d, "ours.gguf")
            env = dict(os.environ, PYTHONPATH=os.path.join(llama, "gguf-py"))
            subprocess.run([sys.executable, os.path.join(llama, "convert_hf_to_gguf.py"), model, "--outtype", kind, "--outfile", theirs],
                           check=True, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            subprocess.run([os.path.join(fox, "fox-convert"), "-q", "--allow-lossy", model, "-t", kind, "-o", ours], check=True, stdout=subprocess.DEVNULL)
            print(f"{kind}:")
            bad += compare(GGUFReader(theirs), GGUFReader(ours))
    sys.exit(1 if bad else 0)


main()
