"""Writes a TorchScript model of any size, and samples for it, with little
memory and without PyTorch: layers of 4096 x 4096 float32 with a ReLU between.

Usage: large_model.py LAYERS MODEL SAMPLES
"""

import array
import io
import json
import pickle
import random
import struct
import sys
import types
import zipfile

SIDE = 4096
SAMPLES = 32


def values(count, scale):
    """Uniform in [-scale, scale), a float32 each."""
    draw = random.Random(7)
    few = [draw.uniform(-scale, scale) for _ in range(1 << 20)]
    return array.array("f", few * (count >> 20)).tobytes()


class Storage:
    def __init__(self, key):
        self.key = key


class Tensor:
    """Pickled as PyTorch pickles one."""

    def __init__(self, key):
        self.key = key

    def __reduce__(self):
        arguments = (Storage(self.key), 0, (SIDE, SIDE), (SIDE, 1), False, {})
        return (sys.modules["torch._utils"]._rebuild_tensor_v2, arguments)


def pretend(module, *names):
    """Lets the pickler name what is not here."""
    made = types.ModuleType(module)
    for name in names:
        one = type(name, (), {"__module__": module, "__qualname__": name})
        setattr(made, name, one)
    sys.modules[module] = made


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        if isinstance(value, Storage):
            kind = sys.modules["torch"].FloatStorage
            return ("storage", kind, value.key, "cpu", SIDE * SIDE)
        return None


def data_pickle(layers):
    pretend("torch", "FloatStorage")
    pretend("torch._utils", "_rebuild_tensor_v2")
    pretend("__torch__", "Net")
    net = sys.modules["__torch__"].Net()
    net.__dict__ = {f"w{i}": Tensor(str(i)) for i in range(layers)}
    net.__dict__["training"] = False
    text = io.BytesIO()
    Pickler(text, protocol=2).dump(net)
    return text.getvalue()


def code(layers):
    names = "".join(f'"w{i}", ' for i in range(layers))
    lines = ["class Net(Module):", f"  __parameters__ = [{names}]"]
    lines += ["  __buffers__ = []"]
    lines += [f"  w{i} : Tensor" for i in range(layers)]
    lines += ["  training : bool"]
    lines += ["  def forward(self: __torch__.Net,", "    x: Tensor) -> Tensor:"]
    lines += [
        f"    x{i} = torch.relu(torch.linear(x{i - 1 if i else ''}, self.w{i}))"
        for i in range(layers)
    ]
    return "\n".join(lines + [f"    return x{layers - 1}", ""])


class Archive:
    """Entries whose data begin at multiples of 64, as PyTorch has them."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self.zip = zipfile.ZipFile(self.file, "w", zipfile.ZIP_STORED)

    def add(self, name, pieces, size):
        info = zipfile.ZipInfo("net/" + name)
        info.file_size = size
        is_large = size >= 1 << 31
        header = 30 + len(info.filename) + (20 if is_large else 0)
        rest = -(self.file.tell() + header + 4) % 64
        info.extra = struct.pack("<HH", 0x4246, rest) + b"Z" * rest
        with self.zip.open(info, "w", force_zip64=is_large) as entry:
            for piece in pieces:
                entry.write(piece)


def write_model(path, layers):
    archive = Archive(path)
    for name, text in (
        ("data.pkl", data_pickle(layers)),
        ("code/__torch__.py", code(layers).encode()),
        ("constants.pkl", b"\x80\x02)."),
        ("version", b"3\n"),
    ):
        archive.add(name, [text], len(text))
    block = values(SIDE * SIDE // 8, (6 / SIDE) ** 0.5)
    for i in range(layers):
        turn = 4096 * i
        piece = block[turn:] + block[:turn]
        archive.add(f"data/{i}", [piece] * 8, SIDE * SIDE * 4)
    archive.zip.close()


def write_samples(path):
    tensor = {"dtype": "F32", "shape": [SAMPLES, SIDE]}
    size = SAMPLES * SIDE * 4
    header = json.dumps({"x": {**tensor, "data_offsets": [0, size]}})
    header += " " * (-len(header) % 8)
    some = values(1 << 20, 1.0)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header.encode())
        file.write(some[:size])


write_model(sys.argv[2], int(sys.argv[1]))
write_samples(sys.argv[3])
