#!/usr/bin/env python3
"""Token ids that HF tokenizers gives for small tokenizer.json files of every published kind, for tests/unit/t_tokhf.c.

    pip install tokenizers==0.23.3 sentencepiece==0.2.3 protobuf
    python tests/reference/make_tokjson_golden.py                  # from the repository root: writes tests/golden/tj_*.txt
    python tests/reference/make_tokjson_golden.py --train          # also tests/golden/tj_*.json
    python tests/reference/make_tokjson_golden.py --compare 10000  # so many texts per tokenizer against build/release's tokids
    python tests/reference/make_tokjson_golden.py --compare 10000 TOKENIZER.json...  # other tokenizers
    python tests/reference/make_tokjson_golden.py --pairs 10000    # as --compare and --every, but any two bytes merge: shows every split
    python tests/reference/make_tokjson_golden.py --every          # every code point of Unicode 14, in every tokenizer and normalizer

Lines of a golden file: text in hex, a tab, ids, a tab, ids with special tokens taken as text, a tab, the decoded text in hex ("-": decoding
differs by design, see spec/tokenizer.md 14). Ids have blanks between.
"""
import json
import os
import random
import subprocess
import sys
import unicodedata

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

assert tokenizers.__version__ == "0.23.3", "the golden files are those of tokenizers 0.23.3"
GOLDEN = "tests/golden/"
HELDOUT = "tests/demo/heldout.txt"
TOKIDS = "build/release/tests/gen/tokids"

# ---- texts

LINES = r"""The quick brown fox jumps over the lazy dog.
  two  leading,   three inside, trailing   
I'm you're WE'LL they'VE he'd it's don'T I'M can'ſ it'S HE'LL'VE 'tis ''s '''ll ’s ’t
El veloz murciélago hindú comía feliz cardillo y kiwi. ¿Qué? ¡No!
Быстрая коричневая лиса прыгает через ленивую собаку. Ёлка, й.
Ξεσκεπάζω την ψυχοφθόρα βδελυγμία. ΟΔΥΣΣΕΥΣ
素早い茶色の狐が怠け者の犬を飛び越える。ｶﾞｷﾞ　ヴァ が か゛
敏捷的棕色狐狸跳过了懒狗。「你好」，世界！㍿①②③
빠른 갈색 여우가 게으른 개를 뛰어넘습니다. 각각 한글
الثعلب البني السريع يقفز فوق الكلب الكسول. ١٢٣٤٥ ۱۲۳ ؟ لَا
השועל החום המהיר קופץ מעל הכלב העצלן. שָׁלוֹם
नमस्ते दुनिया, यह एक परीक्षण है। १२३ क्षत्रिय
สวัสดีชาวโลก เก็บ น้ำ ๑๒๓
Zażółć gęślą jaźń; příliš žluťoučký kůň; đồng bằng Ǆ ǅ ǆ İstanbul ıI ẞß ŉ
🦊🐶👩‍👩‍👧‍👦🏳️‍🌈 👍🏽 🇩🇪🇫🇷 e\u0301 é ﬁ ﬀ Ａ ½ ﷽ 1️⃣ a\u0323\u0307 a\u0307\u0323 ạ̇ q\u0307\u0323
for (int i = 0; i < n; ++i) {\n\tprintf("%d\\n", a[i]);\n}
def f(x):\n    return x ** 2  # blank\n\n\nclass A:\n\tpass\r\n\r\nif __name__ == '__main__':\n        f(10)
<table><tr><td>1</td></tr></table> <|im_start|>user\nhello<|im_end|>\n<|endoftext|> <s>x</s> <unk> <pad>  <mask>  word<mask>word
<0x41> <0x00> [PAD3] </s></s> <s> <s>
https://example.org/a?b=c&d=%20#e user@example.org $10.99 €5 £3 50% #1 a_b c-d e/f g\\h
3.14159 1,000,000 0x7fff 1e-10 -42 2026-01-01T00:00:00Z 12345678901234567890 1 12 123 1234 ½ ² Ⅷ ௧ 𝟘𝟙 ①
\u2581literal\u2581\u2581marks\u2581 \u2581
\u00a0\u2003\u3000\u200b\ufeff\u2028\u2029\u0085\u180e\u1680\r\n\t\v\f\x1c\x1d\x1f x\u00a0y\u2009z\u202f!
{"key": [1, 2.5, null, true], "s": "a\\"b", 'q': 'it\\'s'}
ALL CAPS mixedCase snake_case kebab-case CamelCaseWord iPhone HTMLParser XMLHttpRequest2
K\u212aelvin \u017fharp 'ſ 'K \u1e9e STRASSE ﬆ ﬅ ŉ ǰ ΐ
... !!! ??? ,,, --- === *** ~~~ ``` "" ((( ))) [[[ ]]] {{{ }}} <<< >>> … 。。 、， ！？ ।॥ ۔،
a\u200db a\u200cb ‿ ⁀ _ ﹍ ＿ \u0903 \u0bcd \u20dd x\u20dd \u05b0 \u064b ؀ \u00ad \u2060 \u061c
\u2fa1d 丽 \U0002f800 \u1100\u1161\u11a8 \u1112\u1161\u11ab \uac00\u11a8 \u0958 \u2126 \u212b \u0340 \u0344 \u1fef \u2adc
""".replace("\\x1c", "\x1c").replace("\\x1d", "\x1d").replace("\\x1f", "\x1f").split("\n")
ESCAPES = {"\\n": "\n", "\\t": "\t", "\\r": "\r", "\\v": "\v", "\\f": "\f", "\\\\": "\\"}
RANGES = [(0x20, 0x7f), (0x20, 0x7f), (0, 0x20), (0x80, 0x250), (0x250, 0x370), (0x370, 0x530), (0x590, 0x700), (0x900, 0xe80), (0x1100, 0x1200),
          (0x1680, 0x1820), (0x1e00, 0x2000), (0x2000, 0x2070), (0x2070, 0x2c00), (0x3000, 0x3400), (0x4e00, 0x9fff), (0xa640, 0xabff),
          (0xac00, 0xd7a4), (0xf900, 0x10000), (0x10000, 0x10400), (0x1d400, 0x1d800), (0x1f000, 0x1fb00), (0x20000, 0x20100), (0x2f800, 0x2fa20)]
