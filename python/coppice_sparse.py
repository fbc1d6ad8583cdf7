"""Reads a sparse checkpoint of Coppice, or any safetensors file, with numpy alone.

    from coppice_sparse import load
    tensors = load("model.sparse.safetensors")  # {name: numpy.ndarray}

bfloat16, which numpy lacks, becomes float32 without loss. The files' layout is
described in coppice/io/sparse_checkpoint.h. Run as a program, it lists what a
file holds.
"""
import json
import math
import sys

import numpy as np

DTYPES = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "F16": "<f2",
    "BF16": "<u2", "U32": "<u4", "I32": "<i4", "F32": "<f4", "U64": "<u8",
    "I64": "<i8", "F64": "<f8", "C64": "<c8",
}
PARTS = (".bitmask", ".compressed", ".shape", ".row_offsets")


def load(path):
    """The tensors of a file by name, those that were packed whole again.

    Raises ValueError for a file that is no safetensors file, or holds a dtype
    that numpy has no like of.
    """
    data = np.memmap(path, np.uint8, "r")
    length = int(data[:8].view("<u8")[0]) if data.size >= 8 else data.size
    if length > data.size - 8:
        raise ValueError(f"{path}: is no safetensors file")
    header = json.loads(data[8:8 + length].tobytes())
    header.pop("__metadata__", None)
    stored = {name: _stored(data[8 + length:], name, entry) for name, entry in header.items()}
    packed = {name[:-len(".bitmask")] for name in stored if name.endswith(".bitmask")}
    packed = {name for name in packed if all(name + part in stored for part in PARTS)}
    tensors = {}
    for name in packed:
        parts = [stored.pop(name + part) for part in PARTS]
        tensors[name] = _widened(_unpacked(*parts[:3]), header[name + ".compressed"])
    for name, array in stored.items():
        if not name.startswith("coppice."):
            tensors[name] = _widened(array, header[name])
    return tensors


def _stored(data, name, entry):
    if entry["dtype"] not in DTYPES:
        raise ValueError(f"tensor {name}: numpy has no {entry['dtype']}")
    begin, end = entry["data_offsets"]
    return np.frombuffer(data[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])


def _unpacked(bitmask, compressed, shape):
    columns = math.prod(shape.tolist()) // len(bitmask)
    kept = np.unpackbits(bitmask, axis=1, count=columns, bitorder="little").astype(bool)
    array = np.zeros(kept.shape, compressed.dtype)
    array[kept] = compressed
    return array.reshape(shape)


def _widened(array, entry):
    if entry["dtype"] != "BF16":
        return array
    return (array.astype("<u4") << 16).view("<f4")


if __name__ == "__main__":
    for file in sys.argv[1:]:
        for tensor, values in load(file).items():
            zeros = 1 - np.count_nonzero(values) / max(1, values.size)
            print(f"{tensor}  {values.dtype}{list(values.shape)}  {zeros:.1%} zeros")
