"""States of activation sparsifiers between the reference and C++.

usage: reference_activations.py save FOLDER   writes the state, without its
           functions, as registered.pt, ran.pt, stepped.pt and squashed.pt, and
           what they mean, expected.pt
       reference_activations.py load FOLDER   reads what C++ wrote (cpp_ran.pt
           ...), goes on from it, writes loaded.pt
"""
import sys

import torch

try:
    from torch.ao.pruning._experimental.activation_sparsifier.activation_sparsifier import ActivationSparsifier
except ImportError:  # before 2.0
    from torch.ao.sparsity._experimental.activation_sparsifier.activation_sparsifier import ActivationSparsifier


def magnitude(x, sparsity_level):
    mask = torch.ones_like(x).reshape(-1)
    mask[x.abs().reshape(-1).argsort()[:round(sparsity_level * x.numel())]] = 0
    return mask.reshape(x.shape)


FUNCTIONS = {
    "abs_sum": lambda x, y: x + y.abs(),
    "mean_keepdim": lambda x: x.mean(dim=0, keepdim=True),
    "magnitude": magnitude,
}
KINDS = ("aggregate_fn", "reduce_fn", "mask_fn")


def make():
    model = torch.nn.Sequential(torch.nn.Identity(), torch.nn.Identity())
    return model, ActivationSparsifier(
        model, **dict(zip(KINDS, FUNCTIONS.values())), sparsity_level=0.5)


def save_state(sparsifier, path):
    """Functions are None in one group, missing in another, as a user may leave them."""
    state = sparsifier.state_dict()
    state["defaults"] = {**state["defaults"], **dict.fromkeys(KINDS)}
    for kind in KINDS:
        state["data_groups"]["0"][kind] = None
        del state["data_groups"]["1"][kind]
    torch.save(state, path)


def save(folder):
    torch.manual_seed(3)
    model, sparsifier = make()
    sparsifier.register_layer(model[0])
    sparsifier.register_layer(model[1], features=[0, 3], feature_dim=1)
    save_state(sparsifier, f"{folder}/registered.pt")
    for _ in range(2):
        model(torch.randn(3, 6))
    groups = sparsifier.data_groups
    expected = {"data_0_0": groups["0"]["data"]}
    expected.update({f"data_1_{i}": x for i, x in enumerate(groups["1"]["data"])})
    save_state(sparsifier, f"{folder}/ran.pt")
    sparsifier.step()
    expected["mask_0_0"] = sparsifier.get_mask("0").bool()
    expected.update({f"mask_1_{i}": x.bool() for i, x in enumerate(sparsifier.get_mask("1"))})
    save_state(sparsifier, f"{folder}/stepped.pt")
    sparsifier.squash_mask()
    save_state(sparsifier, f"{folder}/squashed.pt")
    expected["probe"] = torch.randn(3, 6)
    expected["output"] = model(expected["probe"].clone())
    torch.save(expected, f"{folder}/expected.pt")


def load(folder):
    torch.manual_seed(4)
    loaded = {"probe": torch.randn(3, 6)}
    for point in ("registered", "ran", "stepped", "squashed"):
        state = torch.load(f"{folder}/cpp_{point}.pt")
        for config in (state["defaults"], *state["data_groups"].values()):
            for kind in KINDS:
                config[kind] = FUNCTIONS[config[kind]]
        model, sparsifier = make()
        sparsifier.load_state_dict(state)
        if point == "registered":
            model(loaded["probe"])
            continue
        if point == "ran":
            sparsifier.step()
        if point != "squashed":
            sparsifier.squash_mask()
        loaded[point] = model(loaded["probe"].clone())
    torch.save(loaded, f"{folder}/loaded.pt")


{"save": save, "load": load}[sys.argv[1]](sys.argv[2])
