"""Rows of f32 that block quantizers are tried on, and ggml's own quantizers behind ctypes.

The library is ggml-base of llama.cpp 0c1e57098bba43ac29e6e3b677cdceebdd22334f (the copy that llama-cpp-python 0.3.36 ships as
source), built by gcc -O3 for plain x86-64: no FMA, so that every operation is rounded once, as C says. An FMA in the
library changes sums and with them bytes; objdump -d libggml-base.so | grep vfmadd must print nothing.

  pip download --no-binary llama-cpp-python llama-cpp-python==0.3.36     # the source; then, in vendor/llama.cpp
  cmake -B build -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON -DGGML_NATIVE=OFF && cmake --build build --target ggml-base
"""
import ctypes

import numpy as np

# fox's name -> ggml's type id: every type with a quantizer in both, and those that fox only reads
TYPES = {
    "q2_k": 10, "q3_k": 11, "q4_k": 12, "q5_k": 13, "q6_k": 14,
    "q4_0": 2, "q4_1": 3, "q5_0": 6, "q5_1": 7, "q8_0": 8, "iq4_nl": 20, "iq4_xs": 23, "mxfp4": 39, "nvfp4": 40,
}
READ_ONLY = {
    "iq1_s": 19, "iq1_m": 29, "iq2_xxs": 16, "iq2_xs": 17, "iq2_s": 22, "iq3_xxs": 18, "iq3_s": 21,
    "tq1_0": 34, "tq2_0": 35, "q1_0": 41, "q2_0": 42,
}
IDS = {**TYPES, **READ_ONLY}


class Traits(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("elems", ctypes.c_int64), ("interleave", ctypes.c_int64),
                ("bytes", ctypes.c_size_t), ("quantized", ctypes.c_bool), ("to_float", ctypes.c_void_p),
                ("from_float", ctypes.c_void_p)]


