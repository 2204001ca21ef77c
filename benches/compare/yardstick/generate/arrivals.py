"""When jobs begin, which calls they make, when these arrive, and what comes of the jobs."""

import numpy as np
import pyarrow as pa

from .draws import DAY, DAYS, HOUR, MICROS, START, generator
from .world import NO_JOB, STORM_SHIFT, calls_of_jobs

TYPICAL_SECONDS, SPREAD = 1200.0, 1.8
"""How long jobs take: log-normal."""
LATE_SHARE, LATEST_SECONDS, JITTER_SECONDS = 0.01, 3_600.0, 2.0
OUTCOME_SHARE = 0.8
CALLS_OF_STORMY_JOB = 20.6
EXECUTION = pa.array(["SUCCESS", "FAILED", "CANCELLED"])
OUTCOME = pa.array(["CONVERTED", "ESCALATED", "DEFLECTED", "UNSUCCESSFUL", "CUSTOM"])


class Arrivals:
    def __init__(self, world):
        self.world = world
        self.next_index = 1

    def windows(self, window_events):
        """In the order of arrival, window by window: (random numbers, calls, outcomes)."""
        world = self.world
        count = max(1, round(world.events / window_events))
        edges = world.cumulated[72] + np.arange(count + 1) / count * world.live
        edges[0] = 0.0
        hours = np.concatenate([world.hours, [DAYS * 24]]).astype(np.float64)
        at_hour = lambda intensity: np.interp(intensity, world.cumulated, hours)
        time_edges = at_hour(edges) * HOUR
        time_edges[-1] = DAYS * DAY
        first, end = START * MICROS, (START + DAYS * DAY) * MICROS
        waiting = None
        for window in range(count):
            random = generator(world.seed, 10, window)
            calls, jobs = [waiting] if waiting else [], []
            low, high = edges[window], edges[window + 1]
            for solo, total in ((False, world.jobs_total), (True, world.solo_total)):
                rate = total / world.total
                begun = int(round(high * rate)) - int(round(low * rate))
                starts = START + HOUR * np.sort(at_hour(low + random.random(begun) * (high - low)))
                self._add(calls, jobs, random, starts, solo=solo)
            for at, (_, day, length) in enumerate(world.storms):
                begin = max(time_edges[window], day * DAY)
                over = min(time_edges[window + 1], day * DAY + length * HOUR)
                if over > begin:
                    begun = int(world.storm_calls[at] / CALLS_OF_STORMY_JOB * (over - begin) / (length * HOUR))
                    starts = START + begin + np.sort(random.random(begun)) * (over - begin)
                    self._add(calls, jobs, random, starts, storm=at + 1)
            calls = {key: np.concatenate([part[key] for part in calls]) for key in calls[0]}
            cut = START * MICROS + int(time_edges[window + 1] * MICROS)
            here = calls["arrival"] < cut if window + 1 < count else np.ones(len(calls["arrival"]), bool)
            waiting = {key: column[~here] for key, column in calls.items()}
            kept = here & (calls["ts"] >= first) & (calls["ts"] < end)
            calls = {key: column[kept] for key, column in calls.items()}
            order = np.argsort(calls["arrival"], kind="stable")
            calls = {key: column[order] for key, column in calls.items()}
            yield window, random, calls, self._outcomes(random, jobs, end)

    def _add(self, calls, jobs, random, starts, solo=False, storm=0):
        if len(starts) == 0:
            return
        made, numbers, last = self._new_jobs(random, starts, solo, storm)
        calls.append(made)
        if not solo:
            jobs.append((numbers, last))

    def _new_jobs(self, random, starts, solo, storm):
        count = len(starts)
        jobs = np.arange(self.next_index, self.next_index + count, dtype=np.uint64)
        self.next_index += count
        if solo:
            calls = 1 + (random.random(count) < 0.35).astype(np.int64) + (random.random(count) < 0.15)
            jobs = jobs | NO_JOB
        elif storm:
            calls = 4 + random.geometric(0.06, count)
            jobs = jobs | (np.uint64(storm) << STORM_SHIFT)
        else:
            calls = calls_of_jobs(random, count)
        total = int(calls.sum())
        begin = np.cumsum(calls) - calls
        job = np.repeat(np.arange(count), calls)
        sequence = np.arange(total) - begin[job]
        seconds = np.exp(np.log(TYPICAL_SECONDS) + SPREAD * random.standard_normal(count))
        seconds = np.minimum(seconds, 5.0 * DAY)
        new_trace = (random.random(total, dtype=np.float32) < (0.05 if solo else 0.286)) | (sequence == 0)
        gap = np.where(new_trace, (seconds / calls * 3.5)[job], 3.0) * random.standard_exponential(total)
        if storm:
            gap *= 0.15
        gap[begin] = 0
        passed = np.cumsum(gap)
        ts = ((starts[job] + passed - passed[begin][job]) * MICROS).astype(np.int64)
        root = np.maximum.accumulate(np.where(new_trace, np.arange(total), 0))
        trace = np.cumsum(new_trace)
        trace = trace - trace[begin][job]
        late = random.random(total, dtype=np.float32) < LATE_SHARE
        jitter = random.standard_exponential(total, dtype=np.float32) * JITTER_SECONDS * MICROS
        arrival = ts + jitter.astype(np.int64)
        arrival = arrival + np.where(late, (random.random(total) * LATEST_SECONDS * MICROS).astype(np.int64), 0)
        made = {
            "arrival": arrival,
            "ts": ts,
            "job": jobs[job],
            "sequence": sequence.astype(np.int32),
            "trace": trace.astype(np.int32),
            "root_ts": ts[root],
            "root_sequence": sequence[root].astype(np.int32),
        }
        return made, jobs, ts[begin + calls - 1]

    def _outcomes(self, random, jobs, end):
        numbers = np.concatenate([job for job, _ in jobs])
        last = np.concatenate([ts for _, ts in jobs])
        reported = last + (np.exp(6.5 + 1.5 * random.standard_normal(len(numbers))) * MICROS).astype(np.int64)
        kept = (random.random(len(numbers)) < OUTCOME_SHARE) & (reported < end) & (last >= START * MICROS)
        numbers, reported = numbers[kept], reported[kept]
        of_job = self.world.attributes(numbers)
        count = len(numbers)
        success = 0.70 + 0.2 * ((of_job["job_type"] % 7) / 7.0) - 0.06 * (of_job["lag"] / 3.0)
        drawn = random.random(count)
        execution = np.where(drawn < success, 0, np.where(drawn < success + (1 - success) * 0.7, 1, 2))
        drawn = random.random(count)
        converted = 0.25 + 0.35 * ((of_job["job_type"] % 5) / 5.0)
        rest = np.where(drawn < converted + 0.25, 2, np.where(drawn < converted + 0.32, 4, 3))
        well = np.where(drawn < converted, 0, rest)
        outcome = np.where(execution == 0, well, np.where(drawn < 0.45, 1, 3))
        of_converted = np.exp(1.2 + 0.9 * random.standard_normal(count))
        of_deflected = np.exp(0.3 + 0.5 * random.standard_normal(count))
        value = np.where(outcome == 0, of_converted, np.where(outcome == 2, of_deflected, 0)) * 1e9
        return pa.table(
            {
                "job_id": self.world.job_ids(numbers, of_job["job_type"]),
                "reported_at": pa.array(reported, pa.timestamp("us")),
                "execution_status": EXECUTION.take(pa.array(execution)),
                "outcome_type": OUTCOME.take(pa.array(outcome)),
                "outcome_value_nanos": pa.array(value.astype(np.int64)),
            }
        )
