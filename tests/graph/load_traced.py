"""Loads traced modules as Python's users do.

usage: load_traced.py MODULE INPUTS_AND_OUTPUT [MODULE INPUTS_AND_OUTPUT]...

Prints the names of the state dictionary of each, in order, a line each, and
fails unless it gives the recorded output bit for bit. The records are tuples
(inputs, output) as LibTorch's pickle_save writes them.
"""
import sys

import torch


def same(a, b):
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))


for module_path, record_path in zip(sys.argv[1::2], sys.argv[2::2]):
    module = torch.jit.load(module_path)
    inputs, expected = torch.load(record_path)
    for _ in range(3):
        assert same(module(*inputs), expected), module_path
    # What users do next.
    module.train()
    module.eval()
    print(type(module).__name__, module.original_name, *module.state_dict())
