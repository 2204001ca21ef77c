"""What the generator's columns are called, what is asked, and when two answers agree."""

import datetime
import decimal
import json
import uuid

QUESTIONS = {
    "Q1": "cost by team, 30 days",
    "Q2": "cost by tenant, model and day, the 1,000 highest",
    "Q3": "funnel by job type and version",
    "Q4": "ROI by job type",
    "Q5": "one job's events, p50",
    "Q6": "hourly cost and errors of a tenant's job type",
    "Q7": "the 100 dearest jobs of a team",
    "Q8": "output tokens by team, week on week",
    "Q9": "distinct jobs and subscribers by tenant",
    "Q10": "exact p50, p95 and p99 of duration by model and task type",
    "Q11": "the 50 dearest subscribers of a feature and tag",
    "Q12": "everything priced anew, by month and provider",
    "Q13a": "one trace's sums, p50",
    "Q13b": "the 20 longest traces of a day",
    "Q14": "what calls lack, by provider and environment",
}
LOOK_UPS = {"Q5": ("job_ids", 1_000), "Q13a": ("trace_ids", 300)}
"""Questions that are asked of one key after the other, and of how many."""

METERS = ["input", "cache_read", "cache_write", "output", "reasoning"]
IDS = ["event_id", "trace_id", "parent_id"]
TEXTS = [
    "job_id", "job_type", "job_version", "task_type", "trace_type", "organization", "team", "project", "feature",
    "subscriber_id", "credential", "provider", "model", "model_tier", "operation", "environment", "variant", "status",
    "stop_reason",
]  # fmt: skip
TOKENS = [f"{meter}_tokens" for meter in METERS]
INTEGERS = [*TOKENS, "duration_ms", "ttft_ms"]
COLUMNS = [
    "ts", *IDS, *TEXTS[:18], "status_code", "stop_reason", "streaming", "retry_depth", *INTEGERS, "reported_cost_nanos",
]  # fmt: skip
"""Of a call, without its tags."""
TAGS = [
    "environment", "region", "cohort", "experiment", "locale", "plan", "channel", "surface", "release", "priority",
    "source", "bucket",
]  # fmt: skip
COVERED = ["team", "job_id", "job_type", "project", "feature", "subscriber_id", "credential", "reported_cost_nanos"]
"""The columns whose presence Q14 counts."""
TAG_COLUMNS = [f"tag_{key}" for key in TAGS]
PRICE_COLUMNS = ["provider", "model", "effective_from", "effective_to", *(f"p_{meter}" for meter in METERS)]


def parameters(data):
    with open(f"{data}/params.json") as file:
        return json.load(file)


def cell(value):
    """A value of an answer as all peers write it: seconds since 1970, hexadecimal ids, "" for what is absent."""
    match value:
        case None:
            return ""
        case bool():
            return int(value)
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case uuid.UUID():
            return value.hex
        case datetime.datetime():
            return int(value.replace(tzinfo=datetime.timezone.utc).timestamp())
        case datetime.date():
            return cell(datetime.datetime(value.year, value.month, value.day))
        case decimal.Decimal():
            return int(value) if value == int(value) else float(value)
        case _:
            return value


def answer(rows):
    """The rows of an answer, lists within them laid out, in an order of their own."""
    laid_out = lambda value: value if isinstance(value, (list, tuple)) else [value]
    return sorted(([cell(one) for value in row for one in laid_out(value)] for row in rows), key=json.dumps)


def disagreement(question, peer, expected, found):
    """`None`, or how two answers differ. Whole numbers agree exactly, quotients to nine digits."""
    # DataFusion interpolates with a rounded weight: off by up to 3e-6 where neighbours are far apart.
    tolerance = 1e-4 if (question, peer) == ("Q10", "datafusion") else 1e-9
    if question in LOOK_UPS:  # a slow peer looks fewer keys up
        keys = {row[0] for row in expected} & {row[0] for row in found}
        if not keys:
            return "no key in common"
        expected, found = ([row for row in rows if row[0] in keys] for rows in (expected, found))
    if len(expected) != len(found):
        return f"{len(found)} rows in place of {len(expected)}"
    for one, other in zip(expected, found):
        if len(one) != len(other) or not all(_same(a, b, tolerance) for a, b in zip(one, other)):
            return f"{other} in place of {one}"[:300]
    return None


def _same(a, b, tolerance):
    if isinstance(a, float) or isinstance(b, float):
        if isinstance(a, str) or isinstance(b, str):
            return False
        return abs(a - b) <= tolerance * max(abs(a), abs(b), 1)
    return a == b
