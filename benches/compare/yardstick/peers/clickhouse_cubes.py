"""ClickHouse with what its experts would prepare for just these questions: projections by job and by trace,
materialised views that keep sums by team, tenant and hour, a table of jobs, sums of a job, states of distinct counts.
The sums hold as long as prices change at midnight only (by the hour: at full hours), and no longer."""

from ..workload import COVERED, TOKENS
from .clickhouse import SUMS, ClickHouse, day_cost, dearest_jobs, funnel, present, roi

LOW = "LowCardinality(String)"
KEPT_TOKENS = ", ".join(f"{token} Int64 CODEC(ZSTD(1))" for token in TOKENS)
DAY = "toStartOfDay(ts) AS day"
MODEL = f"provider {LOW}, model {LOW}"
COUNTS = ", ".join(
    [f"countIf({present(column)}) AS {column}" for column in COVERED[:-1]]
    + ["count(reported_cost_nanos) AS reported_cost_nanos"]
)

SUMMED = {
    # name: columns, what they are sorted by, what each is of an event
    "cube_team": (
        f"day DateTime('UTC'), {MODEL}, team {LOW}, n UInt64, {KEPT_TOKENS}",
        "day, provider, model, team",
        f"{DAY}, provider, model, team, count() AS n, {SUMS}",
    ),
    "cube_tenant": (
        f"day DateTime('UTC'), organization {LOW}, {MODEL}, n UInt64, {KEPT_TOKENS}",
        "organization, provider, model, day",
        f"{DAY}, organization, provider, model, count() AS n, {SUMS}",
    ),
    "cube_hour": (
        f"day DateTime('UTC'), organization {LOW}, job_type {LOW}, {MODEL}, n UInt64, failed UInt64, {KEPT_TOKENS}",
        "organization, job_type, day, provider, model",
        "toStartOfHour(ts) AS day, organization, job_type, provider, model, count() AS n,"
        f" countIf(status <> 'ok') AS failed, {SUMS}",
    ),
    "cube_job_cost": (
        f"job_id String CODEC(ZSTD(1)), job_type {LOW}, team {LOW}, {MODEL},"
        f" day DateTime('UTC') CODEC(Delta, ZSTD(1)), n UInt32, {KEPT_TOKENS}",
        "team, job_type, job_id, provider, model, day",
        f"job_id, job_type, team, provider, model, {DAY}, count() AS n, {SUMS}",
    ),
    "cube_coverage": (
        f"provider {LOW}, environment {LOW}, n UInt64, " + ", ".join(f"{column} UInt64" for column in COVERED),
        "provider, environment",
        f"provider, environment, count() AS n, {COUNTS}",
    ),
}


class ClickHouseCubes(ClickHouse):
    granularity = 2048
    indexes = [
        "INDEX by_ts ts TYPE minmax GRANULARITY 1",
        "PROJECTION by_job (SELECT * ORDER BY job_id)",
        "PROJECTION by_trace (SELECT ts, trace_id, provider, model, status, duration_ms, "
        + ", ".join(TOKENS)
        + " ORDER BY trace_id)",
    ]
    cubes = (*SUMMED, "cube_job", "cube_distinct")

    def create_cubes(self):
        for name, (columns, key, values) in SUMMED.items():
            where = f"WHERE {present('job_id')}" if name == "cube_job_cost" else ""
            self._keep(name, columns, "SummingMergeTree", key, f"{values} FROM events {where} GROUP BY {key}")
        job = "job_id, job_type, job_version"
        self._keep(
            "cube_job",
            f"job_id String CODEC(ZSTD(1)), job_type {LOW}, job_version {LOW}",
            "ReplacingMergeTree",
            "job_type, job_version, job_id",
            f"DISTINCT {job} FROM events WHERE {present('job_id')} AND {present('job_type')}",
        )
        state = "AggregateFunction(uniqExactIf, String, UInt8)"
        jobs, subscribers = (f"uniqExactIfState({c}, {present(c)})" for c in ("job_id", "subscriber_id"))
        self._keep(
            "cube_distinct",
            f"organization {LOW}, jobs {state}, subscribers {state}",
            "AggregatingMergeTree",
            "organization",
            f"organization, {jobs} AS jobs, {subscribers} AS subscribers FROM events GROUP BY organization",
        )

    def _keep(self, name, columns, engine, key, select):
        self.session.query(f"CREATE TABLE {name} ({columns}) ENGINE = {engine} ORDER BY ({key})")
        self.session.query(f"CREATE MATERIALIZED VIEW fill_{name} TO {name} AS SELECT {select}")

    def day(self, text):
        return f"toDateTime('{text}', 'UTC')"

    def days(self, params, begin):
        return f"day >= {self.day(params[begin])} AND day < {self.day(params['end'])}"

    def q1(self, params):
        return f"SELECT team, sum({day_cost()}), sum(n) FROM cube_team WHERE {self.days(params, 'd30')} GROUP BY team"

    def q2(self, params):
        return (
            f"SELECT organization, model, toUnixTimestamp(day), sum({day_cost()}) AS cost, sum(n) FROM cube_tenant"
            " GROUP BY organization, model, day ORDER BY cost DESC, organization, model, day LIMIT 1000"
        )

    def q3(self, params):
        return funnel("cube_job")

    def q4(self, params):
        typed = present("job_type")
        return roi(f"SELECT job_id, job_type, sum({day_cost()}) AS cost FROM cube_job_cost WHERE {typed}")

    def q6(self, params):
        return (
            f"SELECT toUnixTimestamp(day) AS hour, sum(n), sum(failed), sum({day_cost()}) FROM cube_hour WHERE"
            f" organization = '{params['org']}' AND job_type = '{params['job_type']}' GROUP BY hour"
        )

    def q7(self, params):
        team = f"team = '{params['team']}'"
        return dearest_jobs(f"SELECT job_id, sum({day_cost()}) AS cost FROM cube_job_cost WHERE {team}")

    def q8(self, params):
        now = self.day(params["w1"])
        return f"""
            SELECT team, sumIf(output_tokens, day >= {now}) AS cur, sumIf(output_tokens, day < {now}) AS prev
            FROM cube_team WHERE {self.days(params, "w2")} AND {present("team")} GROUP BY team HAVING cur > 2 * prev"""

    def q9(self, params):
        return (
            "SELECT organization, uniqExactIfMerge(jobs), uniqExactIfMerge(subscribers) FROM cube_distinct"
            " GROUP BY organization"
        )

    def q12(self, params):
        return (
            "SELECT toUnixTimestamp(toDateTime(toStartOfMonth(day), 'UTC')) AS month, provider,"
            f" sum({day_cost('anew_by_day')}), sum(n) FROM cube_team GROUP BY month, provider"
        )

    def q14(self, params):
        counts = ", ".join(f"sum({column})" for column in COVERED)
        return f"SELECT provider, environment, sum(n), {counts} FROM cube_coverage GROUP BY provider, environment"


BY_NAME = {"clickhouse-cubes": ClickHouseCubes}
