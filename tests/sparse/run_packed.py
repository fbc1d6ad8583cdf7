"""Runs a saved module with a packed weight, and saves one packed here.

run_packed.py LIBRARY FOLDER: reads FOLDER/net.pt, writes FOLDER/from_python.pt.
"""

import sys

import torch

library, folder = sys.argv[1:]
torch.ops.load_library(library)

net = torch.jit.load(folder + "/net.pt")
x = torch.ones(3, 35)
y = net(x)
weight = net.weight.to_dense()
assert torch.allclose(y, x @ weight.t(), atol=1e-4), "wrong result"
print(net.weight)

PackedWeight = torch.classes.coppice.PackedWeight
packed = PackedWeight.pack(weight, "bitmask_rows", 1, torch.float32)
assert packed.format() == "bitmask_rows" and packed.shape() == [21, 35]
assert torch.equal(packed.to_dense(), weight)
bias = torch.ones(21)
relu = torch.ops.coppice.linear_relu(x, packed, bias)
assert torch.allclose(relu, (y + bias).relu(), atol=1e-4)
assert torch.ops.coppice.linear(torch.empty(4, 35, device="meta"), packed).shape == (4, 21)
try:
    PackedWeight.pack(torch.ones(3), "dense", 1, torch.float32)
except ValueError as error:
    print("ValueError:", str(error).splitlines()[0])

halves = PackedWeight.pack(weight, "bitmask_rows", 1, torch.bfloat16)
assert halves.dtype() == "bfloat16" and packed.dtype() == "float32"
assert torch.equal(halves.to_dense(), weight.bfloat16().float())
assert halves.nbytes() < packed.nbytes()


class Net(torch.nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.weight = weight

    def forward(self, x):
        return torch.ops.coppice.linear(x, self.weight)


scripted = torch.jit.script(Net(packed))
assert torch.allclose(scripted(x), y, atol=1e-4)
scripted.save(folder + "/from_python.pt")
torch.jit.script(Net(halves)).save(folder + "/halves.pt")
again = torch.jit.load(folder + "/halves.pt")
assert torch.equal(again(x), torch.ops.coppice.linear(x, halves))
print("done")
