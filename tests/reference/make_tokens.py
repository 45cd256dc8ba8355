#!/usr/bin/env python3
"""Recorded ids for fox-verify --tokens: what the original tokenizer makes of many texts (spec/verify.md 6).

    pip install -r tests/reference/requirements.txt
    python tests/reference/make_tokens.py CHECKPOINT OUT [--text FILE] [-n N] [--seed S] [--engine hf|spm]

From the repository root. The engine is HF tokenizers where the folder holds tokenizer.json, or vocab.json and merges.txt; else
SentencePiece. Texts are those of make_token_golden.py with the folder's own vocabulary, drawn again and again until there are N;
with --text also slices of that file. HF tokenizers takes no ill-formed UTF-8: its ids are those of the text as Python's
bytes.decode("utf-8", "replace") gives it. It recognises special tokens in every text, so its records say "special".
Beside a tokenizer.model the added tokens of tokenizer_config.json are cut out of a text, with the whitespace that lstrip and
rstrip say, and SentencePiece encodes each stretch between them; records of texts with special ones say "special". Left out are
texts with tokens that are single_word or normalized, and those with a special token and a control piece that is no added token.
"""
import argparse
import json
import os
import random
import re

from make_token_golden import texts

WHITE_SPACE = "".join(map(chr, (*range(9, 14), 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)))
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
    def flags(self, text):
        return "special"

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


def looks_special(text):
    """Control pieces by their look (spec/tokenizer.md 2.1)."""
    return text in ("<pad>", "<mask>", "<2mass>", "[@BOS@]") or bool(re.fullmatch(r"(?s)<\|.*\|>|<\uff5c.*\uff5c>|<unused.*>", text))


class Spm:
    """SentencePiece between the added tokens of tokenizer_config.json, which are cut out first, as HF tokenizers does."""

    def __init__(self, folder):
        import sentencepiece
        from sentencepiece import sentencepiece_model_pb2
        self.sp = sentencepiece.SentencePieceProcessor(model_file=f"{folder}/tokenizer.model")
        self.pieces = [self.sp.id_to_piece(i) for i in range(self.sp.vocab_size()) if not self.sp.is_byte(i)]
        path, config = f"{folder}/tokenizer_config.json", {}
        if os.path.exists(path):
            config = json.load(open(path))
        added = {int(i): t for i, t in config.get("added_tokens_decoder", {}).items()}
        shy = [t for t in added.values() if t.get("single_word") or t.get("normalized", not t.get("special"))]
        self.added = {t["content"]: (i, t) for i, t in added.items() if t not in shy}
        self.special = [c for c, (_, t) in self.added.items() if t.get("special") or looks_special(c)]
        self.shy = [t["content"] for t in shy]
        self.control = [self.sp.id_to_piece(i) for i in range(self.sp.vocab_size())
                        if (self.sp.is_control(i) or self.sp.is_unknown(i)) and self.sp.id_to_piece(i) not in self.added]
        self.pieces += [c for c in self.added if c not in self.pieces]
        self.find = re.compile("|".join(re.escape(c) for c in sorted(self.added, key=len, reverse=True)) or "(?!)")
        # for decoding, the added tokens as pieces of their types
        proto = sentencepiece_model_pb2.ModelProto()
        proto.ParseFromString(open(f"{folder}/tokenizer.model", "rb").read())
        for i, t in sorted(added.items()):
            while len(proto.pieces) <= i:
                proto.pieces.add(piece=f"[PAD{len(proto.pieces)}]", type=5)
            proto.pieces[i].piece = t["content"].replace(" ", "\u2581")
            if i >= self.sp.vocab_size() or not self.sp.is_unknown(i):
                proto.pieces[i].type = 3 if t.get("special") or looks_special(t["content"]) else 4
        self.whole = sentencepiece.SentencePieceProcessor(model_proto=proto.SerializeToString())
        self.unknown = self.sp.unk_id() if self.sp.id_to_piece(self.sp.unk_id()) in self.special else -1

    def flags(self, text):
        return "special" if self.holds(text, self.special) else ""

    @staticmethod
    def holds(text, some):
        return any(c.encode() in text for c in some)

    def takes(self, text):
        return not self.holds(text, self.shy) and not (self.flags(text) and self.holds(text, self.control))

    def encode(self, text, add):
        if add:
            return None
        ids, at, text = [], 0, text.decode("utf-8", "surrogateescape")
        plain = lambda s: self.sp.encode(s.encode("utf-8", "surrogateescape"), out_type=int)  # noqa: E731
        for m in self.find.finditer(text):
            token, t = self.added[m[0]]
            between = text[at:m.start()]  # empty where the token before took the whitespace that this one begins with
            at = m.end()
            if t.get("rstrip"):
                at += len(text[at:]) - len(text[at:].lstrip(WHITE_SPACE))
            ids += plain(between.rstrip(WHITE_SPACE) if t.get("lstrip") else between) + [token]
        return ids + plain(text[at:])

    def decode(self, ids, keep):
        return None if keep else self.whole.decode([i for i in ids if i != self.unknown]).encode()


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
            words = [w for w in (engine.flags(text), "add" if add else "", "keep" if keep else "") if w]
            rows.append(b"\t".join([",".join(words or ["-"]).encode(), escape(text), " ".join(map(str, ids)).encode(),
                                    escape(said)]))
    with open(args.out, "wb") as f:
        f.write(b"\n".join(rows) + b"\n")


if __name__ == "__main__":
    main()