NEWER = [(0x1e030, 0x1e06e), (0x31350, 0x323b0), (0x2ebf0, 0x2ee5e), (0x11f00, 0x11f5a), (0x1e4d0, 0x1e4fa), (0x10d40, 0x10d90), (0x1cc00, 0x1cd00),
         (0x0cf3, 0x0cf4), (0x1fa75, 0x1fa78), (0x1c80, 0x1c8b), (0xa7cb, 0xa7ce), (0x0ece, 0x0ecf), (0x13430, 0x13460), (0x11b00, 0x11b0a)]
BAD = [b"\xff", b"\x80", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xe2\x96", b"\xe2\x96 \x81", b"\xed\xa0\x80", b"\xed\xbf\xbf",
       b"\xf0\x80\x80\x80", b"\xf0\x9f\x98", b"\xf0\x9f", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfe\xff", b"\xef\xbf\xbd", b"\xef\xbf\xbe",
       b"\xf4\x8f\xbf\xbf", b"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"]


def lines():
    for line in LINES:
        for a, b in ESCAPES.items():
            line = line.replace(a, b)
        out, i = "", 0
        while i < len(line):
            if line[i:i + 2] == "\\u":
                out, i = out + chr(int(line[i + 2:i + 6], 16)), i + 6
            elif line[i:i + 2] == "\\U":
                out, i = out + chr(int(line[i + 2:i + 10], 16)), i + 10
            else:
                out, i = out + line[i], i + 1
        yield out


def code(rng, ranges=RANGES):
    while True:
        lo, hi = rng.choice(ranges)
        c = rng.randrange(lo, hi)
        if not 0xd800 <= c < 0xe000:
            return chr(c)


