"""Writes models with state, methods, attributes, hooks and extra files, or
compares what was made of them: compile_python.py save FOLDER, or
compile_python.py compare FOLDER LIBRARY.
"""
import sys
from typing import List, Tuple

import torch
from torch import nn


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(48, 64)
        self.actor = nn.Sequential(nn.Linear(64, 256), nn.ELU(), nn.Linear(256, 12))
        self.register_buffer("h", torch.zeros(1, 1, 64))
        self.register_buffer("c", torch.zeros(1, 1, 64))

    def forward(self, x):
        y, (self.h, self.c) = self.lstm(x.unsqueeze(0), (self.h, self.c))
        return self.actor(y.squeeze(0))

    @torch.jit.export
    def reset_memory(self):
        self.h = torch.zeros(1, 1, 64)
        self.c = torch.zeros(1, 1, 64)


class Classes(nn.Module):
    classes: List[str]

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(48, 256)
        self.fc2 = nn.Linear(256, 10)
        self.classes = ["cat", "dog"]
        self.limit = 5.0
        self.register_buffer("version", torch.tensor([3]))

    @torch.jit.export
    def get_classes(self) -> List[str]:
        return self.classes

    @torch.jit.export
    def encode(self, x):
        return self.fc1(x).relu()

    def forward(self, x):
        return self.fc2(self.encode(x))


class Hooked(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(48, 256)
        self.b = nn.Linear(256, 8)

    def forward(self, x: torch.Tensor):
        return self.b(self.a(x))


class Forked(nn.Module):
    def __init__(self):
        super().__init__()
        self.beside = nn.Linear(48, 48)
        self.embedding = nn.Embedding(9, 48)
        self.fc = nn.Linear(48, 48)

    def forward(self, x: torch.Tensor):
        other = torch.jit.fork(self.beside, x)
        rows = self.embedding((x[:, 0] > 0).long())
        return self.fc(x) + torch.jit.wait(other) + rows


def twice(self, x: Tuple[torch.Tensor]) -> Tuple[torch.Tensor]:
    return (x[0] * 2,)


def negated(self, x: Tuple[torch.Tensor], y: torch.Tensor) -> torch.Tensor:
    return -y


MODELS = {"policy": Policy, "classes": Classes, "hooked": Hooked, "inner": Hooked, "forked": Forked}


def save(folder):
    for name, make in MODELS.items():
        torch.manual_seed(0)
        model = make().eval()
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.data.mul_((torch.rand_like(parameter) > 0.9).float())
        hooked = {"hooked": model, "inner": getattr(model, "a", None)}.get(name)
        if hooked is not None:
            hooked.register_forward_pre_hook(twice)
            hooked.register_forward_hook(negated)
        files = {"classes.json": b'["\x00", "dog"]', "sub/notes": "yes"}
        torch.jit.save(torch.jit.script(model), f"{folder}/{name}", _extra_files=files)


def compare(folder, library):
    torch.ops.load_library(library)
    torch.set_grad_enabled(False)
    for name in MODELS:
        files = {"classes.json": "", "sub/notes": ""}
        a = torch.jit.load(f"{folder}/{name}")
        b = torch.jit.load(f"{folder}/{name}.out", _extra_files=files)
        assert files["classes.json"] == b'["\x00", "dog"]', files
        assert files["sub/notes"] == b"yes", files
        assert sorted(a._c._method_names()) == sorted(b._c._method_names())
        for call in range(100):
            torch.manual_seed(call)
            x = torch.randn(1, 48)
            torch.testing.assert_close(a(x), b(x), rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(a.forward(x), b.forward(x), rtol=1e-4, atol=1e-5)
        if name == "policy":
            a.reset_memory(), b.reset_memory()
            assert torch.equal(b.h, torch.zeros(1, 1, 64))
            torch.testing.assert_close(a(x), b(x), rtol=1e-4, atol=1e-5)
        if name == "classes":
            assert b.get_classes() == ["cat", "dog"] == b.classes
            assert b.limit == 5.0 and b.version.item() == 3
            assert torch.equal(a.encode(x), b.encode(x))
    print("compared")


if sys.argv[1] == "save":
    save(sys.argv[2])
else:
    compare(*sys.argv[2:])
