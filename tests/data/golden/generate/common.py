"""What the generators share: encodings, and inputs whose masks depend on no tie.

Encoding rules
--------------
* float tensors   -> {"shape": [...], "dtype": "float32", "values": [row-major list]}
* 0/1 masks       -> {"shape": [...], "dtype": "...", "bits": "0110..."} row-major
* exceptions      -> {"error": "<ExceptionType>", "message": "<first 160 chars>"}
"""
import json
import os
import random
import warnings

import numpy as np
import torch

# The folder of the recorded outputs, above this one.
HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
warnings.simplefilter("ignore")


def enc(t):
    t = t.detach()
    if t.dtype == torch.bool:
        vals = [int(v) for v in t.reshape(-1).tolist()]
    else:
        vals = t.reshape(-1).tolist()
        if t.dtype in (torch.float32,):
            # shortest decimal string which round-trips through float32
            vals = [float(np.format_float_positional(np.float32(v), unique=True, trim="0"))
                    if np.isfinite(v) else repr(v) for v in vals]
    return {"shape": list(t.shape), "dtype": str(t.dtype).replace("torch.", ""), "values": vals}


def enc_mask(t):
    t = t.detach()
    flat = t.reshape(-1).tolist()
    assert all(float(v) in (0.0, 1.0) for v in flat), "not a 0/1 mask"
    return {"shape": list(t.shape), "dtype": str(t.dtype).replace("torch.", ""),
            "bits": "".join("1" if float(v) else "0" for v in flat)}


def enc_err(e):
    return {"error": type(e).__name__, "message": " ".join(str(e).split())[:160]}


def attempt(fn, encode):
    try:
        return encode(fn())
    except Exception as e:  # noqa: BLE001 - the exception IS the golden value
        return enc_err(e)


def tie_free(shape, seed, dtype=torch.float32, lo=0.05, hi=2.0):
    """Random-sign values whose absolute values are all distinct and whose
    small-subset means are (checked by callers) well separated."""
    rng = random.Random(seed)
    n = 1
    for s in shape:
        n *= s
    mags = [lo + (hi - lo) * (i + 0.35 * rng.random()) / max(1, n) for i in range(n)]
    rng.shuffle(mags)
    vals = [round(m, 5) * rng.choice((-1.0, 1.0)) for m in mags]
    t = torch.tensor(vals, dtype=dtype).reshape(shape)
    a = t.abs().reshape(-1).sort()[0]
    if n > 1:
        assert float((a[1:] - a[:-1]).min()) > 1e-5
    return t


def boundary_gap(values, k):
    """Relative gap between the k-th smallest value and the next one (inf when no boundary)."""
    v = sorted(float(x) for x in values)
    if k <= 0 or k >= len(v):
        return float("inf")
    return (v[k] - v[k - 1]) / max(abs(v[k]), 1e-12)


def assert_gap(scores, k, tol=1e-5):
    assert boundary_gap(scores.reshape(-1).tolist(), k) > tol, ("tie", scores, k)


def dump(name, obj):
    obj = {"torch_version": torch.__version__, **obj}
    path = os.path.join(HERE, name)
    with open(path, "w") as f:
        json.dump(obj, f, separators=(",", ":"))
    print(f"{name}: {os.path.getsize(path)} bytes")
