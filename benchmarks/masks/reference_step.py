"""The reference's side of compare.py: answers requests from standard input, one
line each, as weight_norm_bench does. Needs torch with torch.ao.sparsity (1.13)
or torch.ao.pruning (2.0 and later)."""

import ctypes
import sys
import time

import torch

try:
    from torch.ao.pruning import WeightNormSparsifier
except ImportError:
    from torch.ao.sparsity import WeightNormSparsifier


def memory_of(field):
    """A field of /proc/self/status in bytes."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    return 0


class Task:
    """One weight under the reference's sparsifier."""

    def prepare(self, h, w, level, rows, cols, zeros):
        torch.manual_seed(0)
        layer = torch.nn.Linear(int(w), int(h), bias=False)
        with torch.no_grad():
            layer.weight.copy_(torch.randn(int(h), int(w)))
        self.model = torch.nn.Sequential(layer)
        self.sparsifier = WeightNormSparsifier(
            sparsity_level=float(level),
            sparse_block_shape=(int(rows), int(cols)),
            zeros_per_block=int(zeros),
        )
        self.sparsifier.prepare(self.model, [{"tensor_fqn": "0.weight"}])
        self.sparsifier.step()
        return "ok"

    def step(self):
        begin = time.perf_counter()
        self.sparsifier.step()
        return (time.perf_counter() - begin) * 1e3

    def memory(self):
        ctypes.CDLL(None).malloc_trim(0)  # Freed memory counts as not there.
        with open("/proc/self/clear_refs", "w") as refs:
            refs.write("5")  # The peak begins anew.
        before = memory_of("VmRSS")
        self.sparsifier.step()
        return memory_of("VmHWM") - before

    def zeros(self):
        return int((self.model[0].weight == 0).sum())


def main():
    task = Task()
    for request in sys.stdin:
        verb, *arguments = request.split()
        if verb == "threads":
            torch.set_num_threads(int(arguments[0]))
            answer = "ok"
        elif verb == "version":
            answer = torch.__version__
        else:
            answer = getattr(task, verb)(*arguments)
        print(answer, flush=True)


if __name__ == "__main__":
    main()
