"""Sparsifier states between the reference and C++.

usage: reference_states.py save FOLDER   writes weight.pt, model.pt, data.pt
                                         and what they mean, expected.pt
       reference_states.py load FOLDER   reads what C++ wrote: cpp_weight.pt,
                                         cpp_model.pt, cpp_data.pt; writes
                                         loaded.pt
"""
import sys

import torch

try:
    from torch.ao.pruning import WeightNormSparsifier
    from torch.ao.pruning._experimental.data_sparsifier import DataNormSparsifier
except ImportError:  # before 2.0
    from torch.ao.sparsity import WeightNormSparsifier
    from torch.ao.sparsity._experimental.data_sparsifier import DataNormSparsifier


def prepared():
    model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Linear(8, 4))
    sparsifier = WeightNormSparsifier(sparsity_level=0.5)
    sparsifier.prepare(model, [{"tensor_fqn": "0.weight"}, {"tensor_fqn": "1.weight", "sparsity_level": 0.75}])
    return model, sparsifier


def with_data():
    data = [("a", torch.randn(5, 8)), ("b", torch.randn(4, 4))]
    return DataNormSparsifier(data, sparsity_level=0.4)


def save(folder):
    torch.manual_seed(3)
    model, sparsifier = prepared()
    sparsifier.step()
    data = with_data()
    data.step()
    torch.save(sparsifier.state_dict(), f"{folder}/weight.pt")
    torch.save(model.state_dict(), f"{folder}/model.pt")
    torch.save(data.state_dict(), f"{folder}/data.pt")
    expected = {f"mask_{i}": model[i].parametrizations.weight[0].mask.bool() for i in (0, 1)}
    expected.update({f"original_{i}": model[i].parametrizations.weight.original.detach() for i in (0, 1)})
    for name in ("a", "b"):
        expected[f"mask_{name}"] = data.get_mask(name).bool()
        expected[f"data_{name}"] = data.get_data(name)
    torch.save(expected, f"{folder}/expected.pt")


def load(folder):
    model, sparsifier = prepared()
    sparsifier.load_state_dict(torch.load(f"{folder}/cpp_weight.pt"))
    model.load_state_dict(torch.load(f"{folder}/cpp_model.pt"))
    data = with_data()
    data.load_state_dict(torch.load(f"{folder}/cpp_data.pt"))
    loaded = {f"weight_{i}": model[i].weight.detach() for i in (0, 1)}
    loaded["level_1"] = torch.tensor(sparsifier.groups[1]["sparsity_level"])
    for name in ("a", "b"):
        loaded[f"masked_{name}"] = data.get_data(name, return_original=False).detach()
    sparsifier.step()  # It goes on from there.
    data.step()
    torch.save(loaded, f"{folder}/loaded.pt")


{"save": save, "load": load}[sys.argv[1]](sys.argv[2])
