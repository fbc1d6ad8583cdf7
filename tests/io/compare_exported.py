"""Exits with 0 if safetensors files hold what archives of torch.export do, bit for
bit. Reads the archives without torch.export, which PyTorch 1.13 lacks.

Usage: compare_exported.py (ARCHIVE SAFETENSORS)...
"""
import io
import json
import struct
import sys
import zipfile

import torch

DTYPES = {"F32": torch.float32, "I64": torch.int64, "BOOL": torch.bool}
NUMBERS = {5: torch.int64, 7: torch.float32, 12: torch.bool}


if not hasattr(torch._utils, "_rebuild_parameter_with_state"):
    torch._utils._rebuild_parameter_with_state = (
        lambda data, requires_grad, hooks, state: torch.nn.Parameter(
            data, requires_grad))


def safetensors(path):
    data = open(path, "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = of_bytes(
            data[8 + size + begin:8 + size + end], DTYPES[entry["dtype"]]
        ).reshape(entry["shape"])
    return tensors


def of_bytes(data, dtype):
    return torch.frombuffer(bytearray(data), dtype=dtype)


def sizes(entries):
    return [entry["as_int"] for entry in entries]


def older(archive):
    tensors = {}
    for part in ("state_dict", "constants"):
        data = archive.read(f"serialized_{part}.pt")
        tensors.update(torch.load(io.BytesIO(data)))
    return tensors


def newer(archive):
    root = archive.namelist()[0].split("/")[0]
    tensors = {}
    for part in ("weights", "constants"):
        folder = f"{root}/data/{part}/"
        config = json.loads(archive.read(f"{folder}model_{part}_config.json"))
        for name, entry in config["config"].items():
            meta = entry["tensor_meta"]
            tensors[name] = of_bytes(
                archive.read(folder + entry["path_name"]),
                NUMBERS[meta["dtype"]],
            ).as_strided(
                sizes(meta["sizes"]), sizes(meta["strides"]),
                meta["storage_offset"]["as_int"])
    return tensors


for path, copy in zip(sys.argv[1::2], sys.argv[2::2]):
    with zipfile.ZipFile(path) as archive:
        is_older = "serialized_state_dict.pt" in archive.namelist()
        expected = (older if is_older else newer)(archive)
    actual = safetensors(copy)
    if sorted(actual) != sorted(expected):
        sys.exit(f"{path}: {sorted(actual)} for {sorted(expected)}")
    for name, tensor in expected.items():
        if tensor.dtype != actual[name].dtype or not torch.equal(
                tensor.detach(), actual[name]):
            sys.exit(f"{path}: {name} differs")
