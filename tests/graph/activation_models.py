"""TorchScript models of all kinds, made and run by Python.

make FOLDER          writes NAME.pt for each model; all take x[3, 8]
run FOLDER SUFFIX [LIBRARY]
                     runs each NAME.SUFFIX.pt that is there and compares with
                     NAME.out.pt, bit for bit; without LIBRARY in plain Python
"""

import pathlib
import sys
from typing import List

import torch
from torch import nn

INPUT = torch.linspace(-2, 2, 24).reshape(3, 8)


def block():
    return nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8))


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 8)
        self.norm = nn.LayerNorm(8)

    def forward(self, x):
        return x + self.fc(torch.relu(self.norm(self.fc(x))))


class Lists(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([block() for _ in range(3)])
        self.heads = nn.ModuleDict({"a": nn.Linear(8, 2), "b": nn.Linear(8, 2)})

    def forward(self, x):
        for layer in self.layers:
            x = layer(x) + x
        outputs: List[torch.Tensor] = []
        for head in self.heads.values():
            outputs.append(head(x))
        return torch.cat(outputs, 1)


@torch.jit.interface
class Layer(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pass


class Typed(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x)


class Affine(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x)


class Interfaces(nn.Module):
    first: Layer
    second: Layer

    def __init__(self):
        super().__init__()
        self.first = Affine()
        self.second = Typed()

    def forward(self, x):
        return self.second.forward(self.first.forward(x))


class Control(nn.Module):
    def __init__(self):
        super().__init__()
        self.even = nn.Linear(8, 8)
        self.odd = nn.Linear(8, 8)

    def forward(self, x):
        for i in range(5):
            if i % 2 == 0:
                x = self.even(x)
            else:
                x = self.odd(x)
        return x


class Forked(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 8)

    def forward(self, x):
        other = torch.jit.fork(self.fc, x + 1)
        return self.fc(x) + torch.jit.wait(other)



class Hooked(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = Affine()

        def double(self, input):
            # type: (Tuple[Tensor]) -> Tuple[Tensor]
            return (input[0] * 2,)

        self.fc.register_forward_pre_hook(double)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(8, 5, bidirectional=True)
        self.gru = nn.GRU(10, 4)
        self.cell = nn.GRUCell(4, 4)

    def forward(self, x):
        x = self.lstm(x.unsqueeze(0))[0]
        return self.cell(self.gru(x)[0][0])


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2)
        self.fc = nn.Linear(8, 8)

    def forward(self, x):
        x = x.unsqueeze(1)
        return self.fc(self.attention(x, x, x)[0])


class Convolutions(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 4, 3)
        self.norm = nn.BatchNorm1d(4)
        self.back = nn.ConvTranspose1d(4, 1, 3)

    def forward(self, x):
        return self.back(torch.relu(self.norm(self.conv(x.unsqueeze(1)))))


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(8, 8, bias=False)
        self.second = nn.Linear(8, 8, bias=False)
        self.second.weight = self.first.weight
        self.again = self.first

    def forward(self, x):
        return self.again(torch.relu(self.second(torch.relu(self.first(x)))))


def scripted(module):
    return torch.jit.script(module.eval())


def traced(module):
    return torch.jit.trace(module.eval(), INPUT)


def inlined(module):
    module = traced(module)
    torch._C._jit_pass_inline(module.graph)
    return module


MODELS = {
    "sequential": lambda: scripted(block()),
    "sequential_traced": lambda: traced(block()),
    "sequential_frozen": lambda: torch.jit.freeze(scripted(block())),
    "twice": lambda: scripted(Twice()),
    "twice_traced": lambda: traced(Twice()),
    "twice_inlined": lambda: inlined(Twice()),
    "lists": lambda: scripted(Lists()),
    "lists_traced": lambda: traced(Lists()),
    "interfaces": lambda: scripted(Interfaces()),
    "control": lambda: scripted(Control()),
    "forked": lambda: scripted(Forked()),
    "hooked": lambda: scripted(Hooked()),
    "recurrent": lambda: scripted(Recurrent()),
    "recurrent_traced": lambda: traced(Recurrent()),
    "recurrent_inlined": lambda: inlined(Recurrent()),
    "attention": lambda: scripted(Attention()),
    "attention_traced": lambda: traced(Attention()),
    "convolutions": lambda: scripted(Convolutions()),
    "convolutions_inlined": lambda: inlined(Convolutions()),
    "tied": lambda: scripted(Tied()),
    "tied_traced": lambda: traced(Tied()),
}


def make(folder):
    torch.manual_seed(0)
    for name, model in MODELS.items():
        torch.jit.save(model(), str(folder / f"{name}.pt"))


def run(folder, suffix, library=None):
    if library:
        torch.ops.load_library(library)
    for path in sorted(folder.glob(f"*.{suffix}.pt")):
        name = path.name.split(".")[0]
        expected = torch.load(folder / f"{name}.out.pt")
        for _ in range(3):  # The third run is of the optimized graph.
            y = torch.jit.load(str(path))(INPUT)
            assert torch.equal(y, expected), f"{path.name}: {y} {expected}"
        print(name)


if __name__ == "__main__":
    arguments = sys.argv[2:]
    arguments[0] = pathlib.Path(arguments[0])
    {"make": make, "run": run}[sys.argv[1]](*arguments)
