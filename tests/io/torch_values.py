"""Values of every kind, written by Python and compared by Python.

write PATH [--legacy]   torch.save the values
same PATH PATH          are the two files equal, also in what shares what?
scalars PATH            torch.save NumPy's scalars
list PATH...            name, dtype, shape and checksum of each tensor
"""

import collections
import sys
import zlib

import numpy
import torch


def values():
    base = torch.arange(12, dtype=torch.float32)
    shared = [1, 2]
    state = collections.OrderedDict(weight=base.reshape(3, 4), bias=base[4:6])
    state._metadata = collections.OrderedDict([("", {"version": 1})])
    dtypes = [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32,
              torch.int16, torch.int8, torch.uint8, torch.bool, torch.complex64, torch.complex128]
    return {
        "state": state,
        "transposed": torch.arange(6).reshape(2, 3).t(),
        "dtypes": [torch.tensor([[1, 0, 1]]).to(d) for d in dtypes],
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "frozen": torch.nn.Parameter(torch.ones(2), requires_grad=False),
        "wanted": torch.ones(2, requires_grad=True),
        "mask": torch.eye(3).to_sparse().coalesce(),
        "empty mask": torch.zeros(3, 4).to_sparse().coalesce(),
        "numbers": [0, 1, 255, 256, -1, 2**31, -2**31, 2**62, -2**63, 2**63, -2**80, 2**2000],
        "floats": [0.0, -0.0, 1.5, 1e300, float("inf")],
        "others": [None, True, False, 1 + 2j, "", "text", "\u00e4\u20ac\U0001f600", b"", b"a\x00\xff", bytearray(b"b")],
        "sets": [set(), {1, 2}, frozenset(["a"])],
        "tuples": [(), (1,), (1, (2, (3,)))],
        "torch": [torch.Size([1, 2]), torch.device("cpu"), torch.device("cuda", 1), torch.float32, torch.qint8],
        "default": collections.defaultdict(dict, {"fc.weight": {"mask": torch.ones(2, 2)}}),
        "plain default": collections.defaultdict(None, a=1),
        ("a", 1): {1: "one", 2.5: "x", None: 0, True: 3},
        "shares": [shared, shared],
        "long": list(range(2000)),
        "names": {"name %d" % i: i for i in range(400)},
    }


def same(a, b):
    if isinstance(a, torch.Tensor):
        assert type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape, (a, b)
        assert a.requires_grad == b.requires_grad and a.layout == b.layout
        if a.layout is torch.strided:
            assert a.stride() == b.stride() and torch.equal(a, b), (a, b)
            assert a.storage_offset() == b.storage_offset()
        else:
            assert torch.equal(a.to_dense(), b.to_dense())
        return
    assert type(a) is type(b), (a, b)
    if isinstance(a, dict):
        assert len(a) == len(b)
        for (k, v), (l, w) in zip(a.items(), b.items()):
            same(k, l)
            same(v, w)
        assert getattr(a, "default_factory", 0) is getattr(b, "default_factory", 0)
        assert getattr(a, "_metadata", None) == getattr(b, "_metadata", None)
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for v, w in zip(a, b):
            same(v, w)
    else:
        assert a == b and str(a) == str(b), (a, b)


def tensors(value, name, found):
    if isinstance(value, torch.Tensor):
        if value.layout is torch.sparse_coo:
            tensors(value._indices(), name + ".indices", found)
            tensors(value._values(), name + ".values", found)
        else:
            found[name] = value.detach()
    elif isinstance(value, dict):
        for key, item in value.items():
            tensors(item, name + "." + str(key) if name else str(key), found)
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            tensors(item, "%s.%d" % (name, i) if name else str(i), found)


def of_file(path):
    found = {}
    try:
        found.update(torch.jit.load(path, map_location="cpu").state_dict())
    except RuntimeError:
        tensors(torch.load(path, map_location="cpu"), "", found)
    for name, value in found.items():
        if value.is_quantized or not isinstance(value, torch.Tensor):
            continue
        flat = value.detach().contiguous().flatten()
        data = flat.view(torch.int16).numpy() if value.dtype == torch.bfloat16 else flat.numpy()
        print("%s|%s|%s|%d" % (name, str(value.dtype)[6:], ",".join(map(str, value.shape)), zlib.crc32(data.tobytes())))


def main():
    verb, path = sys.argv[1:3]
    if verb == "write":
        torch.save(values(), path, _use_new_zipfile_serialization="--legacy" not in sys.argv)
    elif verb == "same":
        a, b = torch.load(path), torch.load(sys.argv[3])
        same(a, b)
        w = b["state"]["weight"].storage().data_ptr()
        assert w == b["state"]["bias"].storage().data_ptr(), "the storage is no longer shared"
        assert b["shares"][0] is b["shares"][1], "the list is no longer shared"
    elif verb == "scalars":
        torch.save([numpy.float64(2.5), numpy.float32(0.5), numpy.int32(-4), numpy.bool_(True), numpy.uint8(200)], path)
    elif verb == "list":
        for one in sys.argv[2:]:
            print("#" + one)
            of_file(one)


main()
