"""One load or one question of one peer, in a process of its own: what `main` prints as JSON.

A question is asked once after its database left the page cache and was opened (`open_ms`, `cold_ms`), then again and
again (`med_ms` and others of `warm` runs). Look-ups go through the keys of `params.json` one after the other; a
slow peer stops at its budget and says how many it did (`keys`)."""

import json
import os
import statistics
import sys
import time
from types import SimpleNamespace

from . import machine
from .peers import peer
from .workload import LOOK_UPS, answer, parameters


def ms(seconds):
    return round(seconds * 1e3, 4)


def load(system, task):
    system.remove()
    start = time.perf_counter()
    converting = system.load()
    for file in machine.files_of(task.store):
        descriptor = os.open(file, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    took = time.perf_counter() - start - converting
    size = system.size() if hasattr(system, "size") else machine.size(task.store)
    memory = machine.peak_memory()
    return {"seconds": round(took, 2), "bytes": size, "converting_s": round(converting, 2), "memory_mb": memory}


def ask(system, task):
    if hasattr(system, "measure"):
        left = machine.forget(task.store)
        found = system.measure(task.question, task.answers, task.repetitions, task.budget)
        kept = ("open_ms", "cold_ms", "med_ms", "min_ms", "max_ms", "p99_ms", "cpu_ms", "warm", "rows")
        line = {key: found[key] for key in kept if key in found}
        return line | {"others": found["other_cpu"], "memory_mb": found["rss_mb"], "left_in_memory": left}
    system.start()
    left = machine.forget(task.store)
    with machine.Clock() as clock:
        system.open()
    line = {"open_ms": ms(clock.wall), "left_in_memory": left}
    try:
        runs = look_up if task.question in LOOK_UPS else repeat
        rows, measured = runs(system, task)
        line |= measured | {"rows": len(rows), "memory_mb": machine.peak_memory() + system.memory()}
        if system.server:  # which its own processes cannot be told from others
            line["others"] = None
    finally:
        system.close()
    with open(f"{task.answers}/{task.question}.{task.peer}.json", "w") as file:
        json.dump(rows, file)
    return line


def repeat(system, task):
    question = system.prepare(task.question, parameters(task.data))
    with machine.Clock() as cold:
        rows = system.ask(question)
    runs, spent = [], 0.0
    while len(runs) < task.repetitions and (spent < task.budget or not runs):
        with machine.Clock() as clock:
            rows = system.ask(question)
        runs.append(clock)
        spent += clock.wall
    walls = [run.wall for run in runs]
    return answer(rows), {
        "cold_ms": ms(cold.wall),
        "med_ms": ms(statistics.median(walls)),
        "min_ms": ms(min(walls)),
        "max_ms": ms(max(walls)),
        "cpu_ms": ms(min(run.cpu for run in runs)),
        "others": round(sum(run.others * run.wall for run in runs) / spent, 3),
        "warm": len(runs),
    }


def keys_of(question, params):
    name, most = LOOK_UPS[question]
    return params[name][:most]


def look_up_one(system, question, key):
    return system.job(key) if question == "Q5" else system.trace(key)


def row_of(question, key, found):
    """What an answer keeps of a key: of a job how many events and input tokens it has, of a trace its sums."""
    if question == "Q5":
        return [key, len(found), sum(call[0] for call in found)]
    return [key, 1, *answer(found)[0]]


def look_ups(system, question, params):
    """The answer about all keys."""
    keys = keys_of(question, params)
    return sorted((row_of(question, key, look_up_one(system, question, key)) for key in keys), key=json.dumps)


def look_up(system, task):
    keys = keys_of(task.question, parameters(task.data))

    def one(key):
        start = time.perf_counter()
        rows = look_up_one(system, task.question, key)
        return time.perf_counter() - start, rows

    def every(budget):
        found, until = [], time.perf_counter() + budget
        for key in keys:
            found.append((key, *one(key)))
            if time.perf_counter() > until:
                break
        return found

    cold, _ = one(keys[0])
    first = every(task.budget / 2)
    passes, until = [], time.perf_counter() + task.budget / 2
    with machine.Clock() as clock:
        while len(passes) < task.repetitions and (time.perf_counter() < until or not passes):
            passes.append([took for _, took, _ in every(max(0.0, until - time.perf_counter()))])
    times = sorted(took for one_pass in passes for took in one_pass)
    rows = [row_of(task.question, key, found) for key, _, found in first]
    return sorted(rows, key=json.dumps), {
        "cold_ms": ms(cold),
        "med_ms": ms(statistics.median(times)),
        "min_ms": ms(times[0]),
        "max_ms": ms(times[-1]),
        "p99_ms": ms(times[len(times) * 99 // 100]),
        "others": round(clock.others, 3),
        "warm": len(passes),
        "keys": len(first),
    }


def main():
    task = SimpleNamespace(**json.loads(sys.argv[1]))
    settings = SimpleNamespace(scratch=task.scratch, memory=task.memory, programs=task.programs)
    system = peer(task.peer, task.data, task.store, task.threads, settings)
    print(json.dumps((ask if task.question else load)(system, task)), flush=True)
    os._exit(0)  # some peers' threads would not let the process end


if __name__ == "__main__":
    main()
