"""Write reference outputs of a Hugging Face model, computed in float64 from its stored weights.

usage: make_reference.py MODEL_DIR TEXT_FILE OUT.npz [TOKENS]

OUT.npz: input_ids i32[n], logits f32[n, vocab], hidden_states f32[layers, n, hidden] (the residual stream after each
layer). Everything runs in float64 (float64.py): weights, eager attention, norms, softmax and rotary angles. TOKENS
(default 96): how many ids of the text to use.  Versions: requirements.txt beside this file.  The demo's file was made
from heldout.txt.
"""
import sys

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from float64 import force_float64, run_float64


def main():
    if not 4 <= len(sys.argv) <= 5:
        sys.exit(__doc__.split("\n\n")[1])
    model_dir, text_file, out = sys.argv[1:4]
    n = int(sys.argv[4]) if len(sys.argv) > 4 else 96
    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    with open(text_file, encoding="utf-8") as f:
        ids = tokenizer(f.read()[: 16 * n])["input_ids"][:n]
    force_float64()
    model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float64, attn_implementation="eager").eval()
    logits, hidden = run_float64(model, model.model.layers, ids)
    np.savez(out, input_ids=np.array(ids, np.int32), logits=logits.astype(np.float32),
             hidden_states=hidden.astype(np.float32))
    print(f"{out}: {len(ids)} ids, {logits.shape[1]} logits, {len(hidden)} layers")


main()
