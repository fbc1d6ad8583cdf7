"""Masks tensors with the reference's DataNormSparsifier, as the C++ test does.

usage: reference_data.py IN OUT
IN  (torch.load): count and, for every i below it, first_i and second_i (the
    values of one tensor, one after the other), level_i and pattern_i (rows,
    cols, zeros per block, norm)
OUT (torch.save): after a step on each of the two, mask_i, and after squashing
    values_i where the reference can squash
"""
import sys

import torch

try:
    from torch.ao.pruning._experimental.data_sparsifier import DataNormSparsifier
except ImportError:  # before 2.0
    from torch.ao.sparsity._experimental.data_sparsifier import DataNormSparsifier

given = torch.load(sys.argv[1])
out = {}
for i in range(given["count"]):
    data = given[f"first_{i}"].clone()
    rows, cols, zeros, norm = given[f"pattern_{i}"].tolist()
    sparsifier = DataNormSparsifier(
        [("data", data)], sparsity_level=given[f"level_{i}"], sparse_block_shape=(rows, cols),
        zeros_per_block=zeros, norm=f"L{norm}")
    sparsifier.step()
    data.copy_(given[f"second_{i}"])
    sparsifier.step()
    mask = sparsifier.get_mask("data")
    out[f"mask_{i}"] = mask.bool()
    if mask.shape == data.shape:
        sparsifier.squash_mask()
        out[f"values_{i}"] = data
torch.save(out, sys.argv[2])
