"""The columns of a window's calls."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .draws import DAY, DAYS, MICROS, START, bits, mix, sixteen_bytes
from .world import JOB_VERSIONS, TASK_TYPES, TEAMS, TRACE_TYPES

TIERS = pa.array(["economy", "standard", "premium"])
OPERATIONS = pa.array(["chat", "tool", "embedding", "rerank"])
ENVIRONMENTS = pa.array(["production", "staging", "development"])
STATUSES = pa.array(["ok", "error", "timeout", "rate_limited", "cancelled"])
STATUS_CODES = np.array([200, 500, 504, 429, 499], dtype=np.int16)
STOP_REASONS = pa.array(["end_turn", "tool_use", "max_tokens", "stop_sequence", "content_filter"])


def event_ids(world, jobs, sequences, ts):
    """Like UUIDs of version 7: the time, then noise."""
    low = mix((jobs << np.uint64(14)) + sequences.astype(np.uint64) + world.salt[4])
    noise = mix(low ^ world.salt[5])
    high = ((ts // 1000).astype(np.uint64) << np.uint64(16)) | np.uint64(0x7000) | (noise & np.uint64(0xFFF))
    return sixteen_bytes(high, (low & np.uint64((1 << 62) - 1)) | (np.uint64(2) << np.uint64(62)))


def coded(texts, codes, mask=None):
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32), mask=mask), texts)


def taken(texts, codes, mask=None):
    return texts.take(pa.array(codes, mask=mask))


def binary(words, mask=None):
    count = len(words)
    values = pa.py_buffer(words.tobytes())
    if mask is None:
        return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), count, [None, values])
    present = pa.py_buffer(np.packbits(~mask, bitorder="little").tobytes())
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), count, [present, values], null_count=int(mask.sum()))


def table(world, random, calls):
    """The order in which random numbers are drawn is part of the data: keep it."""
    jobs, ts = calls["job"], calls["ts"]
    count = len(jobs)
    of_job = world.attributes(jobs)
    even = lambda: random.random(count, dtype=np.float32)
    index = lambda: random.integers(0, 65536, count, dtype=np.uint16)
    normal = lambda: random.standard_normal(count, dtype=np.float32)
    storm = of_job["storm"] > 0

    model = np.where(even() < 0.5, world.models[index()], world.models[of_job["model"]]).astype(np.int64)
    tier = world.tier_of[model]
    task = (world.tasks[index()] + of_job["job_type"]) % TASK_TYPES
    operation = world.operations[index()]
    chat, tool = operation == 0, operation == 1
    z1, z2, z3 = normal(), normal(), normal()

    prompt = np.clip(np.exp(world.task_mean[task] + 1.1 * z1), 1, 190_000)
    prompt = np.where(tool, 0, prompt)
    caching = even()
    cached = np.where(chat & (caching < 0.45), 0.3 + 0.65 * even(), 0)
    cache_read = (prompt * cached).astype(np.int32)
    cache_write = np.where(chat & (caching > 0.35) & (caching < 0.5), prompt * 0.4 * even(), 0).astype(np.int32)
    fresh = prompt.astype(np.int32) - cache_read
    output = np.where(chat, np.clip(np.exp(5.0 + 0.35 * z1 + 0.95 * z2), 1, 32_000), 0)
    output = np.where(storm, output * 2.0, output).astype(np.int32)
    thinks = chat & (tier == 2) & (even() < 0.6)
    reasoning = np.where(thinks, np.clip(np.exp(6.0 + 0.9 * z3), 1, 60_000), 0).astype(np.int32)

    ttft = np.exp(5.6 + 0.45 * z3) + prompt * 0.01
    speaking = ttft + (output + reasoning) * world.ms_per_token[model] * np.exp(0.2 * z2)
    duration = np.where(tool, np.exp(5 + 1.3 * z2), speaking).astype(np.int32)
    failed = even() < np.where(storm, 0.5, 0.03)
    status = np.where(failed, 1 + world.failures[index()], 0)
    in_storm = random.integers(3, 11, count)
    again = np.where(storm, in_storm, np.where(even() < 0.94, 0, np.minimum(random.geometric(0.55, count), 10)))
    streaming = chat & (even() < 0.75)

    price = world.price_pico[model, np.maximum((world.price_from[model] <= ts[:, None]).sum(1) - 1, 0)]
    tokens = [fresh, cache_read, cache_write, output, reasoning]
    reported = sum(column * price[:, at] for at, column in enumerate(tokens)) // 1000
    told = even()
    reported = np.where(told < 0.3, (reported * (0.95 + 0.1 * even())).astype(np.int64), reported)
    version = (((ts // MICROS - START) / DAY) / DAYS * JOB_VERSIONS).astype(np.int64)
    version = np.clip(version - of_job["lag"], 0, None)
    team = np.where(even() < 0.02, (of_job["team"] + 11) % TEAMS, of_job["team"])  # jobs change hands

    tag_set = world.tag_sets[world.tag_set_table[index()]]
    tag_value = (random.random((count, 3)) ** 2 * world.tag_counts[tag_set]).astype(np.int64)
    tag_value = tag_value + world.tag_offsets[tag_set]
    no_team = of_job["no_team"] | (even() < 0.01)
    stop = world.stops[index()]
    tags = pa.MapArray.from_arrays(
        pa.array(np.arange(count + 1, dtype=np.int32) * 3),
        world.tag_keys.take(pa.array(tag_set.ravel())),
        world.tag_values.take(pa.array(tag_value.ravel())),
    )
    trace = mix((jobs << np.uint64(14)) + calls["trace"].astype(np.uint64) + world.salt[6])
    trace_low = mix(trace ^ world.salt[7])
    job_id = world.job_ids(jobs, of_job["job_type"])
    job_id = pc.if_else(pa.array(of_job["no_job"]), pa.scalar(None, pa.string()), job_id)
    parent = event_ids(world, jobs, calls["root_sequence"], calls["root_ts"])
    return pa.table(
        {
            "ts": pa.array(ts, pa.timestamp("us")),
            "event_id": binary(event_ids(world, jobs, calls["sequence"], ts)),
            "trace_id": binary(sixteen_bytes(trace, trace_low)),
            "parent_id": binary(parent, mask=calls["root_sequence"] == calls["sequence"]),
            "job_id": job_id,
            "job_type": coded(world.job_type_names, of_job["job_type"], of_job["no_job"] | of_job["no_job_type"]),
            "job_version": coded(world.version_names, version, of_job["no_job"]),
            "task_type": coded(world.task_names, task),
            "trace_type": coded(world.trace_type_names, bits(trace_low, 8, 16) % TRACE_TYPES),
            "organization": taken(world.tenant_names, of_job["tenant"]),
            "team": coded(world.team_names, team, no_team),
            "project": coded(world.project_names, of_job["project"], of_job["no_project"]),
            "feature": coded(world.feature_names, of_job["feature"], of_job["no_feature"]),
            "subscriber_id": taken(world.subscriber_names, of_job["subscriber"], of_job["no_subscriber"]),
            "credential": taken(world.credential_names, of_job["credential"], of_job["no_credential"]),
            "provider": coded(world.provider_names, world.provider_of[model]),
            "model": coded(world.model_names, model),
            "model_tier": coded(TIERS, tier),
            "operation": coded(OPERATIONS, operation),
            "environment": coded(ENVIRONMENTS, of_job["environment"]),
            "variant": coded(world.variant_names, of_job["variant"]),
            "status": coded(STATUSES, status),
            "status_code": pa.array(STATUS_CODES[status]),
            "stop_reason": coded(STOP_REASONS, stop, failed | ~chat),
            "streaming": pa.array(streaming),
            "retry_depth": pa.array(again.astype(np.int8)),
            "input_tokens": pa.array(fresh),
            "cache_read_tokens": pa.array(cache_read),
            "cache_write_tokens": pa.array(cache_write),
            "output_tokens": pa.array(output),
            "reasoning_tokens": pa.array(reasoning),
            "duration_ms": pa.array(duration),
            "ttft_ms": pa.array(ttft.astype(np.int32), mask=~streaming),
            "reported_cost_nanos": pa.array(reported, mask=told > 0.9),
            "tags": tags,
        }
    )
