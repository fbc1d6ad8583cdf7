"""The reference's side of compare.py: answers requests from standard input, one
line each, as solve_bench does. Needs torch."""

import pathlib
import sys
import time

import torch

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/data/golden/generate"))
import oneshot_ref  # noqa: E402


def pattern_of(name):
    if name in ("row", "layer"):
        return oneshot_ref.Pattern(name)
    if ":" in name:
        n, m = map(int, name.split(":"))
        return oneshot_ref.Pattern("nm", n=n, m=m)
    rows, cols = map(int, name.split("x"))
    return oneshot_ref.Pattern("block", r=rows, c=cols)


class Task:
    """A weight and the second moments of samples."""

    def threads(self, count):
        torch.set_num_threads(int(count))
        return "ok"

    def prepare(self, size):
        torch.manual_seed(0)
        self.weight = torch.randn(int(size), int(size))
        self.samples = torch.randn(2 * int(size), int(size))
        self.moments = oneshot_ref.gram_linear(self.samples)
        return "ok"

    def gram(self):
        begin = time.thread_time()
        oneshot_ref.gram_linear(self.samples)
        return (time.thread_time() - begin) * 1e3

    def solve(self, method, pattern):
        begin = time.thread_time()
        getattr(oneshot_ref, method)(
            self.weight, self.moments, pattern_of(pattern)
        )
        return (time.thread_time() - begin) * 1e3


def main():
    task = Task()
    for request in sys.stdin:
        verb, *arguments = request.split()
        if verb in ("threads", "prepare", "gram"):
            answer = getattr(task, verb)(*arguments)
        else:
            answer = task.solve(verb, *arguments)
        print(answer, flush=True)


if __name__ == "__main__":
    main()
