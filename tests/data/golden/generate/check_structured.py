"""Runs every answer of structured/ against its archives: the groups, and for each run the smaller model's outputs, and
those of the dense model with the removed units set to zero."""
import glob
import json
import os
import sys

import torch

from common import HERE

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "structured"))
import prune  # noqa: E402

TOLERANCE = 2e-6


def inputs_of(answer, module):
    tensors = [torch.tensor(entry["values"]).reshape(entry["shape"]) for entry in answer["inputs"]]
    # Numbers of tokens are written as the others are.
    whole = any("embedding" in str(node.kind()) for node in module.inlined_graph.nodes())
    return [tensor.long() if whole else tensor for tensor in tensors]


def groups_of(answer):
    return [([tuple(member) for member in group["members"]], group["units"]) for group in answer["groups"]]


def plain(groups):
    return [(list(members), [[unit[member] for member in members] for unit in units]) for members, units in groups]


def differs(outputs, recorded):
    return max((a.double().reshape(-1) - torch.tensor(b["values"], dtype=torch.double)).abs().max().item()
               for a, b in zip(outputs, recorded))


def check(answer, module):
    """What is wrong, or nothing."""
    inputs = inputs_of(answer, module)
    with torch.no_grad():
        analysis = prune.Recorded(module, inputs)
        groups = analysis.groups()
        if plain(groups) != groups_of(answer):
            return "other groups"
        for run in answer["runs"]:
            scores = prune.scores(analysis, groups)
            removed = prune.select(analysis, groups, scores, run["ratio"], run["scope"], run["round_to"])
            if removed != run["removed_units"]:
                return "other units"
            _, shrunk, masked = prune.apply(analysis, groups, removed)
            for parameters, sizes in ((shrunk, True), (masked, False)):
                outputs = prune.Runner(analysis, parameters, sizes, inputs).out
                if differs(outputs, run["outputs"]) > TOLERANCE:
                    return f"other outputs, {run['scope']} at {run['ratio']}"
    return ""


def main():
    wrong = 0
    archives = sorted(glob.glob(os.path.join(HERE, "structured", "*.pt")))
    for path in archives:
        name = os.path.basename(path)
        with open(os.path.join(HERE, "structured", name.split(".")[0] + ".json")) as file:
            answer = json.load(file)
        if name.split(".")[1] in answer.get("absent", {}):
            continue
        complaint = check(answer, torch.jit.load(path).eval())
        if complaint:
            wrong += 1
            print(f"{name}: {complaint}")
    print(f"{len(archives)} archives, {wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
