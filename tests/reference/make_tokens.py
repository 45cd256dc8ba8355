#!/usr/bin/env python3
"""Recorded ids for fox-verify --tokens: what the original tokenizer makes of many texts (spec/verify.md 6).

    pip install -r tests/reference/requirements.txt
    python tests/reference/make_tokens.py CHECKPOINT OUT [--text FILE] [-n N] [--seed S] [--engine hf|spm]

From the repository root. The engine is HF tokenizers where the folder holds tokenizer.json, or vocab.json and merges.txt; else
SentencePiece. Texts are those of make_token_golden.py with the folder's own vocabulary, drawn again and again until there are N;
with --text also slices of that file. HF tokenizers takes no ill-formed UTF-8: its ids are those of the text as Python's
bytes.decode("utf-8", "replace") gives it. It recognises special tokens in every text, so its records say "special".
SentencePiece does not; texts that hold a piece which tokenizer_config.json makes special are then left out, since SentencePiece
matches it as user-defined.
"""
import argparse
import json
import os
import random

from make_token_golden import texts

HF_VERSIONS = {"tokenizers": "0.23.3", "transformers": "5.23.0"}


def escape(text):
    """Bytes as a field: printable UTF-8 as it is, all else as \\xNN."""
    out = []
    for c in text.decode("utf-8", "surrogateescape"):
        code = ord(c)
        if c == "\\":
            out.append("\\\\")
        elif c in "\n\t\r":
            out.append({"\n": "\\n", "\t": "\\t", "\r": "\\r"}[c])
        elif 0xDC80 <= code <= 0xDCFF:
            out.append("\\x%02x" % (code - 0xDC00))
        elif code < 0x20 or code == 0x7F:
            out.append("\\x%02x" % code)
        else:
            out.append(c)
    return "".join(out).encode()


def byte_alphabet():
    """GPT-2's: a printable character for every byte."""
    keep = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    extra = [b for b in range(256) if b not in keep]
    return {**{chr(b): b for b in keep}, **{chr(256 + i): b for i, b in enumerate(extra)}}


def readable(piece, alphabet):
    if all(c in alphabet for c in piece):
        return bytes(alphabet[c] for c in piece).decode("utf-8", "replace")
    return piece


class Hf:
    flags = "special"

    def __init__(self, folder):
        import tokenizers
        assert tokenizers.__version__ == HF_VERSIONS["tokenizers"], "recorded ids are those of the pinned tokenizers"
        if os.path.exists(f"{folder}/tokenizer.json"):
            self.tok = tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")
        else:
            import transformers
            assert transformers.__version__ == HF_VERSIONS["transformers"]
            self.tok = transformers.AutoTokenizer.from_pretrained(folder).backend_tokenizer
        self.tok.no_padding()
        self.tok.no_truncation()
        alphabet = byte_alphabet() if "ByteLevel" in str(self.tok.decoder) else {}
        self.pieces = [readable(p, alphabet) for p in self.tok.get_vocab(with_added_tokens=True)]

    def takes(self, text):
        return True

    def encode(self, text, add):
        return self.tok.encode(text.decode("utf-8", "replace"), add_special_tokens=add).ids

    def decode(self, ids, keep):
        return self.tok.decode(ids, skip_special_tokens=not keep).encode()


class Spm:
    flags = "-"

    def __init__(self, folder):
        import sentencepiece
        self.sp = sentencepiece.SentencePieceProcessor(model_file=f"{folder}/tokenizer.model")
        self.pieces = [self.sp.id_to_piece(i) for i in range(self.sp.vocab_size()) if not self.sp.is_byte(i)]
        self.special = []
        if os.path.exists(f"{folder}/tokenizer_config.json"):
            config = json.load(open(f"{folder}/tokenizer_config.json"))
            added = config.get("added_tokens_decoder", {}).values()
            self.special = [t["content"].encode() for t in added if t.get("special")]

    def takes(self, text):
        return not any(s in text for s in self.special)

    def encode(self, text, add):
        return None if add else self.sp.encode(text, out_type=int)

    def decode(self, ids, keep):
        return None if keep else self.sp.decode(ids).encode()


def drawn(engine, args):
    """Distinct texts, N at most; the first ones do not depend on N."""
    rng = random.Random(args.seed)
    held = open(args.text, "rb").read() if args.text else b""
    seen = {}
    while len(seen) < args.n:
        before = len(seen)
        for text in texts(engine.pieces, rng):
            if engine.takes(text):
                seen[text] = True
        for _ in range(200 if held else 0):
            at = rng.randrange(len(held))
            seen[held[at:at + rng.randrange(1, 400)]] = True
        if len(seen) == before:
            break
    return list(seen)[:args.n]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("checkpoint")
    p.add_argument("out")
    p.add_argument("--text")
    p.add_argument("-n", type=int, default=10000)
    p.add_argument("--seed", type=int, default=7)
    p.add_argument("--engine", choices=["hf", "spm"])
    args = p.parse_args()
    hf = any(os.path.exists(f"{args.checkpoint}/{name}") for name in ("tokenizer.json", "vocab.json"))
    engine = (Hf if (args.engine or ("hf" if hf else "spm")) == "hf" else Spm)(args.checkpoint)
    rows = [b"fox-tokens 1"]
    for i, text in enumerate(drawn(engine, args)):
        for add in (False, True) if i % 8 == 0 else (False,):
            ids = engine.encode(text, add)
            if ids is None:
                continue
            keep = i % 2 == 0
            said = engine.decode(ids, keep)
            if said is None:
                keep, said = False, engine.decode(ids, False)
            words = [w for w in (engine.flags if engine.flags != "-" else "", "add" if add else "", "keep" if keep else "") if w]
            rows.append(b"\t".join([",".join(words or ["-"]).encode(), escape(text), " ".join(map(str, ids)).encode(),
                                    escape(said)]))
    with open(args.out, "wb") as f:
        f.write(b"\n".join(rows) + b"\n")


if __name__ == "__main__":
    main()
