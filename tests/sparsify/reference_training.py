"""Trains a small network under the reference's masks, as the C++ test does.

usage: reference_training.py IN OUT
IN  (torch.load): x, y, w0, w1 and the numbers epochs, steps
OUT (torch.save): the effective weights w0, w1 and the levels
"""
import sys

import torch
from torch import nn

try:
    from torch.ao.pruning import CubicSL, WeightNormSparsifier
except ImportError:  # before 2.0
    from torch.ao.sparsity import CubicSL, WeightNormSparsifier

given = torch.load(sys.argv[1])
model = nn.Sequential(nn.Linear(12, 16, bias=False), nn.Tanh(), nn.Linear(16, 6, bias=False))
with torch.no_grad():
    model[0].weight.copy_(given["w0"])
    model[2].weight.copy_(given["w1"])
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
sparsifier = WeightNormSparsifier(sparsity_level=0.75, sparse_block_shape=(1, 2))
sparsifier.prepare(model, [{"tensor_fqn": "0.weight"}, {"tensor_fqn": "2.weight"}])
scheduler = CubicSL(sparsifier, delta_t=1, total_t=given["epochs"] - 1)
levels = []
for _ in range(given["epochs"]):
    for _ in range(given["steps"]):
        optimizer.zero_grad()
        (model(given["x"]) - given["y"]).pow(2).mean().backward()
        optimizer.step()
    sparsifier.step()
    levels.append(float(sparsifier.groups[0]["sparsity_level"]))
    scheduler.step()
sparsifier.squash_mask()
torch.save({"w0": model[0].weight.data, "w1": model[2].weight.data,
            "levels": torch.tensor(levels, dtype=torch.float64)}, sys.argv[2])
