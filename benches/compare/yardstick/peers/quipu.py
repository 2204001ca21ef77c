"""Quipu: loaded by its command line, compacted; its questions are asked in process by `yardstick`, a Rust program that
prints and writes what this package does of the others."""

import json
import subprocess

from . import Peer


class Quipu(Peer):
    def load(self):
        def run(*arguments):
            program = f"{self.settings.programs}/quipu"
            subprocess.run([program, *arguments], check=True, stdout=subprocess.PIPE)

        store = ["--store", self.path]
        run("import", *store, "--as", "parquet", "--map", "yardstick", *self.events())
        run("import", *store, "--map", "yardstick-outcomes", f"{self.data}/outcomes.parquet")
        run("prices", "import", *store, "--map", "yardstick-prices", f"{self.data}/prices.parquet")
        run("compact", *store)
        return 0

    def measure(self, question, answers, repetitions, budget):
        """One question, asked by the program: what it says of it."""
        command = [f"{self.settings.programs}/yardstick", self.path, self.data, "--only", question]
        command += ["--threads", str(self.threads), "--reps", str(repetitions), "--budget", str(budget)]
        done = subprocess.run([*command, "--answers", answers], check=True, capture_output=True, text=True)
        return json.loads(done.stdout)


BY_NAME = {"quipu": Quipu}
