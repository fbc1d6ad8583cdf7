"""Writes checkpoints with tensors as users have them, for real_files_test.cpp.

usage: make_odd_tensors.py FOLDER

Strides, views, half precision, shared storages, sparse and quantized tensors,
masks, lists: each a file of its own.
"""
import sys

import torch

torch.manual_seed(0)


def save(name, value):
    torch.save(value, f"{sys.argv[1]}/{name}.pt")


base = {"fc.weight": torch.randn(32, 32)}
x = {
    "transposed": torch.randn(16, 8).t(),
    "channels_last": torch.randn(8, 4, 3, 3).contiguous(
        memory_format=torch.channels_last
    ),
    "slice": torch.randn(1000, 8)[10:12],
    "columns": torch.randn(8, 32)[:, 4:12],
    "expanded": torch.randn(1, 8).expand(8, 8),
    "parameter": torch.nn.Parameter(torch.randn(8, 8)),
    "half": torch.randn(8, 8).half(),
    "bfloat16": torch.randn(8, 8).bfloat16(),
    "double": torch.randn(8, 8).double(),
    "complex": torch.randn(4, 4, dtype=torch.cfloat),
    "sparse": torch.eye(8).to_sparse(),
    "quantized": torch.quantize_per_tensor(torch.randn(8, 8), 0.1, 0, torch.qint8),
    "empty": torch.empty(0, 8),
    "number": torch.tensor(1.0),
}
for name, value in x.items():
    save(name, {**base, "x": value})

flat = torch.randn(512)
save("bucket", {"a.weight": flat[:256].view(16, 16), "b.weight": flat[256:].view(16, 16)})
save("flat", {**base, "flat": flat, "a.weight": flat[256:].view(16, 16)})
outer = torch.randn(32, 32)
save("inner_view", {**base, "embed.weight": outer, "a.weight": outer[4:20]})
tied = torch.randn(16, 16)
save("tied", {**base, "emb.weight": tied, "decoder.weight": tied, "x.weight": tied.t()})
save("list", [torch.nn.Parameter(torch.randn(16, 16)), torch.zeros(4)])
save("single", torch.randn(16, 16))
save("keys", {("a", 1): torch.randn(8, 8), "w\nx": torch.randn(8, 8), "ä/ü": torch.randn(8, 8)})
save("masked", {"fc.weight_orig": torch.randn(16, 16), "fc.weight_mask": (torch.rand(16, 16) > 0.7).float()})
