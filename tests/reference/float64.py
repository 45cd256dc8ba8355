"""Make torch and transformers compute in float64 throughout, and write reference files.

transformers asks for float32 by hand in many places (norms, softmax, rotary angles and their scaling, ALiBi slopes, the
embedding scale): force_float64() turns each such request into one for float64.  It must run before a model is built,
because rotary tables are made in constructors.
"""
import io
import zipfile

import numpy as np
import torch
import torch.utils._device


def wide(dtype):
    return torch.float64 if dtype is torch.float32 else dtype


def widen_keyword(function):
    """The same function, with dtype=float32 read as dtype=float64."""

    def widened(*args, **kw):
        if "dtype" in kw:
            kw["dtype"] = wide(kw["dtype"])
        return function(*args, **kw)

    return widened


def force_float64():
    """Where the model code asks for float32, give float64."""
    to, softmax = torch.Tensor.to, torch.nn.functional.softmax

    def to64(self, *args, **kw):
        args = [wide(a) if isinstance(a, torch.dtype) else a for a in args]
        return widen_keyword(to)(self, *args, **kw)

    def softmax64(x, dim=None, _stacklevel=3, dtype=None):
        return softmax(x, dim=dim, dtype=wide(dtype))

    torch.Tensor.to = to64
    torch.Tensor.float = torch.Tensor.double
    torch.nn.functional.softmax = softmax64
    torch.utils._device._device_constructors()  # torch keeps the list of these functions for `with device:`; ours aren't it
    for name in ("tensor", "full", "arange", "zeros", "ones", "empty"):
        setattr(torch, name, widen_keyword(getattr(torch, name)))
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)  # one order of summation, so that the same machine gives the same bytes again


def run_float64(model, blocks, ids):
    """Logits [n, vocab] and the residual stream after each layer [layers, n, hidden], both float64 arrays."""
    for name, x in list(model.named_parameters()) + list(model.named_buffers()):
        assert not x.is_floating_point() or x.dtype is torch.float64, f"{name} is {x.dtype}"
    hidden = []
    hooks = [b.register_forward_hook(lambda m, i, o: hidden.append((o[0] if isinstance(o, tuple) else o)[0].clone()))
             for b in blocks]
    with torch.no_grad():
        logits = model(torch.tensor([ids]), use_cache=False).logits[0]
    for hook in hooks:
        hook.remove()
    assert logits.dtype is torch.float64 and all(h.dtype is torch.float64 for h in hidden)
    return logits.numpy(), np.stack([h.numpy() for h in hidden])


def save_npz(path, **arrays):
    """np.savez_compressed with fixed times, so that equal arrays give an equal file."""
    with zipfile.ZipFile(path, "w") as z:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
            info = zipfile.ZipInfo(name + ".npy", (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o644 << 16
            z.writestr(info, member.getvalue(), zipfile.ZIP_DEFLATED, 9)
