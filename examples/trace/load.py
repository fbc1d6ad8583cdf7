"""Loads the file that the C++ program wrote: python3 load.py net.pt"""
import sys

import torch

net = torch.jit.load(sys.argv[1])
text = (torch.arange(1000 * 20) * 7919 % 128).view(1000, 20)
best = net(text).sum(0).argmax().item()
net(text[:1])
print(
    f"{sys.argv[1]}: {len(net.state_dict())} tensors; "
    f"class {best} of 1000 lines; batch 1 works"
)
