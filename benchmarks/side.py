"""One side of a comparison that is timed in turn with another."""

import os
import subprocess
import sys


class Side:
    """A program that answers requests, one line each.

    `settings` are added to the environment, names in `without` are taken out.
    """

    def __init__(self, command, threads, settings=None, without=()):
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
        environment.update(settings or {})
        for name in without:
            environment.pop(name, None)
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=environment,
        )
        self.ask(f"threads {threads}")

    def ask(self, request):
        self.process.stdin.write(request + "\n")
        answer = self.process.stdout.readline().strip()
        if not answer:
            sys.exit(f"compare.py: no answer to `{request}`")
        return answer

    def number(self, request):
        return float(self.ask(request))


def has_torch():
    """Whether the reference can run; if not, says so on standard output."""
    probe = [sys.executable, "-c", "import torch"]
    if subprocess.run(probe, stderr=subprocess.DEVNULL).returncode == 0:
        return True
    print(
        f"{sys.executable} has no torch (Debian: python3-torch): "
        "only our side is timed."
    )
    return False
