#!/usr/bin/env python3
"""What `coppice prune --calibration` leaves of the accuracy of trained models.

usage: accuracy.py [--build FOLDER] [--data FOLDER] [--threads N] [MODEL]...

Every cell is a run of the built program, as from a shell: what the pruned copy
is worth, and the processor time of the run. What is drawn is drawn with seed 0;
`--seed` of the program is left at 0.
"""

import argparse
import pathlib
import resource
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parent)]
from side import has_torch  # noqa: E402

NAMES = ["mlp", "lenet", "llama", "silero", "resnet20"]

# A column, options of the program, and whether it is for batch norms alone.
METHODS = [
    ("magnitude", ["--method", "magnitude"], False),
    ("Wanda", ["--method", "wanda"], False),
    ("SparseGPT", ["--method", "sparsegpt"], False),
    ("ALPS", [], False),
    ("ALPS, sequential", ["--sequential"], False),
    ("ALPS, ERK", ["--allocation", "erk"], False),
    ("ALPS, ERK, sequential", ["--allocation", "erk", "--sequential"], False),
    ("ALPS, norms", ["--recalibrate-norms"], True),
    (
        "ALPS, sequential, norms",
        ["--sequential", "--recalibrate-norms"],
        True,
    ),
]


def fail(message):
    sys.exit(f"accuracy.py: {message}")


def seconds(command):
    """The processor time that a command takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        list(map(str, command)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode != 0:
        fail(f"`{' '.join(done.args)}`: {done.stderr.strip()}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def cell(model, level, options, program, threads):
    """Prunes by the samples of each experiment, and judges what comes out."""
    files = []
    times = []
    for i, experiment in enumerate(model.experiments):
        files.append(model.folder / f"pruned{i}.pt")
        command = [program, "prune", model.file, "-o", files[-1]]
        command += ["--calibration", experiment.samples]
        command += ["--sparsity", level, "--threads", threads]
        times.append(seconds(command + model.options + options))
    mean = sum(times) / len(times)
    return f"{shown(model.score(files))}, {mean:.1f} s"


def shown(value):
    return "-" if value is None else f"{value:.3f}"


def print_model(model, program, threads):
    dense = model.dense()
    for level, asked in model.asked.items():
        cells = [
            cell(model, level, options, program, threads)
            if model.has_norms or not for_norms
            else "-"
            for _, options, for_norms in METHODS
        ]
        columns = [f"{model.title}, {100 * level:g}%", shown(dense)]
        columns += cells + [shown(asked)]
        print("| " + " | ".join(columns) + " |", flush=True)


def print_head(models, threads):
    print(
        "`coppice prune MODEL -o OUT --calibration SAMPLES --sparsity LEVEL "
        f"--threads {threads}`, with `--method` for the first three columns and "
        "`--sequential`, `--allocation erk` and `--recalibrate-norms` for those "
        "that name them. All seeds are 0. Beside each result is the processor "
        "time of a run.\n"
    )
    for model in models:
        print(f"- {model.name}: {model.how}.")
    titles = ["model, zeros", "dense"]
    titles += [title for title, _, _ in METHODS] + ["asked"]
    print("\n| " + " | ".join(titles) + " |")
    print("| --- |" + " ---: |" * (len(titles) - 1), flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    root = HERE.parents[1]
    parser.add_argument("models", metavar="MODEL", nargs="*", default=NAMES)
    parser.add_argument(
        "--build", type=pathlib.Path, default=root / "build/release"
    )
    parser.add_argument(
        "--data", type=pathlib.Path, default=root.parent / "shared/data"
    )
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    unknown = set(arguments.models) - set(NAMES)
    if unknown:
        fail(f"{unknown.pop()} is none of {', '.join(NAMES)}")
    program = arguments.build / "src/coppice"
    if not program.exists():
        fail(f"{program} is not built: run script/build release")
    if not arguments.data.is_dir():
        fail(f"{arguments.data}, which holds the trained models, is missing")
    if not has_torch():
        fail("models are judged by Python's torch")
    import torch
    from accuracy_models import MODELS

    torch.set_num_threads(arguments.threads)
    kinds = [MODELS[name] for name in arguments.models]
    print_head(kinds, arguments.threads)
    for kind in kinds:
        with tempfile.TemporaryDirectory() as folder:
            model = kind(arguments.data, pathlib.Path(folder))
            print_model(model, program, arguments.threads)


if __name__ == "__main__":
    main()