def fixed(added):
    out = [b"", b" ", b"  ", b"   ", b"\n", b"\n\n", b" \n", b"\n ", b"\r\n", b"\t", b"\0", b"a\0b", b"\0\0\0", b"a", b" a", b"a ", b"  a  b  ", b"'", b"'s"]
    for line in lines():
        out += [line.encode(), b" " + line.encode(), line.upper().encode() + b"\n", line.lower().encode()]
    out += BAD + [b"ab" + x + b"cd" for x in BAD] + [x + x for x in BAD] + [x + b" the" for x in BAD]
    for unit in (" ", "\n", "\t", "\r\n", "a", "-", "=", " a", "ab", "\n ", "\u2581", "é", "狐", "🦊", "\0", "the ", "1", "e\u0301", "'s"):
        out += [(unit * k).encode() for k in (3, 17, 64, 255)]
    for a in added:
        for b in (a, a + a, " " + a, a + " ", "x" + a, a + "x", "x" + a + "y", "  " + a + "  z", "\n" + a + "\n", a.upper(), a[:-1], a[1:], "_" + a, a + "é", "é" + a,
                  a + "\u0301", a.lower() + " " + a):
            out.append(b.encode())
    return out


def random_texts(words, added, n, seed):
    """Kinds in turn, so that every n has all of them."""
    rng = random.Random(seed)
    held = open(HELDOUT, "rb").read()
    all_lines = [x for x in lines() if x]
    seps = ["", " ", " ", "  ", "\n", "\t", "\u3000", ".", ",", "'", "-", "\r\n", "   ", "\u00a0"]
    for i in range(n):
        kind = i % 10
        k = rng.randrange(1, 24)
        if kind == 0:
            yield "".join(code(rng) for _ in range(k)).encode()
        elif kind == 1:
            yield "".join(rng.choice(words) for _ in range(k)).encode()
        elif kind == 2:
            at = rng.randrange(len(held))
            yield held[at:at + rng.randrange(1, 160)]
        elif kind == 3:
            yield bytes(rng.randrange(256) for _ in range(k))
        elif kind == 4:
            yield "".join(rng.choice(" \n\t\r\u00a0\u3000\u2003 a1.'") for _ in range(k)).encode()
        elif kind == 5:
            a, b = rng.choice(all_lines), rng.choice(all_lines)
            yield (a[rng.randrange(len(a)):] + rng.choice(seps) + b[:rng.randrange(len(b) + 1)]).encode()
        elif kind == 6:
            s = rng.choice(["I", "we", "", "a ", "É", "日", "1", " ", "'"])
            yield "".join(s + rng.choice("'’ʼ") + rng.choice(["s", "S", "t", "T", "re", "RE", "Re", "ve", "vE", "m", "M", "ll", "LL", "lL", "d", "D", "ſ", "x", "\u212a"])
                          + rng.choice(seps) for _ in range(k % 5 + 1)).encode()
        elif kind == 7:
            yield "".join(rng.choice(added + words[:20] + seps) for _ in range(k % 9 + 1)).encode() if added else str(rng.randrange(10 ** k)).encode()
        elif kind == 8:
            yield "".join(rng.choice(["0123456789", "٠١٢٣", "½²Ⅷ①", "१२", "𝟘𝟙"])[rng.randrange(2)] + rng.choice(["", "", ".", ",", " ", "a", "-"]) for _ in range(k)).encode()
        else:
            base = rng.choice("aeiouAEIOUnNcçсоеиが가ㅏ가ක" + "👩🏽‍👧❤️")
            yield "".join(base + "".join(rng.choice("\u0300\u0301\u0302\u0303\u0308\u0323\u0327\u0328\u0331\u0345\u3099\u11a8\u200d\ufe0f\u093c\u05bc") for _ in range(rng.randrange(4)))
                          + rng.choice(["", "", " ", "x"]) for _ in range(k % 7 + 1)).encode()


def newer_texts(n, seed):
    rng = random.Random(seed)
    for _ in range(n):
        yield "".join(code(rng, NEWER) if rng.random() < .6 else rng.choice(" a1.") for _ in range(rng.randrange(1, 10))).encode()


def is_newer(text):
    return any(unicodedata.category(c) == "Cn" for c in text.decode("utf-8", "replace"))


