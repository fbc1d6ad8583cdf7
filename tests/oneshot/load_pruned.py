"""Loads pruned files as Python's users do.

usage: load_pruned.py BEFORE AFTER [BEFORE AFTER]...

Fails unless every AFTER loads, has the names, shapes and dtypes of BEFORE, and
each value is that of BEFORE or zero; prints the zeros of each AFTER.
"""
import sys

import torch


def tensors_in(value, prefix=""):
    if isinstance(value, torch.Tensor):
        yield prefix, value
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from tensors_in(entry, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, (list, tuple)):
        for i, entry in enumerate(value):
            yield from tensors_in(entry, f"{prefix}.{i}")


def load(path):
    if path.endswith((".ts.pt", ".jit", ".pt")):
        try:
            return dict(torch.jit.load(path, map_location="cpu").state_dict())
        except RuntimeError:
            pass  # What torch.save wrote.
    return dict(tensors_in(torch.load(path, map_location="cpu")))


for before_path, after_path in zip(sys.argv[1::2], sys.argv[2::2]):
    before, after = load(before_path), load(after_path)
    assert list(before) == list(after), after_path
    zeros = 0
    for name, tensor in before.items():
        pruned = after[name]
        assert pruned.shape == tensor.shape and pruned.dtype == tensor.dtype, name
        if pruned.is_sparse or pruned.is_quantized:
            continue
        assert bool(((pruned == tensor) | (pruned == 0)).all()), (after_path, name)
        zeros += int((pruned == 0).sum())
    print(after_path.rsplit("/", 1)[-1], zeros)
