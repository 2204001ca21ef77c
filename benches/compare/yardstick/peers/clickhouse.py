"""ClickHouse, embedded (chdb): MergeTree by tenant, job type and time, a partition a month, LowCardinality for every
dimension but jobs and subscribers, T64 or Delta and ZSTD(1), Bloom filters on jobs and traces, sets on team and
feature, everything merged. Single calls are priced by an ASOF JOIN, sums of a day by a range dictionary; only exact
functions."""

import json

from chdb import session

from ..workload import COLUMNS, COVERED, INTEGERS, METERS, PRICE_COLUMNS, TAG_COLUMNS, TAGS, TEXTS, TOKENS
from . import Peer

COST = " + ".join(f"{meter}_tokens * p_{meter}" for meter in METERS)
MICROS = "toUnixTimestamp64Micro(ts)"
TOOK = f"max({MICROS} + duration_ms * 1000) - min({MICROS})"
SUMS = ", ".join(f"sum({token}) AS {token}" for token in TOKENS)


def present(column):
    return f"{column} <> ''"


def dearest_jobs(jobs):
    return (
        "SELECT job_id, cost, o.execution_status, o.outcome_type, if(o.outcome_type = '', NULL, o.outcome_value_nanos)"
        f" FROM outcomes o RIGHT JOIN ({jobs} GROUP BY job_id ORDER BY cost DESC, job_id LIMIT 100) j USING (job_id)"
    )


def roi(jobs):
    value = "toFloat64(o.outcome_value_nanos) * 1000.0"
    return f"""
        SELECT job_type, count(), sum(cost), sum(o.outcome_value_nanos),
            avgIf(({value} - toFloat64(cost)) / toFloat64(cost), cost > 0 AND o.outcome_type <> ''),
            toFloat64(sum(cost)) / nullIf(countIf(o.outcome_type = 'CONVERTED'), 0)
        FROM ({jobs} GROUP BY job_id, job_type) j LEFT JOIN outcomes o USING (job_id) GROUP BY job_type"""


def funnel(jobs):
    return f"""
        SELECT job_type, job_version, count(), countIf(o.execution_status = 'SUCCESS'),
            countIf(o.execution_status = 'SUCCESS' AND o.outcome_type = 'CONVERTED')
        FROM (SELECT job_id, job_type, job_version FROM {jobs} GROUP BY job_id, job_type, job_version) e
        LEFT JOIN outcomes o USING (job_id) GROUP BY job_type, job_version"""


def day_cost(book="by_day"):
    """The cost of tokens that were summed by day."""
    price = f"dictGet('yard.{book}', 'p', (provider, model), toDateTime(day, 'UTC'))"
    return f"arraySum((x, y) -> x * y, [{', '.join(TOKENS)}], {price})"


