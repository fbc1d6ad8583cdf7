"""Computes every case of oneshot/ again with oneshot_ref.py, in float64, and compares."""
import glob
import json
import os
import sys

import torch

import oneshot_ref as ref
from common import HERE

DTYPES = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16, "BOOL": torch.bool}


def read(path):
    """The case and the tensors of a safetensors file."""
    with open(path, "rb") as file:
        data = file.read()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    case = json.loads(header.pop("__metadata__")["case"])
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        flat = torch.frombuffer(bytearray(data[start + begin:start + end]), dtype=DTYPES[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"])
    return case, tensors


def pattern_of(case):
    given = case["pattern"]
    return ref.Pattern(given["kind"], given.get("sparsity", 0.5), given.get("n", 2), given.get("m", 4),
                       given.get("rows", 1), given.get("cols", 1), given.get("scope", "layer"))


def close(case, name, ours, expected):
    """Asserts that a weight is the expected one within the tolerance of its case."""
    scale = expected.double().abs() * 2.0 ** -7 if expected.dtype != torch.float32 else case["tolerance"]["weight_abs"]
    assert ((ours - expected.double()).abs() <= scale).all(), (case["name"], name)


def prune(case, weight, gram):
    options = dict(case["options"])
    return getattr(ref, case["method"])(weight, gram, pattern_of(case), **options)[:2]


def convolution(case, tensors):
    weight = tensors["weight"].double()
    conv = case["conv"]
    grams = ref.gram_conv2d(tensors["inputs"], weight.shape[2:], conv["stride"], conv["padding"], conv["dilation"],
                            conv["groups"], torch.float64)
    parts = [prune(case, part.flatten(1), gram) for part, gram in zip(weight.chunk(conv["groups"]), grams)]
    return [torch.cat(list(part)).reshape(weight.shape) for part in zip(*parts)]


def gram_of(case, tensors):
    if "gram" in tensors:
        return tensors["gram"].double()
    gram = ref.gram_linear(tensors["inputs"], torch.float64)
    return 2 * gram if case["options"].get("dead_mean") == "one" else gram


def check_layer(case, tensors):
    if "conv" in case:
        weight, keep = convolution(case, tensors)
    else:
        weight, keep = prune(case, tensors["weight"].double(), gram_of(case, tensors))
    assert keep.equal(tensors["expect.mask"]), case["name"]
    if "weight_abs" in case["tolerance"] or "weight" in case["tolerance"]:
        close(case, "weight", weight, tensors["expect.weight"])


def check_refit(case, tensors):
    gram = gram_of(case, tensors)
    weight, mask = tensors["weight"].double(), tensors["mask"]
    close(case, "weight", ref.refit_exact(weight, gram, mask, **case["options"]), tensors["expect.weight"])
    close(case, "cg10", ref.refit_cg(weight, gram, mask, iters=10, **case["options"]), tensors["expect.cg10"])


def check_swaps(case, tensors):
    mask, count = ref.swaps(tensors["weight"].double(), gram_of(case, tensors), tensors["mask"], **case["options"])
    assert mask.equal(tensors["expect.mask"]) and count == case["expect"]["swaps"], case["name"]


def check_two_layers(case, tensors):
    first, second, inputs = (tensors[name].double() for name in ("weight1", "weight2", "inputs"))

    def hidden(weight):
        return torch.relu(inputs @ weight.T + tensors["bias1"].double())

    def check(name, weight, gram, suffix):
        pruned, keep = prune(case, weight, gram)
        assert keep.equal(tensors[f"expect.{name}mask{suffix[-1]}"]), (case["name"], name)
        close(case, name, pruned, tensors[f"expect.{name}{suffix}"])
        return pruned

    pruned = check("", first, inputs.T @ inputs, "weight1")
    dense, sparse = hidden(first), hidden(pruned)
    check("parallel_", second, dense.T @ dense, "weight2")
    check("sequential_", second, sparse.T @ sparse, "weight2")
    target = ref.dense_target(second, sparse.T @ sparse, sparse.T @ dense)
    close(case, "dense_target", target, tensors["expect.dense_target_weight2"])
    check("dense_target_", target, sparse.T @ sparse, "pruned2")


def check_allocation(case, tensors):
    given = case["options"]
    scores = [tensors[f"scores{i}"].double() for i in range(4)]
    ours = {
        "erk": ref.erk(given["shapes"], given["sparsity"]),
        "owl": ref.owl(scores, given["sparsity"], given["owl_m"], given["owl_lambda"]),
        "hull": ref.allocate(given["costs"], given["sizes"], given["levels"], given["target"]),
    }
    for name, levels in ours.items():
        assert all(abs(a - b) < 1e-6 for a, b in zip(levels, case["expect"][name])), (name, levels)


CHECKS = {"refit": check_refit, "swaps": check_swaps, "allocation": check_allocation}


def main():
    wrong = 0
    files = sorted(glob.glob(os.path.join(HERE, "oneshot", "*.safetensors")))
    for path in files:
        case, tensors = read(path)
        check = check_two_layers if case["name"] == "two_layers" else CHECKS.get(case["method"], check_layer)
        try:
            check(case, tensors)
        except AssertionError as error:
            wrong += 1
            print("differs:", error)
    print(f"{len(files)} cases, {wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
