#!/usr/bin/env python3
"""Solvers against the reference's, in turn within one run.

usage: compare.py [--build FOLDER] [--rounds N]

A round is two runs of ours on one thread, two on two threads and one of the
reference on one. Times of one thread are of the processor, those of two of the
clock, so the gain holds for a machine that does nothing else. The least time of
each side counts: others on the machine only ever add to it. The limits are what the machine needs at least, at the speeds of LibTorch's
own product and of a copy, measured in the same run.
"""

import argparse
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parent))
from side import Side, has_torch  # noqa: E402



def wanda_limit(size, speeds):
    # The weight is read and written, the mask written.
    return 9 * size * size / speeds["copy"] / 1e6


def sparsegpt_limit(size, speeds):
    # A Cholesky factor and its inverse, n^3 / 3 each; the columns, n^3.
    return (5 / 3) * size**3 / speeds["product"] / 1e6


def alps_limit(size, speeds):
    # 33 steps and 10 of conjugate gradients, 2 n^3 each; 11 inverses, n^3.
    return (2 * 45 + 11) * size**3 / speeds["product"] / 1e6


def gram_limit(size, speeds):
    # Half of the product of 2 n samples.
    return 2 * size**3 / speeds["product"] / 1e6


# Size, request, limit, and how many times the reference is asked for.
CASES = [
    (4096, "gram", gram_limit, None),
    (4096, "wanda row", wanda_limit, 100),
    (4096, "wanda layer", wanda_limit, 100),
    (4096, "wanda 2:4", wanda_limit, 100),
    (4096, "wanda 4:8", wanda_limit, 100),
    (4096, "wanda 4x1", wanda_limit, 100),
    (4096, "sparsegpt layer", sparsegpt_limit, 5),
    (4096, "sparsegpt 2:4", sparsegpt_limit, 5),
    (1024, "alps layer", alps_limit, 5),
    (1024, "alps 2:4", alps_limit, 5),
]


class SolveSide(Side):
    """Solves one layer again and again."""

    def __init__(self, command, threads):
        super().__init__(
            command,
            threads,
            settings={
                "OPENBLAS_NUM_THREADS": str(threads),
                "OMP_WAIT_POLICY": "passive",
            },
            # A slower BLAS than the processor's own is no rival.
            without=("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"),
        )
        self.size = None

    def prepare(self, size):
        if self.size != size:
            self.ask(f"prepare {size}")
            self.size = size

    def least(self, request, times):
        return min(self.number(request) for _ in range(times))


def time_case(case, ours, twice, reference, rounds):
    size, request, limit, _ = case
    sides = [side for side in (ours, twice, reference) if side]
    for side in sides:
        side.prepare(size)
    best = {side: float("inf") for side in sides}
    speeds = {"copy": 0.0, "product": 0.0}
    for _ in range(rounds):
        for name in speeds:
            speeds[name] = max(speeds[name], ours.number(name))
        for side in sides:
            runs = 1 if side is reference else 2
            best[side] = min(best[side], side.least(request, runs))
    half = ours.least("half_product", rounds) if request == "gram" else None
    return best, limit(size, speeds), half


def shown(value, digits=1):
    return "-" if value is None else f"{value:.{digits}f}"


def print_case(case, ours, twice, reference, rounds):
    size, request, _, wanted = case
    best, limit, half = time_case(case, ours, twice, reference, rounds)
    one = best[ours]
    theirs = best.get(reference)
    columns = [
        f"{request} {size}",
        shown(theirs),
        shown(one),
        shown(theirs / one if theirs else None),
        shown(wanted, 0),
        shown(limit),
        shown(one / limit, 2),
        shown(one / best[twice], 2),
    ]
    print("| " + " | ".join(columns) + " |", flush=True)
    return one / half if half else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    program = [str(pathlib.Path(arguments.build) / "benchmarks/solve_bench")]
    ours = SolveSide(program, 1)
    twice = SolveSide(program, 2)
    solve = [sys.executable, str(HERE / "reference_solve.py")]
    reference = SolveSide(solve, 1) if has_torch() else None
    print("Solvers on one thread; times in ms, the least of a few.\n")
    print(
        "| method, size | reference | ours | times | asked | limit "
        "| over limit | gain of two threads |"
    )
    print("| --- |" + " ---: |" * 7)
    over_half = None
    for case in CASES:
        ratio = print_case(case, ours, twice, reference, arguments.rounds)
        over_half = over_half or ratio
    print(
        f"\nSecond moments take {over_half:.2f} times as long as LibTorch's "
        "product of half as many samples."
    )


if __name__ == "__main__":
    main()
