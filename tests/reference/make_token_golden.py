#!/usr/bin/env python3
"""Token ids that SentencePiece itself gives, for tests/unit/t_tok.c.

    pip install sentencepiece==0.2.3 protobuf
    python tests/reference/make_token_golden.py            # from the repository root: writes tests/golden/tok_*.txt
    python tests/reference/make_token_golden.py --train [NAME...]    # also tests/golden/tok_*.model, or those named

Lines of a golden file: text in hex, a tab, ids with blanks between, a tab, the decoded ids in hex.
"""
import os
import random
import sys

import sentencepiece as spm
from sentencepiece import sentencepiece_model_pb2 as pb

assert spm.__version__ == "0.2.3", "the golden files are those of sentencepiece 0.2.3"
GOLDEN = "tests/golden/"
HELDOUT = "tests/demo/heldout.txt"
LINES = """The quick brown fox jumps over the lazy dog.
  two  leading,   three inside, trailing   
El veloz murciélago hindú comía feliz cardillo y kiwi.
Быстрая коричневая лиса прыгает через ленивую собаку.
Ξεσκεπάζω την ψυχοφθόρα βδελυγμία.
素早い茶色の狐が怠け者の犬を飛び越える。
敏捷的棕色狐狸跳过了懒狗。
빠른 갈색 여우가 게으른 개를 뛰어넘습니다.
الثعلب البني السريع يقفز فوق الكلب الكسول.
השועל החום המהיר קופץ מעל הכלב העצלן.
नमस्ते दुनिया, यह एक परीक्षण है।
สวัสดีชาวโลก
Zażółć gęślą jaźń; příliš žluťoučký kůň; đồng bằng
🦊🐶👩‍👩‍👧‍👦🏳️‍🌈 👍🏽 e\u0301 é ﬁ Ａ ½ ﷽
for (int i = 0; i < n; ++i) {\n\tprintf("%d\\n", a[i]);\n}
def f(x):\n    return x ** 2  # blank\n\n\nclass A:\n\tpass
<table><tr><td>1</td></tr></table>
<start_of_turn>user\nhello<end_of_turn>\n<start_of_turn>model\n
<bos>text<eos> <pad><unk> <0x41> <0x00>
https://example.org/a?b=c&d=%20#e user@example.org
3.14159 1,000,000 0x7fff 1e-10 -42 2026-01-01T00:00:00Z
\u2581literal\u2581\u2581marks\u2581 \u2581
\u00a0\u2003\u3000\u200b\ufeff\u2028\r\n\t\v\f
{"key": [1, 2.5, null, true], "s": "a\\"b"}
ALL CAPS mixedCase snake_case kebab-case CamelCaseWord
""".split("\n")


def texts(pieces, rng):
    out = [b"", b" ", b"  ", b"\n", b"\n\n", b"\n\n\n", b"\t", b"\0", b"a\0b", b"\0\0\0", b"a", b" a", b"a ", b"  a  b  "]
    out += [s.encode().decode("unicode_escape").encode("latin-1", "ignore") for s in ("\\x01\\x02\\x7f", "\\x1b[31m")]
    for line in LINES:
        line = line.replace("\\n", "\n").replace("\\t", "\t")
        out += [line.encode(), b" " + line.encode(), line.upper().encode() + b"\n"]
    # ill-formed UTF-8: cut, over-long, surrogates, too high, lone trail bytes
    bad = [b"\xff", b"\x80", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xe2\x96", b"\xe2\x96 \x81", b"\xed\xa0\x80",
           b"\xed\xbf\xbf", b"\xf0\x80\x80\x80", b"\xf0\x9f\x98", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfe\xff",
           b"\xef\xbf\xbd", b"\xef\xbf\xbe", b"\xf4\x8f\xbf\xbf"]
    out += bad + [b"ab" + x + b"cd" for x in bad] + [x + x for x in bad] + [x + b" the" for x in bad]
    for unit in (" ", "\n", "\t", "a", "-", "=", " a", "ab", "\n ", "\u2581", "é", "狐", "🦊", "\0", "the "):
        out += [(unit * k).encode() for k in (3, 17, 64, 255)]
    for _ in range(120):
        out.append("".join(rng.choice(pieces) for _ in range(rng.randrange(1, 16))).encode())
        out.append("".join(rng.choice(pieces) for _ in range(rng.randrange(1, 16))).replace("\u2581", " ").encode())
        out.append(bytes(rng.randrange(256) for _ in range(rng.randrange(1, 40))))
    held = open(HELDOUT, "rb").read()
    for _ in range(120):
        at = rng.randrange(len(held))
        out.append(held[at:at + rng.randrange(1, 160)])
    return out


def write_golden(model, path, all_texts):
    sp = spm.SentencePieceProcessor(model_file=model)
    with open(path, "w") as f:
        for text in dict.fromkeys(all_texts):
            ids = sp.encode(text, out_type=int)
            f.write(f"{text.hex()}\t{' '.join(map(str, ids))}\t{sp.decode(ids).encode().hex()}\n")


