#!/usr/bin/env python3
"""WeightNormSparsifier::step against the reference's, in turn within one run.

usage: compare.py [--build FOLDER] [--threads N] [--rounds N]

Protocol on both sides: prepare once, one untimed step, then timed steps; a
round is one step of the reference and three of ours. Medians are compared.
The limit is the time to read the weight once and to write the mask once at the
bandwidth of a copy, measured in the same run.
"""

import argparse
import pathlib
import statistics
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parent))
from side import Side, has_torch  # noqa: E402

SIZE = 4096
# Level, block, zeros per block.
CASES = [
    (0.8, (1, 1), 1),
    (0.8, (1, 4), 4),
    (0.8, (4, 4), 16),
    (0.8, (16, 1), 16),
    (1.0, (1, 4), 2),
]
# Rows of 1000 columns: 1e5 to 1e8 elements.
LENGTHS = [100, 1000, 10000, 100000]


class StepSide(Side):
    """Takes steps of a sparsifier."""

    def __init__(self, command, threads):
        # OpenMP's own setting: neither side calls a BLAS, whose threads those
        # of OpenMP could hinder while they wait.
        super().__init__(
            command, threads, without=("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
        )

    def settle(self):
        """Idle threads of the other side spin for a while before they sleep."""
        time.sleep(0.02)

    def prepare(self, rows, cols, level, block, zeros):
        self.ask(f"prepare {rows} {cols} {level} {block[0]} {block[1]} {zeros}")


def time_case(ours, reference, case, rounds):
    """Medians in ms of the reference and ours, and the peaks in copies."""
    level, block, zeros = case
    sides = [side for side in (reference, ours) if side]
    times = {side: [] for side in sides}
    for side in sides:
        side.prepare(SIZE, SIZE, level, block, zeros)
    for _ in range(rounds):
        for side in sides:
            side.settle()
            for _ in range(3 if side is ours else 1):
                times[side].append(side.number("step"))
    masks = []
    for _ in range(rounds):
        ours.settle()
        masks.append(ours.number("mask"))
    if reference and reference.ask("zeros") != ours.ask("zeros"):
        sys.exit(f"compare.py: the sides drop different numbers for {case}")
    weight = SIZE * SIZE * 4
    return {
        "reference": statistics.median(times[reference]) if reference else None,
        "ours": statistics.median(times[ours]),
        "mask": statistics.median(masks),
        "memory": ours.number("memory") / weight,
        "reference memory": (
            reference.number("memory") / weight if reference else None
        ),
    }


def shown(value, digits=1):
    return "-" if value is None else f"{value:.{digits}f}"


def print_cases(ours, reference, rounds):
    bandwidth = statistics.median(ours.number("copy") for _ in range(9))
    limit = SIZE * SIZE * 5 / bandwidth / 1e6
    print(
        f"{SIZE} x {SIZE}; a copy runs at {bandwidth:.1f} GB/s, "
        f"so the limit is {limit:.2f} ms\n"
    )
    print(
        "| block | level | zeros per block | reference ms | ours ms | ratio "
        "| mask alone ms | ns an element | share of the limit "
        "| peak, copies of the weight | the reference's |"
    )
    print("|" + "---|" * 11)
    for case in CASES:
        level, block, zeros = case
        row = time_case(ours, reference, case, rounds)
        ratio = row["reference"] / row["ours"] if reference else None
        cells = [
            f"{block[0]}x{block[1]}",
            str(level),
            "all" if zeros == block[0] * block[1] else str(zeros),
            shown(row["reference"], 0),
            shown(row["ours"], 2),
            shown(ratio, 0),
            shown(row["mask"], 2),
            shown(row["ours"] * 1e6 / SIZE**2, 2),
            f"{100 * limit / row['ours']:.0f}%",
            shown(row["memory"]),
            shown(row["reference memory"]),
        ]
        print("| " + " | ".join(cells) + " |", flush=True)


def print_lengths(ours, rounds):
    print("\n| elements | 1x1 at 0.8, ns an element | 1x4 at 0.8, ns an element |")
    print("|---|---|---|")
    for rows in LENGTHS:
        cells = []
        for block in ((1, 1), (1, 4)):
            ours.prepare(rows, 1000, 0.8, block, block[1])
            steps = [ours.number("step") for _ in range(rounds * 3)]
            cells.append(shown(statistics.median(steps) * 1e3 / rows, 2))
        print(f"| {rows * 1000:.0e} | {cells[0]} | {cells[1]} |", flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--build", type=pathlib.Path, default=HERE.parents[1] / "build/release"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    program = arguments.build / "benchmarks/weight_norm_bench"
    if not program.exists():
        sys.exit(f"compare.py: {program} is not built: run script/build release")
    ours = StepSide([str(program)], arguments.threads)
    step = [sys.executable, str(HERE / "reference_step.py")]
    reference = StepSide(step, arguments.threads) if has_torch() else None
    version = f"torch {reference.ask('version')}" if reference else "none"
    print(
        f"WeightNormSparsifier.step(), {arguments.threads} threads, medians; "
        f"reference: {version}; BLAS: {ours.ask('blas')} (masks do not use it)"
    )
    print_cases(ours, reference, arguments.rounds)
    print_lengths(ours, arguments.rounds)


if __name__ == "__main__":
    main()
