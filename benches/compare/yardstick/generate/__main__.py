"""Writes a directory of the workload; see the package."""

import argparse

from . import write

arguments = argparse.ArgumentParser(prog="python -m yardstick.generate", description=__doc__)
arguments.add_argument("--events", type=int, required=True)
arguments.add_argument("--out", required=True)
arguments.add_argument("--seed", type=int, default=1)
chosen = arguments.parse_args()
print(write(chosen.events, chosen.seed, chosen.out))
