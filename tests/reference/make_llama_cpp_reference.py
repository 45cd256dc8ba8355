"""Write a container's outputs as llama.cpp computes them, in the form that `fox-verify --reference` reads.

usage: make_llama_cpp_reference.py MODEL.gguf TEXT_FILE OUT.npz [TOKENS]

OUT.npz: input_ids i32[n] (llama.cpp's own tokens of the text, BOS as the file says), logits f32[n, vocab]. KV cache f32, flash attention off, CPU.
Then `fox-verify MODEL.gguf --reference OUT.npz` gives the NMSE between fox and llama.cpp on the same file, and
`fox-inspect tok MODEL.gguf -e TEXT` must print the same ids.  Versions: requirements.txt beside this file.
"""
import sys

import numpy as np
from llama_cpp import Llama

F32 = 0  # GGML_TYPE_F32


def main():
    path, text_file, out = sys.argv[1:4]
    n = int(sys.argv[4]) if len(sys.argv) > 4 else 96
    model = Llama(path, n_ctx=n, n_batch=n, n_threads=1, logits_all=True, flash_attn=False, type_k=F32, type_v=F32,
                  n_gpu_layers=0, verbose=False)
    with open(text_file, "rb") as f:
        ids = model.tokenize(f.read()[: 16 * n], add_bos=True, special=False)[:n]
    model.eval(ids)
    logits = np.array(model.scores[: len(ids)], np.float32)
    np.savez(out, input_ids=np.array(ids, np.int32), logits=logits)
    print(f"{out}: {len(ids)} ids, {logits.shape[1]} logits")


main()
