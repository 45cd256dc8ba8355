#!/usr/bin/env python3
"""Added tokens beside a tokenizer.model, with lstrip and rstrip: fox against HF tokenizers.

    pip install -r tests/reference/requirements.txt
    make && python tests/reference/compare_strip.py [-n N] [--seed S]

From the repository root. The vocabulary is that of tests/families/phi3, with flags and non-special tokens of its own in every
round. HF's tokenizer is what transformers' LlamaTokenizerFast is: BPE with byte_fallback out of the pieces, Prepend and Replace,
and the added tokens not normalized. Texts are drawn from those tokens, parts of them, all whitespace, what looks like it, and
words; half of the records recognise special tokens, half do not (encode_special_tokens). Non-special tokens all have a
flag: without one fox finds them in the normalised text (spec/tokenizer.md 3).
"""
import argparse
import json
import os
import random
import shutil
import subprocess
import tempfile

from sentencepiece import sentencepiece_model_pb2 as pb
from tokenizers import AddedToken, Tokenizer, __version__, models, normalizers

from make_tokens import escape

FAMILY, BIN, ROUNDS = "tests/families/phi3", "build/release/bin", 12
SPACE = [chr(c) for c in (*range(9, 14), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)]
ALMOST = ["\x00", "\x1c", "\x1d", "\x1e", "\x1f", "\u180e", "\u200b", "\u2060", "\ufeff", "\u2581", "\ufffd"]
PLAIN = ["</t>", "ab", "<a b>", "<|user", "é", "<x><x>"]


def drawn_tokens(rng):
    """added_tokens_decoder with flags of this round; non-special ones in the places of placeholders."""
    config = json.load(open(f"{FAMILY}/tokenizer_config.json"))
    plain = iter(PLAIN)
    for t in config["added_tokens_decoder"].values():
        t["lstrip"], t["rstrip"] = rng.choice([(False, False), (True, False), (False, True), (True, True)])
        if "placeholder" in t["content"]:
            t["content"], t["special"] = next(plain), False
        if not t["special"] and not t["lstrip"]:
            t["rstrip"] = True
    return config


def peer(config):
    proto = pb.ModelProto()
    proto.ParseFromString(open(f"{FAMILY}/tokenizer.model", "rb").read())
    vocab = {p.piece: i for i, p in enumerate(proto.pieces)}
    merges = []
    for p in proto.pieces:
        halves = [(p.piece[:k], p.piece[k:]) for k in range(1, len(p.piece))]
        merges += [(m, p.score) for m in halves if m[0] in vocab and m[1] in vocab]
    merges = [m for m, _ in sorted(merges, key=lambda m: -m[1])]
    tok = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tok.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    for at, t in config["added_tokens_decoder"].items():
        added = AddedToken(t["content"], lstrip=t["lstrip"], rstrip=t["rstrip"], normalized=False, special=t["special"])
        (tok.add_special_tokens if t["special"] else tok.add_tokens)([added])
        assert tok.token_to_id(t["content"]) == int(at)
    return tok, list(vocab)


def drawn_text(rng, tokens, pieces):
    out = []
    for _ in range(rng.randrange(1, 9)):
        token = rng.choice(tokens)
        out.append(rng.choice([
            token, token, token, token[:rng.randrange(len(token))], token[rng.randrange(len(token)):],
            rng.choice(SPACE) * rng.randrange(1, 4), " " * rng.randrange(1, 4), "\n", "".join(rng.choices(SPACE, k=3)),
            rng.choice(ALMOST), rng.choice(pieces).replace("\u2581", " "), rng.choice(["hello", "a", "b", "你好", "🦊", "<", "<|"])]))
    return "".join(out)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("-n", type=int, default=24000)
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    assert __version__ == "0.23.3"
    texts = wrong = 0
    for turn in range(ROUNDS):
        rng = random.Random(f"{args.seed} {turn}")
        config = drawn_tokens(rng)
        tok, pieces = peer(config)
        tokens = [t["content"] for t in config["added_tokens_decoder"].values()]
        rows = ["fox-tokens 1".encode()]
        for i in range(args.n // ROUNDS):
            tok.encode_special_tokens = i % 2 == 1
            text = drawn_text(rng, tokens, pieces)
            ids = tok.encode(text, add_special_tokens=False).ids
            rows.append(b"\t".join([b"-" if i % 2 else b"special", escape(text.encode()), " ".join(map(str, ids)).encode()]))
        with tempfile.TemporaryDirectory() as tmp:
            src = f"{tmp}/src"
            shutil.copytree(FAMILY, src, ignore=shutil.ignore_patterns("added_tokens.json", "*.npz"))
            json.dump(config, open(f"{src}/tokenizer_config.json", "w"))
            with open(f"{tmp}/ids.txt", "wb") as f:
                f.write(b"\n".join(rows) + b"\n")
            subprocess.run([f"{BIN}/fox-convert", "-q", src, "-o", f"{tmp}/m.gguf"], check=True, stdout=subprocess.DEVNULL)
            subprocess.run([f"{BIN}/fox-verify", "-q", f"{tmp}/m.gguf", "--source", src], check=True)
            told = subprocess.run([f"{BIN}/fox-verify", "--json", f"{tmp}/m.gguf", "--tokens", f"{tmp}/ids.txt"], stdout=subprocess.PIPE)
            told = json.loads(told.stdout)
            texts += told["tokens"]["texts"]
            wrong += told["tokens"]["texts_wrong"]
            for f in told["findings"] if told["tokens"]["texts_wrong"] else []:
                print(f)
    print(f"{texts} texts, {wrong} of them with other ids")
    raise SystemExit(wrong > 0 or texts < args.n - ROUNDS)


if __name__ == "__main__":
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    main()
