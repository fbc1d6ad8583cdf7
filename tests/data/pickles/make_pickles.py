"""Writes the pickles beside this file, or into the folder that is given:

python3 make_pickles.py [FOLDER]

and, with the classes that they need, says what Python finds in one:

python3 make_pickles.py names PATH       the names of the model's state_dict()
python3 make_pickles.py compare PATH COPY
                                         what differs, a line a tensor
"""

import argparse
import collections
import os
import pathlib
import sys
import types

import numpy
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import grove  # noqa: E402


def foreign_class(module, name, bases=(object,)):
    """A class of a package that need not be there."""
    made = type(name, bases, {"__module__": module})
    parts = module.split(".")
    for i in range(len(parts)):
        full = ".".join(parts[: i + 1])
        sys.modules.setdefault(full, types.ModuleType(full))
    setattr(sys.modules[module], name, made)
    return made


def a_model():
    torch.manual_seed(7)
    model = grove.Net()
    model.train()
    return model


def lightning(model):
    objects = numpy.empty(2, dtype=object)
    objects[0] = torch.ones(2)
    hyper = grove.AttributeDict(
        lr=0.1,
        scale=numpy.arange(6, dtype=numpy.float32).reshape(2, 3),
        fortran=numpy.asfortranarray(numpy.ones((3, 2))),
        count=numpy.int64(3),
        objects=objects,
        args=argparse.Namespace(kind=grove.Kind.LEAF, path=pathlib.PurePosixPath("/a/b")),
        own=grove.OwnDict({"a": torch.full((2,), 3.0)}),
    )
    return {
        "epoch": 3,
        "pytorch-lightning_version": "2.0.0",
        "state_dict": collections.OrderedDict((k, v) for k, v in model.state_dict().items()),
        "hyper_parameters": hyper,
        "callbacks": {grove.Slots: grove.Slots()},
        "keywords": grove.Keywords(table=None),
    }


def frameworks(model):
    """As DeepSpeed, fairseq and OmegaConf lay out theirs."""
    scaler = foreign_class("deepspeed.runtime.fp16.loss_scaler", "LossScaler")()
    scaler.cur_scale = 1.0
    address = foreign_class("deepspeed.utils.tensor_fragment", "fragment_address")
    config = foreign_class("omegaconf.dictconfig", "DictConfig")()
    node = foreign_class("omegaconf.nodes", "AnyNode")()
    node._parent = config
    config._content = {"width": node}
    config._parent = None
    return {
        "module": collections.OrderedDict(model.fc.state_dict()),
        "loss_scaler": scaler,
        "param_slice_mappings": [collections.OrderedDict(a=address())],
        "cfg": config,
        "args": argparse.Namespace(arch="net"),
        "parallel": torch.nn.DataParallel(model.fc),
    }


class Evil:
    def __reduce__(self):
        return os.system, ("touch coppice-was-here",)


def write(folder):
    model = a_model()

    def save(name, value, **options):
        torch.save(value, os.path.join(folder, name), **options)

    save("whole.pt", model)
    save("whole.legacy.pt", model, _use_new_zipfile_serialization=False)
    save("whole.protocol4.pt", model, pickle_protocol=4)
    save("whole.protocol1.pt", model, pickle_protocol=1)
    save("lightning.pt", lightning(model))
    save("runner.pt", {"runner": grove.Runner(model), "model": model})
    save("frameworks.pt", frameworks(model))
    save("evil.pt", {"model": model.fc, "hook": Evil()})
    save("evil.legacy.pt", {"model": model.fc, "hook": Evil()}, _use_new_zipfile_serialization=False)


def module_of(value):
    return value["model"] if isinstance(value, dict) else value


def tensors_of(path):
    return module_of(torch.load(path)).state_dict()


def main():
    if sys.argv[1:2] == ["names"]:
        for name in tensors_of(sys.argv[2]):
            print(name)
    elif sys.argv[1:2] == ["compare"]:
        before, after = tensors_of(sys.argv[2]), tensors_of(sys.argv[3])
        assert list(before) == list(after)
        for name, tensor in after.items():
            if not torch.equal(before[name], tensor):
                kept = tensor != 0
                assert torch.equal(before[name][kept], tensor[kept]), name
                print("%s|%.3f" % (name, float((tensor == 0).float().mean())))
        model = module_of(torch.load(sys.argv[3]))
        model.eval()(torch.ones(2, 3, 8, 8))
    else:
        write(sys.argv[1] if len(sys.argv) > 1 else HERE)


main()
