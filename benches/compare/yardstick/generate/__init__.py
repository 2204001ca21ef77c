"""The generator of the workload: LLM calls of jobs of tenants, as they would arrive, and what came of the jobs.

`write(events, seed, directory)` writes, the same for the same arguments:

    events-000.parquet …   at most ten million calls each, in the order of arrival
    outcomes.parquet       what came of jobs
    prices.parquet         the price book; prices_new.parquet another one
    params.json            what the questions are asked with
    meta.json              how many there are of what

The number of events is approximate: storms of retries and the jobs under way at the beginning add about a hundredth.
Prices are whole pico-USD per token, so that the cost of a call is an exact sum:
`input * p_input + cache_read * p_cache_read + cache_write * p_cache_write + output * p_output + reasoning * p_reasoning`.
"""

import json
import os
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .arrivals import Arrivals
from .calls import table
from .draws import DAY, DAYS, START, generator
from .world import NO_JOB, PRICE_ALIGN, World

WINDOW_EVENTS = 250_000
FILE_EVENTS = 10_000_000
CODED = [
    "job_type", "job_version", "task_type", "trace_type", "organization", "team", "project", "feature", "credential",
    "provider", "model", "model_tier", "operation", "environment", "variant", "status", "status_code", "stop_reason",
    "retry_depth", "subscriber_id", "job_id",
]  # fmt: skip


def write(events, seed, directory, keys=1_000):
    """The last argument is how many jobs and traces there are to look up."""
    os.makedirs(directory, exist_ok=True)
    world = World(events, seed)
    files = _Files(directory)
    jobs, traces = [], []
    for window, random, calls, outcomes in Arrivals(world).windows(WINDOW_EVENTS):
        rows = table(world, random, calls)
        files.write(rows, outcomes)
        if rows.num_rows > 2_000:
            _sample(world, window, calls, rows, jobs, traces)
    files.close()
    pq.write_table(world.price_table(), f"{directory}/prices.parquet", store_schema=False)
    pq.write_table(world.price_table(changed=True), f"{directory}/prices_new.parquet", store_schema=False)
    shuffled = generator(seed, 98)
    shuffled.shuffle(jobs)
    shuffled.shuffle(traces)
    meta = {"n": files.events, "outcomes": files.outcomes, "seed": seed}
    for name, content in (("params", _params(world, jobs[:keys], traces[:keys])), ("meta", meta)):
        with open(f"{directory}/{name}.json", "w") as out:
            json.dump(content, out)
    return meta


class _Files:
    def __init__(self, directory):
        self.directory, self.number, self.rows = directory, 0, 0
        self.events, self.outcomes = 0, 0
        self.writers = {}

    def write(self, calls, outcomes):
        if self.rows + calls.num_rows > FILE_EVENTS * 1.02:
            self.writers.pop("events").close()
            self.number, self.rows = self.number + 1, 0
        self._writer("events", f"events-{self.number:03d}", calls).write_table(calls, row_group_size=1 << 20)
        self._writer("outcomes", "outcomes", outcomes).write_table(outcomes)
        self.rows += calls.num_rows
        self.events += calls.num_rows
        self.outcomes += outcomes.num_rows

    def _writer(self, kind, name, rows):
        if kind not in self.writers:
            coded = CODED if kind == "events" else True
            self.writers[kind] = pq.ParquetWriter(
                f"{self.directory}/{name}.parquet", rows.schema, compression="zstd", compression_level=1,
                use_dictionary=coded, store_schema=False, version="2.6", dictionary_pagesize_limit=4 << 20,
            )  # fmt: skip
        return self.writers[kind]

    def close(self):
        for writer in self.writers.values():
            writer.close()


def _sample(world, window, calls, rows, jobs, traces):
    """Jobs and traces to look up one by one."""
    random = generator(world.seed, 99, window)
    count = max(1, int(np.ceil(4000 * WINDOW_EVENTS / world.events)))
    first = np.flatnonzero((calls["sequence"] == 0) & ((calls["job"] & NO_JOB) == 0))
    if len(first):
        picked = random.choice(first, min(count, len(first)), replace=False)
        jobs += rows["job_id"].take(pa.array(picked)).to_pylist()
    roots = np.flatnonzero(calls["root_sequence"] == calls["sequence"])
    picked = random.choice(roots, min(count, len(roots)), replace=False)
    traces += [trace.hex() for trace in rows["trace_id"].take(pa.array(picked)).to_pylist()]


def _params(world, jobs, traces):
    """A large tenant with its favourite job type, a team, a feature, and days."""
    of_jobs = world.attributes(np.arange(1, 300_001, dtype=np.uint64))
    text = lambda at: time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))

    def rank(values, place):
        return int(np.argsort(-np.bincount(values))[min(place, len(np.unique(values)) - 1)])

    end = START + DAYS * DAY
    tenant = rank(of_jobs["tenant"], 2)
    job_type = rank(of_jobs["job_type"][of_jobs["tenant"] == tenant], 0)
    return {
        "start": text(START),
        "end": text(end),
        "d30": text(end - 30 * DAY),
        "w1": text(end - 7 * DAY),
        "w2": text(end - 14 * DAY),
        "day": text(START + 60 * DAY),
        "day_end": text(START + 61 * DAY),
        "org": world.tenant_names[tenant].as_py(),
        "job_type": world.job_type_names[job_type].as_py(),
        "team": world.team_names[rank(of_jobs["team"], 5)].as_py(),
        "feature": world.feature_names[rank(of_jobs["feature"], 10)].as_py(),
        "job_ids": jobs,
        "trace_ids": traces,
        "price_align": PRICE_ALIGN,
    }
