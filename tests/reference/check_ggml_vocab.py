#!/usr/bin/env python3
"""Ids of llama.cpp's own vocabulary tests (models/ggml-vocab-NAME.gguf with .inp and .out beside it), by fox.

    make build/release/tests/gen/tokids
    python tests/reference/check_ggml_vocab.py FOLDER

Each .inp holds texts, each .out a line of ids for every text (HF tokenizers wrote them, without special tokens:
llama.cpp tests/test-tokenizer-0.cpp). Prints a line per vocabulary; the exit status is 1 when any id differs.
"""
import glob
import subprocess
import sys

bad = 0
for path in sorted(glob.glob(f"{sys.argv[1]}/*.gguf")):
    texts = open(path + ".inp", encoding="utf-8", newline="").read().split("\n__ggml_vocab_test__\n")
    wants = open(path + ".out", encoding="utf-8").read().split("\n")
    assert len(wants) >= len(texts), path
    hexes = "".join(x.encode().hex() + "\n" for x in texts)
    lines = subprocess.run(["build/release/tests/gen/tokids", path], input=hexes, capture_output=True, text=True,
                           check=True).stdout.split("\n")
    wrong = [(x, w.split(), g.split("\t")[0].split()) for x, w, g in zip(texts, wants, lines)
             if w.split() != g.split("\t")[0].split()]
    print(f"{path.rsplit('/', 1)[-1]:32} {len(texts)} texts, {sum(len(w.split()) for w in wants)} ids, {len(wrong)} differ")
    for text, want, got in wrong[:5]:
        print(f"  {text!r}: want {want}, fox {got}")
    bad += len(wrong)
sys.exit(1 if bad or not lines else 0)
