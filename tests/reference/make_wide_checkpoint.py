"""Write an f32 variant of a bf16 checkpoint whose values need all 24 bits, to measure what narrowing costs.

usage: make_wide_checkpoint.py MODEL_DIR OUT_DIR

Each value of model.safetensors is multiplied by 1 + u / 256, u uniform in [-1, 1) from a fixed seed, in float32; every other file is copied, with
the dtype in config.json changed.  Then: make_reference.py OUT_DIR TEXT OUT.npz; fox-convert OUT_DIR -t TYPE --allow-lossy; fox-verify --reference.
"""
import json
import os
import shutil
import sys

import numpy as np
import torch
from safetensors.torch import load_file, save_file


def main():
    src, out = sys.argv[1:3]
    rng = np.random.default_rng(1)
    os.makedirs(out, exist_ok=True)
    for name in os.listdir(src):
        if name.endswith((".json", ".model")):
            shutil.copy(os.path.join(src, name), os.path.join(out, name))
    tensors = load_file(os.path.join(src, "model.safetensors"))
    wide = {}
    for name in sorted(tensors):
        x = tensors[name].to(torch.float32).numpy()
        wide[name] = torch.from_numpy((x * (1 + rng.uniform(-1, 1, x.shape).astype(np.float32) / 256)).astype(np.float32))
    save_file(wide, os.path.join(out, "model.safetensors"))
    path = os.path.join(out, "config.json")
    with open(path, encoding="utf-8") as f:
        config = json.load(f)
    config["torch_dtype"] = "float32"
    with open(path, "w", encoding="utf-8") as f:
        json.dump(config, f, indent=2)


main()