class ClickHouse(Peer):
    granularity = 4096
    indexes = [
        "INDEX by_job job_id TYPE bloom_filter(0.01) GRANULARITY 1",
        "INDEX by_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1",
        "INDEX by_ts ts TYPE minmax GRANULARITY 1",
        "INDEX by_team team TYPE set(64) GRANULARITY 1",
        "INDEX by_feature feature TYPE set(300) GRANULARITY 1",
    ]
    cubes = ()

    def open(self):
        self.session = session.Session(self.path)
        for statement in (
            "CREATE DATABASE IF NOT EXISTS yard",
            "USE yard",
            f"SET max_threads = {self.threads}",
            f"SET max_memory_usage = {self.settings.memory}",
            f"SET max_bytes_before_external_group_by = {self.settings.memory // 2}",
            "SET join_algorithm = 'parallel_hash,hash'",
            "SET output_format_json_quote_64bit_integers = 0",
        ):
            self.session.query(statement)

    def ask(self, sql):
        answer = str(self.session.query(sql, "JSONCompact"))
        return json.loads(answer)["data"] if answer else []

    def load(self):
        self.open()
        for book, name in (("prices", "by_day"), ("prices_new", "anew_by_day")):
            self._prices(book, name)
        rates = ", ".join(f"p[{at + 1}] AS p_{meter}" for at, meter in enumerate(METERS))
        self.session.query(
            "CREATE TABLE price_of_call ENGINE = MergeTree ORDER BY (provider, model, effective_from)"
            f" AS SELECT provider, model, effective_from, {rates} FROM prices"
        )
        self.session.query(
            "CREATE TABLE outcomes (job_id String, reported_at DateTime64(6, 'UTC'),"
            " execution_status LowCardinality(String), outcome_type LowCardinality(String), outcome_value_nanos Int64)"
            " ENGINE = MergeTree ORDER BY job_id"
        )
        columns = ("job_id", "reported_at", "execution_status", "outcome_type", "outcome_value_nanos")
        known = ", ".join(f"assumeNotNull({column})" for column in columns)
        self.session.query(f"INSERT INTO outcomes SELECT {known} FROM file('{self.data}/outcomes.parquet', Parquet)")
        self._create_events()
        self.create_cubes()
        for file in self.events():
            self.session.query(
                f"INSERT INTO events SELECT {self._source()} FROM file('{file}', Parquet)"
                f" SETTINGS max_insert_threads = {self.threads}, min_insert_block_size_rows = 2000000,"
                " min_insert_block_size_bytes = 2000000000"
            )
        for table in ("outcomes", *self.cubes, "events"):
            self.session.query(f"OPTIMIZE TABLE {table} FINAL SETTINGS optimize_throw_if_noop = 0")
        # What was merged away is removed some minutes later; its bytes are not the database's.
        self.bytes = self.ask("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'yard'")[0][0]
        return 0

    def _prices(self, book, name):
        known = ", ".join(f"assumeNotNull(p_{meter})" for meter in METERS)
        self.session.query(
            f"CREATE TABLE {book} (provider String, model String, effective_from DateTime('UTC'),"
            " effective_to DateTime('UTC'), p Array(Int64))"
            " ENGINE = MergeTree ORDER BY (provider, model, effective_from)"
        )
        begin, end = (f"toDateTime(assumeNotNull({column}), 'UTC')" for column in PRICE_COLUMNS[2:4])
        self.session.query(
            f"INSERT INTO {book} SELECT assumeNotNull(provider), assumeNotNull(model), {begin}, {end} - 1, [{known}]"
            f" FROM file('{self.data}/{book}.parquet', Parquet)"
        )
        self.session.query(
            f"CREATE DICTIONARY {name} (provider String, model String, effective_from DateTime, effective_to DateTime,"
            f" p Array(Int64)) PRIMARY KEY provider, model SOURCE(CLICKHOUSE(DB 'yard' TABLE '{book}'))"
            " LAYOUT(COMPLEX_KEY_RANGE_HASHED()) RANGE(MIN effective_from MAX effective_to) LIFETIME(0)"
        )

    def _create_events(self):
        types = {
            "ts": "DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1))",
            **dict.fromkeys(("event_id", "trace_id", "parent_id"), "FixedString(16) CODEC(ZSTD(1))"),
            **dict.fromkeys(INTEGERS, "Int32 CODEC(T64, ZSTD(1))"),
            **dict.fromkeys([*TEXTS, *TAG_COLUMNS], "LowCardinality(String) CODEC(ZSTD(1))"),
            **dict.fromkeys(("job_id", "subscriber_id"), "String CODEC(ZSTD(1))"),
            "status_code": "UInt16 CODEC(ZSTD(1))",
            "streaming": "Bool",
            "retry_depth": "UInt8 CODEC(ZSTD(1))",
            "ttft_ms": "Nullable(Int32) CODEC(ZSTD(1))",
            "reported_cost_nanos": "Nullable(Int64) CODEC(ZSTD(1))",
        }
        columns = [f"{column} {types[column]}" for column in [*COLUMNS, *TAG_COLUMNS]]
        self.session.query(
            f"CREATE TABLE events ({', '.join(columns + self.indexes)}) ENGINE = MergeTree"
            f" PARTITION BY toYYYYMM(ts) ORDER BY (organization, job_type, ts)"
            f" SETTINGS index_granularity = {self.granularity}"
        )

    def _source(self):
        def value(column):
            if column in TEXTS:
                return f"ifNull({column}, '')"
            if column == "parent_id":
                return "ifNull(parent_id, toFixedString('', 16))"
            return column if column in ("ttft_ms", "reported_cost_nanos") else f"assumeNotNull({column})"

        return ", ".join([value(column) for column in COLUMNS] + [f"tags['{key}']" for key in TAGS])

    def create_cubes(self):
        """None here."""

    def size(self):
        return self.bytes

    def job(self, job):
        hexed = ", ".join(f"hex({column}) AS {column}" for column in ("event_id", "trace_id", "parent_id"))
        return self.ask(
            f"SELECT input_tokens AS first, * REPLACE({hexed}) FROM events WHERE job_id = '{job}' ORDER BY ts, event_id"
        )

    def trace(self, trace):
        calls = self.priced(["ts", "status", "duration_ms"], f"trace_id = unhex('{trace}')")
        return self.ask(f"SELECT count(), sum({COST}), {TOOK}, countIf(status <> 'ok') FROM {calls}")

    def priced(self, columns, where):
        """Calls with the price of their model at their time."""
        columns = ", ".join([*columns, "provider", "model", *TOKENS])
        return (
            f"(SELECT {columns}, toDateTime(ts, 'UTC') AS second FROM events WHERE {where}) e ASOF JOIN price_of_call p"
            " ON e.provider = p.provider AND e.model = p.model AND e.second >= p.effective_from"
        )

    def time(self, text):
        return f"toDateTime64('{text}', 6, 'UTC')"

    def between(self, params, begin):
        return f"ts >= {self.time(params[begin])} AND ts < {self.time(params['end'])}"

    def by_day(self, keys, where="1"):
        keys = ", ".join([*keys, "provider", "model"])
        return (
            f"(SELECT {keys}, toStartOfDay(ts) AS day, {SUMS}, count() AS n FROM events WHERE {where}"
            f" GROUP BY {keys}, day)"
        )

    def question(self, name, params):
        return getattr(self, name.lower())(params)

    def q1(self, params):
        days = self.by_day(["team"], self.between(params, "d30"))
        return f"SELECT team, sum({day_cost()}), sum(n) FROM {days} GROUP BY team"

    def q2(self, params):
        return (
            f"SELECT organization, model, toUnixTimestamp(day), {day_cost()} AS cost, n FROM"
            f" {self.by_day(['organization'])} ORDER BY cost DESC, organization, model, day LIMIT 1000"
        )

    def q3(self, params):
        return funnel(f"events WHERE {present('job_id')} AND {present('job_type')}")

    def q4(self, params):
        calls = self.priced(["job_id", "job_type"], f"{present('job_id')} AND {present('job_type')}")
        return roi(f"SELECT job_id, job_type, sum({COST}) AS cost FROM {calls}")

    def q6(self, params):
        where = f"organization = '{params['org']}' AND job_type = '{params['job_type']}'"
        return (
            f"SELECT toUnixTimestamp(toStartOfHour(ts)) AS hour, count(), countIf(status <> 'ok'), sum({COST})"
            f" FROM {self.priced(['ts', 'status'], where)} GROUP BY hour"
        )

    def q7(self, params):
        calls = self.priced(["job_id"], f"team = '{params['team']}' AND {present('job_id')}")
        return dearest_jobs(f"SELECT job_id, sum({COST}) AS cost FROM {calls}")

    def q8(self, params):
        now = self.time(params["w1"])
        return f"""
            SELECT team, sumIf(output_tokens, ts >= {now}) AS cur, sumIf(output_tokens, ts < {now}) AS prev FROM events
            WHERE {self.between(params, "w2")} AND {present("team")} GROUP BY team HAVING cur > 2 * prev"""

    def q9(self, params):
        distinct = (f"uniqExactIf({column}, {present(column)})" for column in ("job_id", "subscriber_id"))
        return f"SELECT organization, {', '.join(distinct)} FROM events GROUP BY organization"

    def q10(self, params):
        return (
            "SELECT model, task_type, count(), quantilesExactInclusive(0.5, 0.95, 0.99)(duration_ms) FROM events"
            " GROUP BY model, task_type"
        )

    def q11(self, params):
        where = f"feature = '{params['feature']}' AND tag_environment = 'prod' AND {present('subscriber_id')}"
        return (
            f"SELECT subscriber_id, sum({COST}) AS cost, count() FROM {self.priced(['subscriber_id'], where)}"
            " GROUP BY subscriber_id ORDER BY cost DESC, subscriber_id LIMIT 50"
        )

    def q12(self, params):
        return (
            f"SELECT toUnixTimestamp(toDateTime(toStartOfMonth(day), 'UTC')) AS month, provider,"
            f" sum({day_cost('anew_by_day')}), sum(n) FROM {self.by_day([])} GROUP BY month, provider"
        )

    def q13b(self, params):
        return f"""
            SELECT lower(hex(trace_id)), {TOOK} AS took, count(), countIf(status <> 'ok') FROM events
            WHERE ts >= {self.time(params["day"])} AND ts < {self.time(params["day_end"])}
            GROUP BY trace_id ORDER BY took DESC, trace_id LIMIT 20"""

    def q14(self, params):
        counts = ", ".join(f"countIf({present(column)})" for column in COVERED[:-1])
        return (
            f"SELECT provider, environment, count(), {counts}, count(reported_cost_nanos) FROM events"
            " GROUP BY provider, environment"
        )


BY_NAME = {"clickhouse": ClickHouse}