def pieces_of(model):
    sp = spm.SentencePieceProcessor(model_file=model)
    return [sp.id_to_piece(i) for i in range(sp.vocab_size()) if not sp.is_byte(i)]


def golden(model, name, keep=None):
    rng = random.Random(7)
    all_texts = texts(pieces_of(model), rng)
    if keep:
        all_texts += rule_texts(rng)
        all_texts = [t for t in dict.fromkeys(all_texts) if len(t) <= 160]
        all_texts = rng.sample(all_texts, keep)
    write_golden(model, f"{GOLDEN}tok_{name}.txt", all_texts)


# A character map that fits into a test: one for one, many for one, nothing, blanks, keys within keys, several planes.
RULES = {"\t": " ", "\n": " ", "\r": "", "\u00a0": " ", "\u3000": " ", "\u2003": "  ", "\u200b": "", "\ufeff": "", "\u00ad": "",
         "\u2026": "...", "\u00bd": "1\u20442", "\ufb01": "fi", "\ufb03": "ffi", "e\u0301": "\u00e9", "e\u0302": "\u00ea",
         "e\u0302\u0301": "\u1ebf", "\u0301": "", "\u30ab\u3099": "\u30ac", "\u1100\u1161": "\uac00",
         "\u1100\u1161\u11a8": "\uac01", "\U0001f98a": "fox", "\U0001d400": "A", "ab": "ba", "abc": "cab", "abcd": " d ",
         "\u2460": "1", "\u2122": "TM", "\ufdfa": "a b  c ", "\uff5e": "~", "\x1e": "", "\ufffd": "?"}
RULES.update({chr(0xff01 + i): chr(0x21 + i) for i in range(94)})


def rule_texts(rng):
    keys = list(RULES) + list(RULES.values()) + ["e", "a", "ab", " ", "  ", "the", "\u0301", "\u1100", "x", "\u2581", "<table>"]
    return ["".join(rng.choice(keys) for _ in range(rng.randrange(1, 24))).encode() for _ in range(300)]


def rules_file(path):
    with open(path, "w") as f:
        for a, b in RULES.items():
            f.write(" ".join(f"{ord(c):x}" for c in a) + "\t" + " ".join(f"{ord(c):x}" for c in b) + "\n")
    return path


def train(path, edit=None, **options):
    options = {"model_type": "bpe", "normalization_rule_name": "identity", **options}
    if options["normalization_rule_name"] == "small":
        options["normalization_rule_tsv"] = rules_file(path + ".tsv")
        del options["normalization_rule_name"]
    spm.SentencePieceTrainer.train(input=HELDOUT, model_prefix=path, num_threads=1, minloglevel=2, max_sentence_length=100000,
                                   **options)
    model = pb.ModelProto()
    model.ParseFromString(open(path + ".model", "rb").read())
    for field in ("input", "model_prefix"):
        model.trainer_spec.ClearField(field)
    model.normalizer_spec.ClearField("normalization_rule_tsv")
    if edit:
        edit(model)
    open(path + ".model", "wb").write(model.SerializeToString(deterministic=True))
    for end in (".vocab", ".tsv"):
        if os.path.exists(path + end):
            os.remove(path + end)


def unused_and_ties(model):
    rng = random.Random(3)
    for p in model.pieces:
        if p.type != 1:
            continue
        p.score = float(rng.randrange(-6, 3))
        chance = rng.random()
        p.type = 5 if chance < .2 else 4 if chance < .24 else 1


USER = ["<table>", "ab", "abc", "the", "\u2581\u2581\u2581", "\n\n"]
TRAINED = {
    # dummy prefix, blanks removed, no bytes
    "prefix": dict(vocab_size=400, user_defined_symbols=USER, control_symbols=["<ctl>"], character_coverage=.98),
    "unused": dict(edit=unused_and_ties, vocab_size=600, byte_fallback=True, remove_extra_whitespaces=False, pad_id=-1),
    # Byte pair encoding with a character map
    "mapped": dict(vocab_size=300, normalization_rule_name="small", user_defined_symbols=USER + ["\uff21", "a b", "a  b"],
                   character_coverage=.98),
    # Unigram: with a character map, user-defined and control pieces, no bytes
    "uni": dict(model_type="unigram", vocab_size=330, normalization_rule_name="small", control_symbols=["<ctl>"],
                user_defined_symbols=USER + ["\uff21", "a b", "a  b"], character_coverage=.98),
    # Unigram: bytes, digits split, blanks and front kept, unused pieces and equal scores
    "unibytes": dict(edit=unused_and_ties, model_type="unigram", vocab_size=560, byte_fallback=True, split_digits=True,
                     add_dummy_prefix=False, remove_extra_whitespaces=False, user_defined_symbols=USER),
}
KEEP = {"mapped": 260, "uni": 260, "unibytes": 240} # texts, to keep the files small


if __name__ == "__main__":
    if sys.argv[1:2] == ["--train"]:
        for name in sys.argv[2:] or TRAINED:
            train(GOLDEN + "tok_" + name, **TRAINED[name])
    golden("tests/demo/tokenizer.model", "demo")
    for name in TRAINED:
        golden(f"{GOLDEN}tok_{name}.model", name, KEEP.get(name))
