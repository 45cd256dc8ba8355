#!/usr/bin/env python3
"""Token ids that SentencePiece itself gives, for tests/unit/t_tok.c.

    pip install sentencepiece==0.2.3 protobuf
    python tests/reference/make_token_golden.py            # from the repository root: writes tests/golden/tok_*.txt
    python tests/reference/make_token_golden.py --train    # also tests/golden/tok_{prefix,unused}.model

Lines of a golden file: text in hex, a tab, ids with blanks between, a tab, the decoded ids in hex.
"""
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


def golden(model, name):
    sp = spm.SentencePieceProcessor(model_file=model)
    pieces = [sp.id_to_piece(i) for i in range(sp.vocab_size()) if not sp.is_byte(i)]
    with open(f"{GOLDEN}tok_{name}.txt", "w") as f:
        for text in dict.fromkeys(texts(pieces, random.Random(7))):
            ids = sp.encode(text, out_type=int)
            f.write(f"{text.hex()}\t{' '.join(map(str, ids))}\t{sp.decode(ids).encode().hex()}\n")


def train(name, edit=None, **options):
    spm.SentencePieceTrainer.train(input=HELDOUT, model_prefix=GOLDEN + "tok_" + name, model_type="bpe", num_threads=1,
                                   normalization_rule_name="identity", minloglevel=2, max_sentence_length=100000, **options)
    path = f"{GOLDEN}tok_{name}.model"
    model = pb.ModelProto()
    model.ParseFromString(open(path, "rb").read())
    model.trainer_spec.ClearField("input")
    model.trainer_spec.ClearField("model_prefix")
    if edit:
        edit(model)
    open(path, "wb").write(model.SerializeToString(deterministic=True))


def unused_and_ties(model):
    rng = random.Random(3)
    for p in model.pieces:
        if p.type != 1:
            continue
        p.score = float(rng.randrange(-6, 3))
        chance = rng.random()
        p.type = 5 if chance < .2 else 4 if chance < .24 else 1


if __name__ == "__main__":
    if sys.argv[1:] == ["--train"]:
        train("prefix", vocab_size=400, user_defined_symbols=["<table>", "ab", "abc", "the", "\u2581\u2581\u2581", "\n\n"],
              control_symbols=["<ctl>"], character_coverage=.98)  # dummy prefix, blanks removed, no bytes
        train("unused", unused_and_ties, vocab_size=600, byte_fallback=True, remove_extra_whitespaces=False, pad_id=-1)
    golden("tests/demo/tokenizer.model", "demo")
    golden(GOLDEN + "tok_prefix.model", "prefix")
    golden(GOLDEN + "tok_unused.model", "unused")
