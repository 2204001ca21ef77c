"""The whole comparison: generates the data, loads every system, asks every question, prints one table of ratios."""

import argparse
import datetime
import importlib.metadata
import json
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

from . import generate, machine, table
from .peers import PEERS, missing, peer
from .workload import QUESTIONS, disagreement

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.normpath(f"{HERE}/../../..")
DIRECTORY = os.path.abspath(os.environ.get("YARDSTICK_DIR", f"{REPOSITORY}/target/yardstick"))


def count(text):
    factor = {"k": 10**3, "M": 10**6}.get(text[-1:], 1)
    return int(text if factor == 1 else text[:-1]) * factor


def names(known):
    def chosen(text):
        unknown = [name for name in text.split(",") if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{unknown[0]} is none of {', '.join(known)}")
        return text.split(",")

    return chosen


def arguments():
    parser = argparse.ArgumentParser(prog="benches/compare/run", description=__doc__)
    add = parser.add_argument
    add("--events", type=count, default="1M", help="1M, 10M or 100M, or any number")
    add("--seed", type=int, default=1, help="other data of the same kind")
    add("--peers", type=names(PEERS), default=list(PEERS), help=f"some of {', '.join(PEERS)}")
    add("--questions", type=names(QUESTIONS), default=list(QUESTIONS), help="some of the questions: Q1,Q13a")
    add("--threads", type=int, default=2, help="threads per question")
    add("--repetitions", type=int, default=5, help="warm runs of a question, while its budget lasts")
    add("--budget", type=int, default=30, help="seconds for the warm runs of a question")
    add("--timeout", type=int, default=600, help="seconds that a question may take; a load 30 times as many")
    add("--calm", type=int, default=20, help="seconds to wait for others to leave the machine alone before a question")
    add("--keep", action="store_true", help="keep the databases, and use those that were kept")
    add("--programs", help="where quipu and yardstick are; built when absent")
    add("--results", default=f"{REPOSITORY}/benches/results", help="where the figures are kept")
    return parser.parse_args()


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def build():
    command = ["cargo", "build", "--release", "-p", "quipu-server", "-p", "quipu-benches"]
    subprocess.run([*command, "--bin", "quipu", "--bin", "yardstick"], check=True, cwd=REPOSITORY)
    return f"{os.environ.get('CARGO_TARGET_DIR', f'{REPOSITORY}/target')}/release"


class Comparison:
    def __init__(self, chosen):
        self.chosen = chosen
        name = f"{chosen.events}-{chosen.seed}"
        self.data, self.answers = f"{DIRECTORY}/data/{name}", f"{DIRECTORY}/answers/{name}"
        self.scratch = f"{DIRECTORY}/scratch"
        for directory in (self.answers, self.scratch, f"{DIRECTORY}/db", chosen.results):
            os.makedirs(directory, exist_ok=True)
        self.programs = chosen.programs or build()
        if not os.path.exists(f"{self.data}/meta.json"):
            say(f"generating {chosen.events:,} events")
            generate.write(chosen.events, chosen.seed, self.data)
        with open(f"{self.data}/meta.json") as file:
            self.events = json.load(file)["n"]
        self.loads, self.absent = {}, {}
        self.questions = {question: {} for question in chosen.questions}

    def run(self):
        for name in self.chosen.peers:
            if reason := missing(name):
                say(f"{name} is left out: {reason}")
                self.absent[name] = reason
                continue
            store = f"{DIRECTORY}/db/{os.path.basename(self.data)}-{name}"
            if not self._load(name, store):
                continue
            for question in self.chosen.questions:
                machine.wait_for_calm(self.chosen.calm)
                found = self._measure(name, store, question, self.chosen.timeout)
                self.questions[question][name] = found
                say(f"  {name} {question}: {found.get('med_ms', found.get('failed'))} ms")
            if not self.chosen.keep:
                self._system(name, store).remove()
                os.remove(f"{store}.load.json")
        self._check()

    def _load(self, name, store):
        kept = f"{store}.load.json"
        if not (self.chosen.keep and os.path.exists(kept)):
            say(f"loading {name}")
            loaded = self._measure(name, store, None, self.chosen.timeout * 30)
            if "failed" in loaded:
                self.absent[name] = f"not loaded: {loaded['failed']}"
                self._system(name, store).remove()
                return False
            with open(kept, "w") as file:
                json.dump(loaded, file)
        with open(kept) as file:
            self.loads[name] = json.load(file)
        say(f"  {name}: {self.loads[name]['seconds']} s, {self.loads[name]['bytes'] / self.events:.1f} bytes/event")
        return True

    def _system(self, name, store):
        settings = SimpleNamespace(scratch=self.scratch, memory=self._memory(), programs=self.programs)
        return peer(name, self.data, store, self.chosen.threads, settings)

    def _memory(self):
        """What one peer may take of the memory."""
        return machine.memory() * 3 // 4

    def _measure(self, name, store, question, timeout):
        task = {
            "peer": name, "data": self.data, "store": store, "threads": self.chosen.threads, "question": question,
            "answers": self.answers, "repetitions": self.chosen.repetitions, "budget": self.chosen.budget,
            "scratch": self.scratch, "memory": self._memory(), "programs": self.programs,
        }  # fmt: skip
        command = [sys.executable, "-m", f"{__package__}.measure", json.dumps(task)]
        environment = os.environ | {"POLARS_MAX_THREADS": str(self.chosen.threads), "PYTHONPATH": os.path.dirname(HERE)}
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
        ) as child:
            try:
                out, error = child.communicate(timeout=timeout)
                if child.returncode == 0:
                    return json.loads(out.splitlines()[-1])
                failed = error.strip().splitlines()[-1][:300] if error.strip() else f"ended with {child.returncode}"
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                failed = f"> {timeout} s"
        self._system(name, store).abandon()
        return {"failed": failed}

    def _check(self):
        """Everybody's answers beside the longest: a slow peer looks fewer keys up."""
        for question, found in self.questions.items():
            answers = {}
            for name in (name for name, line in found.items() if "med_ms" in line):
                with open(f"{self.answers}/{question}.{name}.json") as file:
                    answers[name] = sorted(json.load(file), key=json.dumps)
            longest = max(answers.values(), key=len, default=[])
            for name, rows in answers.items():
                if differs := disagreement(question, name, longest, rows):
                    found[name]["differs"] = differs
                    say(f"{question}: {name} answers {differs}")

    def result(self):
        versions = {name: importlib.metadata.version(name) for name in ("duckdb", "chdb", "polars", "datafusion")}
        describe = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
        commit = subprocess.run(describe, capture_output=True, text=True, cwd=REPOSITORY).stdout.strip()
        return {
            "date": datetime.date.today().isoformat(),
            "events": self.events,
            "seed": self.chosen.seed,
            "threads": self.chosen.threads,
            "machine": machine.description(DIRECTORY),
            "versions": {"quipu": commit, **versions},
            "absent": self.absent,
            "loads": self.loads,
            "questions": self.questions,
        }


def main():
    chosen = arguments()
    comparison = Comparison(chosen)
    comparison.run()
    result = comparison.result()
    title = f"{result['events']:,} events, {result['date']}, {result['threads']} threads"
    text = f"{title}\n\n{table.markdown(result)}\n"
    path = f"{chosen.results}/yardstick-{chosen.events}-{result['date']}"
    with open(f"{path}.json", "w") as file:
        json.dump(result, file, indent=1)
    with open(f"{path}.md", "w") as file:
        file.write(f"# {text}\n{table.footnote(result)}\n")
    print(text)
    disagree = [q for q, found in comparison.questions.items() if any("differs" in line for line in found.values())]
    print(f"answers differ: {', '.join(disagree)}" if disagree else "all answers agree")
    sys.exit(bool(disagree))


main()
