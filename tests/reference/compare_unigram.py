#!/usr/bin/env python3
"""Unigram vocabularies and character maps against SentencePiece and HF tokenizers, on many generated texts.

    pip install sentencepiece==0.2.3 tokenizers==0.23.3 regex protobuf
    make && make build/release/tests/gen/tokcheck
    python tests/reference/compare_unigram.py build/release/tests/gen/tokcheck [TEXTS]     # 10000 when left out

Trains vocabularies of every kind in a temporary folder, writes texts, ids and decoded texts, and lets tokcheck compare.
Three comparisons for each: SentencePiece itself; HF's Unigram over its normalised texts; HF's Precompiled over grapheme
clusters. Exit status 1 when anything differs.
"""
import os
import random
import subprocess
import sys
import tempfile
import unicodedata

import regex
import sentencepiece as spm
from sentencepiece import sentencepiece_model_pb2 as pb
from tokenizers import models, normalizers

import make_token_golden as gold

KINDS = dict(gold.TRAINED)
KINDS |= {
    "uni_nmt_nfkc": dict(model_type="unigram", vocab_size=500, normalization_rule_name="nmt_nfkc", user_defined_symbols=gold.USER,
                         control_symbols=["<ctl>"]),
    "uni_nmt_bytes": dict(model_type="unigram", vocab_size=700, normalization_rule_name="nmt_nfkc", byte_fallback=True),
    "uni_nmt_cf": dict(model_type="unigram", vocab_size=400, normalization_rule_name="nmt_nfkc_cf", remove_extra_whitespaces=False,
                       split_digits=True, byte_fallback=True),
    "uni_nfkc": dict(model_type="unigram", vocab_size=400, normalization_rule_name="nfkc", add_dummy_prefix=False,
                     character_coverage=.98),
    "uni_identity": dict(model_type="unigram", vocab_size=600, add_dummy_prefix=False, character_coverage=.98,
                         split_by_whitespace=False),
    "uni_ties": dict(model_type="unigram", vocab_size=500, edit=gold.unused_and_ties, character_coverage=.98,
                     normalization_rule_name="nfkc_cf"),
    "bpe_nmt_nfkc": dict(vocab_size=600, normalization_rule_name="nmt_nfkc", user_defined_symbols=gold.USER + ["\uff21", "a  b"]),
    "bpe_nmt_bytes": dict(vocab_size=600, normalization_rule_name="nmt_nfkc", byte_fallback=True, edit=gold.unused_and_ties,
                          remove_extra_whitespaces=False),
}
ACCENTS = "\u0300\u0301\u0302\u0308\u0327\u0338\u3099\u309a\u05b0\u064b\u200d\ufe0f\U0001f3fd"


def odd_texts(pieces, rng, n):
    """Texts of pieces, rules, code points of all planes and random bytes, mixed."""
    made = gold.texts(pieces, rng) + gold.rule_texts(rng)
    held = open(gold.HELDOUT, "rb").read()

    def code():
        while True:
            c = rng.choice([rng.randrange(0x20, 0x7f), rng.randrange(0x250), rng.randrange(0x3400), rng.randrange(0xf900, 0x10000),
                            rng.randrange(0x1d400, 0x1d800), rng.randrange(0x1f100, 0x1fb00), rng.randrange(0x110000)])
            if not 0xd800 <= c < 0xe000:
                return chr(c)
    parts = [lambda: rng.choice(pieces), lambda: rng.choice(pieces).replace("\u2581", " "), lambda: code(),
             lambda: rng.choice("aeiounAEIOUkg\u30ab\u304b\u1100\u1161") + rng.choice(ACCENTS) * rng.randrange(1, 3),
             lambda: rng.choice([" ", "  ", "\u3000", "\t", "\n", "\u00a0", "\u00ad", "\u200b"]), lambda: rng.choice(list(gold.RULES))]
    # long ones, whose sums of scores SentencePiece sets back to 0; the last three have one stretch, or only unknown characters
    made += [held[:250000], "".join(code() for _ in range(50000)).encode(), ("".join(rng.choice(pieces) for _ in range(40000))).encode(),
             b"a" * 60000, b" " * 60000, "\u5b57".encode() * 60000]
    while len(made) < n:
        kind = rng.randrange(8)
        if kind == 0:
            at = rng.randrange(len(held))
            made.append(held[at:at + rng.randrange(1, 400)])
        elif kind == 1:
            made.append(bytes(rng.randrange(256) for _ in range(rng.randrange(1, 40))))
        else:
            s = "".join(rng.choice(parts)() for _ in range(rng.randrange(1, 40))).encode()
            if kind == 2:
                s = bytearray(s)
                s[rng.randrange(len(s))] = rng.randrange(256)
            made.append(bytes(s))
    return list(dict.fromkeys(made))


def check(tool, what, name, model, lines, *more):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as f:
        f.writelines(lines)
        f.flush()
        out = subprocess.run([tool, what, model, f.name, *more], capture_output=True, text=True)
    last = (out.stdout + out.stderr).strip().split("\n")
    print(f"{name:16} {what:4} {last[-1]}", flush=True)
    if out.returncode:
        print("\n".join(line[:200] for line in last[:12]))
    return out.returncode == 0


def hf_lines(proto, sp, all_texts):
    unk = next(i for i, p in enumerate(proto.pieces) if p.type == 2)
    m = models.Unigram([(p.piece, p.score) for p in proto.pieces], unk, proto.trainer_spec.byte_fallback)
    for text in all_texts:
        norm = sp.normalize(text.decode("utf-8", "replace"))
        if norm:
            yield f"{norm.encode().hex()}\t{' '.join(str(t.id) for t in m.tokenize(norm))}\n"


def map_lines(proto, all_texts):
    n = normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap)
    for text in all_texts:
        # code points that Unicode 14 has not are left out: the two libraries' clusters differ by edition
        s = "".join(c for c in text.decode("utf-8", "replace") if unicodedata.category(c) != "Cn")
        clusters = regex.findall(r"\X", s)
        yield f"{' '.join(c.encode().hex() for c in clusters)}\t{n.normalize_str(s).encode().hex()}\n"


def main(tool, n):
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for name, options in KINDS.items():
            path = os.path.join(folder, name)
            gold.train(path, **options)
            model = path + ".model"
            proto = pb.ModelProto()
            proto.ParseFromString(open(model, "rb").read())
            sp = spm.SentencePieceProcessor(model_file=model)
            made = odd_texts(gold.pieces_of(model), random.Random(11), n)
            gold.write_golden(model, path + ".txt", made)
            good &= check(tool, "spm", name, model, open(path + ".txt"))
            if options.get("model_type") == "unigram":
                good &= check(tool, "hf", name, model, hf_lines(proto, sp, made), str(int(proto.trainer_spec.byte_fallback)))
            if proto.normalizer_spec.precompiled_charsmap:
                good &= check(tool, "map", name, model, map_lines(proto, made))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10000))
