"""A package of the tests, which is installed nowhere: what is pickled with its
classes can be loaded only by who has this file."""

import dataclasses
import enum
import functools

import torch
from torch import nn


class Kind(enum.Enum):
    LEAF = 1


@dataclasses.dataclass
class Settings:
    width: int
    mean: torch.Tensor


class Slots:
    __slots__ = ("table", "note")

    def __init__(self):
        self.table = torch.arange(6.0).reshape(2, 3)
        self.note = "a note"


class Keywords:
    def __new__(cls, *, table):
        made = super().__new__(cls)
        return made

    def __getnewargs_ex__(self):
        return (), {"table": torch.ones(2, 2)}


class AttributeDict(dict):
    """As Lightning has it."""

    def __getattr__(self, key):
        return self[key]


class OwnDict(dict):
    """A dictionary that is its own attributes."""

    def __init__(self, *args):
        super().__init__(*args)
        self.__dict__ = self


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.act = nn.functional.relu
        self.kind = Kind.LEAF

    def forward(self, x):
        return self.act(self.norm(self.conv(x))) + x


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.settings = Settings(width, torch.zeros(2, 2))
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.blocks = nn.Sequential(Block(width), Block(width))
        self.places = nn.Embedding(4, width)
        self.rnn = nn.LSTM(width, width)
        self.fc = nn.Linear(width, width)
        self.tied = self.fc
        self.register_buffer("grid", torch.ones(4, 4))
        self.table = torch.ones(2, 3)
        self.last = functools.partial(torch.flatten, start_dim=1)
        self.blocks[0].owner = [self]  # A ring, which is no submodule.

    def forward(self, x):
        x = self.blocks(self.stem(x)).mean((2, 3))
        return self.last(self.fc(x))


class Ema:
    """Averages beside a model that it holds, too."""

    def __init__(self, model):
        self.params = list(model.parameters())
        self.shadow = {name: p.detach() * 2 for name, p in model.named_parameters()}
        self.model = model


class Runner:
    """A training run: each part knows the others."""

    def __init__(self, model):
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        self.ema = Ema(model)
        self.model = model
        self.me = self