# ---- tokenizers

CL100K = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = CL100K.replace("{1,3}", "")
O200K = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])
DEEPSEEK3 = (r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+""")
IM = [AddedToken(t, special=True, normalized=False) for t in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")]


def seq(*parts):
    return pre_tokenizers.Sequence(list(parts))


def split(regex, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(regex), behavior, invert)


def level(prefix=False, regex=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=prefix, trim_offsets=True, use_regex=regex)


def byte_level(pretok, norm=None, added=IM, post=None, vocab=460, **model):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pretok
    if norm:
        t.normalizer = norm
    t.decoder = decoders.ByteLevel()
    train(t, vocab, pre_tokenizers.ByteLevel.alphabet(), model)
    t.add_tokens(added)
    if post:
        t.post_processor = post(t)
    return t


def train(t, vocab, alphabet, model, specials=()):
    corpus = [x + "\n" for x in open(HELDOUT, encoding="utf-8").read()[:30000].split("\n")] + [x for x in lines()] * 3
    t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=vocab, initial_alphabet=list(alphabet), show_progress=False,
                                                      limit_alphabet=max(len(alphabet), 100), special_tokens=list(specials)))
    for name, value in model.items():
        setattr(t.model, name, value)


def fallback(norm=None, pretok=None, decoder=None, added=(), vocab=560, **model):
    bytes_ = [f"<0x{i:02X}>" for i in range(256)]
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if norm:
        t.normalizer = norm
    if pretok:
        t.pre_tokenizer = pretok
    # words for the trainer alone: without a pre-tokenizer a line would be one word
    runs = Tokenizer(models.BPE())
    runs.normalizer = normalizers.Replace(" ", "\u2581")
    runs.pre_tokenizer = pre_tokenizers.Split("\u2581", "merged_with_next")
    train(runs, vocab, ["\u2581", "\n"], {}, ["<unk>", "<s>", "</s>"] + bytes_)
    data, own = json.loads(runs.to_str()), json.loads(t.to_str())
    own["model"]["vocab"], own["model"]["merges"] = data["model"]["vocab"], data["model"]["merges"]
    own["added_tokens"] = [x for x in data["added_tokens"] if x["id"] < 3]
    for name, value in model.items():
        own["model"][name] = value
    t = Tokenizer.from_str(json.dumps(own))
    t.decoder = decoder
    t.add_tokens(list(added))
    t.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return t


def characters(norm, pretok, added, unk="[UNK]", vocab=300, decoder=None, **model):
    t = Tokenizer(models.BPE(unk_token=unk) if unk else models.BPE())
    t.normalizer = norm
    t.pre_tokenizer = pretok
    train(t, vocab, [], model, [unk] if unk else [])
    t.decoder = decoder
    t.add_tokens(added)
    return t


def bos(t):
    i = t.token_to_id("<|im_start|>")
    return processors.Sequence([processors.ByteLevel(trim_offsets=False),
                                processors.TemplateProcessing(single="<|im_start|> $A <|im_end|>", special_tokens=[("<|im_start|>", i), ("<|im_end|>", i + 1)])])


def llama_decoder():
    return decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])


def unigram(pretok, norm, vocab=320, decoder=None, added=(), byte_fallback=False):
    t = Tokenizer(models.Unigram())
    t.normalizer, t.pre_tokenizer = norm, pretok
    corpus = [x for x in open(HELDOUT, encoding="utf-8").read()[:30000].split("\n")]
    t.train_from_iterator(corpus, trainers.UnigramTrainer(vocab_size=vocab, show_progress=False, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>"))
    if byte_fallback:
        own = json.loads(t.to_str())
        own["model"]["vocab"] += [[f"<0x{i:02X}>", -9.5] for i in range(256)]
        own["model"]["byte_fallback"] = True
        t = Tokenizer.from_str(json.dumps(own))
    t.decoder = decoder
    t.add_tokens(list(added))
    t.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return t


def charsmap():
    from sentencepiece import sentencepiece_model_pb2 as pb
    model = pb.ModelProto()
    model.ParseFromString(open(GOLDEN + "tok_mapped.model", "rb").read())
    return normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap)


KINDS = {
    "gpt2": lambda: byte_level(level(regex=True), added=IM[:1]),
    "gpt2_prefix": lambda: byte_level(level(True, True), added=[AddedToken("<mask>", lstrip=True, special=True), AddedToken("</s>", special=True, normalized=False)]),
    "qwen2": lambda: byte_level(seq(split(QWEN2), level()), normalizers.NFC()),
    "llama3": lambda: byte_level(seq(split(CL100K), level()), post=bos, ignore_merges=True),
    "stablelm2": lambda: byte_level(seq(split(CL100K, "removed", True), level()), added=IM + [AddedToken("<pad>", rstrip=True, special=True)]),
    "o200k": lambda: byte_level(seq(split(O200K, "removed", True), level())),
    "smollm": lambda: byte_level(seq(pre_tokenizers.Digits(True), level(regex=True))),
    "bloom": lambda: byte_level(seq(split(r" ?[^(\s|[.,!?…。，、।۔،])]+"), level())),
    "falcon": lambda: byte_level(seq(pre_tokenizers.Punctuation("contiguous"), level(regex=True), pre_tokenizers.Digits(False), split("[0-9][0-9][0-9]"))),
    "deepseek": lambda: byte_level(seq(split("[\r\n]"), split(r"\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-Ֆ]+"),
                                       split(r"\s?[!-/:-~！-／：-～‘-‟　-。]+"), split(r"\s+$"), split("[一-龥ࠀ-一가-퟿]+"), pre_tokenizers.Digits(True), level())),
    "deepseek3": lambda: byte_level(seq(split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"), split(DEEPSEEK3), level())),
    "phi": lambda: byte_level(level(regex=True), added=IM[:1] + [AddedToken(" " * k, normalized=True) for k in range(2, 12)] + [AddedToken("\t\t", normalized=True)]),
    "llama": lambda: fallback(normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]), decoder=llama_decoder()),
    "mistral": lambda: fallback(pretok=pre_tokenizers.Metaspace("\u2581", "first", False), decoder=llama_decoder(),
                                added=[AddedToken("<mask>", normalized=False), AddedToken("<pad>", lstrip=True, rstrip=True, normalized=False)]),
    "gemma": lambda: fallback(normalizers.Replace(" ", "\u2581"), pre_tokenizers.Split(" ", "merged_with_previous"),
                              decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]),
                              added=[AddedToken(x, normalized=False) for x in ("\n\n", "\n\n\n", "<table>", "</td>", "\u2581\u2581", "\u2581\u2581\u2581")]),
    "metaspace": lambda: characters(normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " "), normalizers.Lowercase()]),
                                    pre_tokenizers.Metaspace("\u2581", "always", True), [AddedToken("<mask>", lstrip=True), AddedToken("Word", single_word=True)],
                                    decoder=decoders.Metaspace("\u2581", "always", True), fuse_unk=True),
    "accents": lambda: characters(normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Strip(True, True)]),
                                  seq(pre_tokenizers.Whitespace(), pre_tokenizers.Digits(False), pre_tokenizers.Punctuation("merged_with_previous")),
                                  [AddedToken("fox", single_word=True, normalized=True), AddedToken("é", normalized=False), AddedToken("ABC", special=True)]),
    "drops": lambda: characters(normalizers.NFKD(), seq(pre_tokenizers.WhitespaceSplit(), split("[aeiou]+", "merged_with_next")),
                                [AddedToken("the", single_word=True, lstrip=True, rstrip=True)], unk=None, decoder=decoders.Fuse()),
    "t5": lambda: unigram(pre_tokenizers.Metaspace("\u2581", "always", True), normalizers.Sequence([charsmap(), normalizers.Strip(False, True), normalizers.Replace(Regex(" {2,}"), "\u2581")]),
                          decoder=decoders.Metaspace("\u2581", "always", True), added=[AddedToken(f"<extra_id_{i}>", special=True, rstrip=i > 0) for i in range(3)]),
    "unibytes": lambda: unigram(pre_tokenizers.Metaspace("\u2581", "first", False), normalizers.NFKC(), byte_fallback=True,
                                decoder=llama_decoder(),
                                added=[AddedToken("<s>", special=True, normalized=False)]),
}


# ---- golden files and comparison

def ids_of(t, text, special):
    t.encode_special_tokens = not special
    return t.encode(text.decode("utf-8", "replace"), add_special_tokens=False).ids


def renamed(t):
    """Added tokens that this version decodes to their normalized content, where fox gives the content."""
    t = t if t.normalizer else None
    return {x["id"] for x in json.loads(t.to_str())["added_tokens"] if x["normalized"] and t.normalizer.normalize_str(x["content"]) != x["content"]} if t else set()


def decoded(t, ids):
    """None where decoding differs by design: the number of U+FFFD for an ill-formed run of byte tokens, and see above."""
    text = t.decode(ids, skip_special_tokens=True)
    return None if "\ufffd" in text or renamed(t) & set(ids) else text.encode()


def added_of(t):
    return [x["content"] for x in json.loads(t.to_str())["added_tokens"]]


def texts_for(t, n, seed):
    added, rng = added_of(t), random.Random(seed)
    words = [w for w in t.get_vocab() if w not in added]
    words = sorted(words) + ["".join(rng.choice(sorted(words)) for _ in range(3)).replace("Ġ", " ").replace("\u2581", " ") for _ in range(300)]
    words = [w.replace("Ġ", " ").replace("Ċ", "\n") for w in words if not w.startswith("<0x")]
    rng.shuffle(words)
    return list(dict.fromkeys(fixed(added[:12]) + list(random_texts(words, added, n, seed))))


def write_golden(name):
    t = Tokenizer.from_file(f"{GOLDEN}tj_{name}.json")
    all_texts = [x for x in texts_for(t, 400, 11) if not is_newer(x) and len(x) < 200]
    rng = random.Random(5)
    size, out = os.path.getsize(f"{GOLDEN}tj_{name}.json"), []
    for text in rng.sample(all_texts, len(all_texts)):
        ids, plain = ids_of(t, text, True), ids_of(t, text, False)
        back = decoded(t, ids)
        shown = "-" if back is None else back.hex()
        line = f"{text.hex()}\t{' '.join(map(str, ids))}\t{'=' if plain == ids else ' '.join(map(str, plain))}\t{shown}\n"
        if size + len(line) > 56000 or len(out) == 320:
            break
        size += len(line)
        out.append(line)
    assert len(out) >= 150, (name, len(out))
    open(f"{GOLDEN}tj_{name}.txt", "w").writelines(out)


def run_fox(path, texts, *flags):
    lines_in = "".join(x.hex() + "\n" for x in texts)
    got = subprocess.run([TOKIDS, path, *flags], input=lines_in, capture_output=True, text=True, check=True).stdout
    return [x.split("\t") for x in got.rstrip("\n").split("\n")]


def compare(path, n, seed=3):
    t = Tokenizer.from_file(path)
    bad, other_names = 0, renamed(t)
    for kind, texts in (("texts", texts_for(t, n, seed)), ("newer code points", list(newer_texts(n // 10, seed)))):
        if kind == "texts":
            texts = [x for x in texts if not is_newer(x)]
        wrong = undecoded = by_design = 0
        for special in (True, False):
            for text, (ids, back) in zip(texts, run_fox(path, texts, *(["special"] if special else []))):
                want = ids_of(t, text, special)
                if ids != " ".join(map(str, want)):
                    wrong += 1
                    if wrong <= 3:
                        print(f"  {os.path.basename(path)} special={special} {text!r}:\n    fox {ids} {back if back.startswith('error') else ''}\n    hf  {' '.join(map(str, want))}")
                    continue
                want = t.decode(want, skip_special_tokens=not special)
                if back.startswith("error"):
                    undecoded += 1
                    continue
                got = bytes.fromhex(back).decode("utf-8", "replace")
                if got != want:
                    if other_names & set(map(int, ids.split())):
                        by_design += 1
                        continue
                    if "\ufffd" in want and '"ByteFallback"' in t.to_str():
                        by_design += 1
                        continue
                    undecoded += 1
                    if undecoded <= 3:
                        print(f"  {os.path.basename(path)} decode special={special}: fox {got!r}\n    hf {want!r}")
        print(f"{os.path.basename(path):24} {kind:18} {2 * len(texts):6} encodings, {wrong} differ; decoded: {undecoded} differ, {by_design} by design")
        if kind == "texts":
            bad += wrong + undecoded
    return bad


def every(paths):
    """Each code point that Python's Unicode has, between letters, digits, blanks: all character classes and tables. Of the large blocks each 37th."""
    import tempfile
    codes = [c for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Cs") and not (
        (0x3400 <= c < 0xa000 or 0xac00 <= c < 0xd7a0 or 0x17000 <= c < 0x19000 or 0x20000 <= c < 0x2f800 or c >= 0x30000 or 0xe000 <= c < 0xf900) and c % 37)]
    with tempfile.TemporaryDirectory() as folder:
        own = json.load(open(GOLDEN + "tj_gpt2.json"))
        for kind in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt"):
            own["normalizer"] = {"type": kind}
            paths = paths + [f"{folder}/{kind}"]
            json.dump(own, open(paths[-1], "w"))
        for path in paths:
            t, wrong = Tokenizer.from_file(path), []
            texts = [f"a{chr(c)}1 {chr(c)}b{chr(c)}{chr(c)} '{chr(c)}\u0301 \u0323{chr(c)}".encode() for c in codes]
            for c, text, (ids, _) in zip(codes, texts, run_fox(path, texts, "special")):
                if ids != " ".join(map(str, ids_of(t, text, True))):
                    wrong.append(f"{c:04X}")
            print(f"{os.path.basename(path):24} {len(codes)} code points, {len(wrong)} differ {' '.join(wrong[:40])}")


