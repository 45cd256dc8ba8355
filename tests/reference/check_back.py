"""Load checkpoint folders that fox-convert --to hf wrote with transformers, and compare with their sources.

usage: check_back.py SOURCE RETURNED [SOURCE RETURNED...]

For each pair: no weight is missing or new in RETURNED, logits of both models over 24 ids are equal bit for bit (in the dtype
that config.json names), and so are the ids of a text where transformers finds a tokenizer in SOURCE. Prints a line a pair; exit 1 when
any differs.  Versions: requirements.txt beside this file; run with transformers 5.24.0, torch 2.15.0, safetensors 0.8.0.
"""
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

TEXT = "The quick brown fox jumps over 13 lazy dogs; it's \u00fcber-quick.\n"


def load(path):
    model, info = AutoModelForCausalLM.from_pretrained(path, output_loading_info=True)
    return model.eval(), info


def ids_of(path):
    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
    except Exception:
        return None
    return tokenizer(TEXT)["input_ids"]


def check(source, returned):
    (a, _), (b, info) = load(source), load(returned)
    wrong = [k for k in ("missing_keys", "unexpected_keys", "mismatched_keys") if info.get(k)]
    ids = torch.arange(1, 25).remainder(a.config.vocab_size)[None]
    with torch.no_grad():
        x, y = a(ids).logits, b(ids).logits
    if x.dtype != y.dtype or not torch.equal(x, y):
        wrong.append("logits")
    tokens = ids_of(source)
    if tokens is not None and tokens != ids_of(returned):
        wrong.append("tokens")
    told = "no tokenizer" if tokens is None else f"{len(tokens)} ids"
    print(f"{'FAIL ' + ', '.join(wrong) if wrong else 'ok'}  {returned}: logits {tuple(y.shape)} {y.dtype}, {told}")
    return not wrong


def main():
    pairs = sys.argv[1:]
    if not pairs or len(pairs) % 2:
        sys.exit(__doc__.split("\n\n")[1])
    good = [check(s, r) for s, r in zip(pairs[::2], pairs[1::2])]
    sys.exit(not all(good))


if __name__ == "__main__":
    main()