class Ggml:
    def __init__(self, path):
        self.lib = ctypes.CDLL(path)
        self.lib.ggml_get_type_traits.restype = ctypes.POINTER(Traits)
        self.lib.ggml_quantize_chunk.restype = ctypes.c_size_t
        self.lib.ggml_quantize_chunk.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p] + 3 * [ctypes.c_int64] + [
            ctypes.c_void_p]

    def traits(self, name):
        return self.lib.ggml_get_type_traits(IDS[name]).contents

    def encode(self, name, x, importance=None):
        """x: rows; importance: one per column. Bytes, a row each."""
        x = np.ascontiguousarray(x, dtype="<f4")
        t = self.traits(name)
        out = np.zeros((x.shape[0], x.shape[1] // t.elems * t.bytes), dtype=np.uint8)
        w = None if importance is None else np.ascontiguousarray(importance, dtype="<f4")
        n = self.lib.ggml_quantize_chunk(TYPES[name], x.ctypes.data, out.ctypes.data, 0, x.shape[0], x.shape[1],
                                         None if w is None else w.ctypes.data)
        assert n == out.nbytes
        return out

    def decode(self, name, blocks):
        t = self.traits(name)
        blocks = np.ascontiguousarray(blocks, dtype=np.uint8).reshape(-1)
        out = np.zeros(blocks.size // t.bytes * t.elems, dtype="<f4")
        ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)(t.to_float)(
            blocks.ctypes.data, out.ctypes.data, out.size)
        return out


def bits(rng, n, low=0, high=254):
    """Finite f32 of any sign and mantissa, exponents low..high."""
    e = rng.integers(low, high, n, endpoint=True, dtype=np.uint32)
    r = rng.integers(0, 1 << 32, n, dtype=np.uint32)
    return (r & np.uint32(0x807fffff) | e << np.uint32(23)).view("<f4")


def bf16(x):
    return (np.asarray(x, dtype="<f4").view(np.uint32) & np.uint32(0xffff0000)).view("<f4")


def outlier(rng, n):
    x = rng.standard_normal(n) * 0.02
    x.reshape(-1, 256)[np.arange(n // 256), rng.integers(0, 256, n // 256)] *= 10.0 ** rng.uniform(1, 6, n // 256)
    return x


def mixed(rng, n):
    """Each 16 weights from another kind and scale."""
    x = rng.standard_normal((n // 16, 16)) * 10.0 ** rng.integers(-8, 5, (n // 16, 1))
    kind = rng.integers(0, 6, n // 16)
    x[kind == 0] = 0
    x[kind == 1] = x[kind == 1][:, :1]
    x[kind == 2] = np.abs(x[kind == 2])
    x[kind == 3] = -np.abs(x[kind == 3])
    return x.reshape(-1)


# name -> function(rng, n) giving n values, n a multiple of 256
KINDS = {
    "gaussian": lambda r, n: r.standard_normal(n) * 0.02,
    "gaussian-bf16": lambda r, n: bf16(r.standard_normal(n) * 0.03),
    "student": lambda r, n: r.standard_t(2.5, n) * 0.01,
    "cubed": lambda r, n: r.standard_normal(n) ** 3,
    "bits": lambda r, n: bits(r, n),
    "bits-scaled": lambda r, n: bits(r, n, 110, 130),
    "bits-small": lambda r, n: bits(r, n, 0, 30),
    "bits-huge": lambda r, n: bits(r, n, 235, 254),
    "denormal": lambda r, n: bits(r, n, 0, 0),
    "around-1e-15": lambda r, n: r.standard_normal(n) * 1e-15,
    "half-scales": lambda r, n: r.standard_normal(n) * np.repeat(10.0 ** r.uniform(-9, -4, n // 256), 256),
    "beyond-half": lambda r, n: r.standard_normal(n) * np.repeat(10.0 ** r.uniform(4, 8, n // 256), 256),
    "zero": lambda r, n: np.zeros(n),
    "constant": lambda r, n: np.repeat(r.standard_normal(n // 256), 256),
    "outlier": outlier,
    "alternating": lambda r, n: np.repeat(r.standard_normal(n // 16), 16) * (1 - 2 * (np.arange(n) % 2)),
    "positive": lambda r, n: np.abs(r.standard_normal(n)) + 0.1,
    "negative": lambda r, n: -np.abs(r.standard_normal(n)) - 0.1,
    "integers": lambda r, n: r.integers(-16, 16, n),
    "sparse": lambda r, n: r.standard_normal(n) * (r.random(n) < 0.05),
    "mixed": mixed,
}

# name -> function(rng, n): the importance of n columns
IMPORTANCE = {
    "uniform": lambda r, n: r.random(n) + 0.01,
    "heavy": lambda r, n: np.exp(3 * r.standard_normal(n)),
    "sparse": lambda r, n: r.random(n) * (r.random(n) < 0.3),
    "blocks": lambda r, n: np.repeat(r.random(n // 32) * (r.random(n // 32) < 0.5), 32),
    "tiny": lambda r, n: r.random(n) * 1e-30,
    "huge": lambda r, n: r.random(n) * 1e20,
    "zero": lambda r, n: np.zeros(n),
    # one column in 16 matters, or two: least squares has nothing but rounding to go by
    "one": lambda r, n: r.random(n) * (np.arange(n) % 16 == np.arange(n) // 16 * 7 % 16),
    "two": lambda r, n: r.random(n) * ((np.arange(n) % 16 == np.arange(n) // 16 * 7 % 16) |
                                       (np.arange(n) % 16 == np.arange(n) // 16 * 5 % 16)),
}


def rows(kind, seed, n, cols):
    """n rows of a kind."""
    with np.errstate(over="ignore"):
        x = np.asarray(KINDS[kind](np.random.default_rng([seed, len(kind), sum(kind.encode())]), n * cols), dtype="<f4")
    assert np.isfinite(x).all()
    return x.reshape(n, cols)


def importance(kind, seed, cols):
    return np.asarray(IMPORTANCE[kind](np.random.default_rng([seed, 7, sum(kind.encode())]), cols), dtype="<f4")