def pairs(folder):
    """The byte-level tokenizers with a merge for every two bytes, and some for what these make: no split can hide."""
    rng, alphabet, paths = random.Random(9), sorted(pre_tokenizers.ByteLevel.alphabet()), []
    merges = [(a, b) for a in alphabet for b in alphabet]
    rng.shuffle(merges)
    merges += [(a + b, c) for a, b in rng.sample(merges, 20000) for c in rng.sample(alphabet, 2)]
    vocab = {x: i for i, x in enumerate(dict.fromkeys(alphabet + [a + b for a, b in merges]))}
    for kind in KINDS:
        own = json.load(open(f"{GOLDEN}tj_{kind}.json"))
        if "ByteLevel" not in json.dumps(own["pre_tokenizer"]):
            continue
        own["model"]["vocab"], own["model"]["merges"], own["post_processor"] = vocab, merges, None
        for i, a in enumerate(own["added_tokens"]):
            a["id"] = len(vocab) + i
        paths.append(f"{folder}/{kind}")
        json.dump(own, open(paths[-1], "w"))
    return paths


if __name__ == "__main__":
    args = sys.argv[1:]
    if args[:1] == ["--pairs"]:
        import tempfile
        with tempfile.TemporaryDirectory() as folder:
            paths = pairs(folder)
            bad = sum([compare(p, int(args[1])) for p in paths])
            every(paths)
        sys.exit(1 if bad else 0)
    if args[:1] == ["--every"]:
        every(args[1:] or [f"{GOLDEN}tj_{k}.json" for k in KINDS])
        sys.exit()
    if args[:1] == ["--compare"]:
        paths = args[2:] or [f"{GOLDEN}tj_{k}.json" for k in KINDS]
        sys.exit(1 if sum([compare(p, int(args[1])) for p in paths]) else 0)
    for kind, make in KINDS.items():
        if args[:1] == ["--train"] and (not args[1:] or kind in args[1:]):
            open(f"{GOLDEN}tj_{kind}.json", "w", encoding="utf-8").write(json.dumps(json.loads(make().to_str()), ensure_ascii=False, separators=(",", ":")) + "\n")
        write_golden(kind)
