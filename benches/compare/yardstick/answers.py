"""DuckDB's answers about a directory of the workload, which is generated first: what tests hold Quipu's against.

    python -m yardstick.answers --events 6000 --out DIR     (needs no more than numpy, pyarrow and duckdb)

writes the generator's files into DIR, and each answer to DIR/Q.duckdb.json.
"""

import argparse
import json
import tempfile
from types import SimpleNamespace

import duckdb

from . import generate
from .measure import look_ups
from .peers import peer
from .workload import LOOK_UPS, QUESTIONS, answer, parameters


def main():
    arguments = argparse.ArgumentParser(prog="python -m yardstick.answers", description=__doc__)
    arguments.add_argument("--events", type=int, required=True)
    arguments.add_argument("--out", required=True)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--keys", type=int, default=50, help="jobs and traces to look up")
    chosen = arguments.parse_args()
    generate.write(chosen.events, chosen.seed, chosen.out, chosen.keys)
    params = parameters(chosen.out)
    with tempfile.TemporaryDirectory() as scratch:
        system = peer("duckdb", chosen.out, f"{scratch}/db", 2, SimpleNamespace(scratch=scratch))
        system.load()
        system.open()
        for question in QUESTIONS:
            if question in LOOK_UPS:
                rows = look_ups(system, question, params)
            else:
                rows = answer(system.ask(system.prepare(question, params)))
            with open(f"{chosen.out}/{question}.duckdb.json", "w") as file:
                file.write("[" + ",\n".join(json.dumps(row) for row in rows) + "]\n")
            print(f"{question}: {len(rows)} rows of DuckDB {duckdb.__version__}")


main()
