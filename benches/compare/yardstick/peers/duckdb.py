"""DuckDB: its own file in the order of arrival, UUIDs for ids, a column for every tag, ART indexes on jobs and traces
below 20 million events (they must fit memory). With enums, every dimension of a known domain is one."""

import duckdb

from ..workload import COLUMNS, IDS, INTEGERS, TAG_COLUMNS, TAGS, TEXTS
from . import Peer
from .sql import Sql

INDEXED_BELOW = 20_000_000


class DuckDb(Sql, Peer):
    enums = ()

    def micros(self, column):
        return f"epoch_us({column})"

    def percentiles(self):
        return """
            SELECT model, task_type, count(*), quantile_cont(duration_ms, [0.5, 0.95, 0.99])
            FROM events GROUP BY model, task_type"""

    def connect(self, read_only=False):
        self.connection = duckdb.connect(self.path, read_only=read_only)
        self.connection.execute(f"SET threads = {self.threads}; SET preserve_insertion_order = {not read_only}")
        self.connection.execute(f"SET temp_directory = '{self.settings.scratch}'")

    def load(self):
        self.connect()
        source = f"'{self.data}/events-*.parquet'"
        types = {"ts": "TIMESTAMP", "streaming": "BOOLEAN", "status_code": "SMALLINT", "retry_depth": "TINYINT"}
        types |= {"reported_cost_nanos": "BIGINT"} | dict.fromkeys(IDS, "UUID") | dict.fromkeys(INTEGERS, "INTEGER")
        types |= dict.fromkeys([*TEXTS, *TAG_COLUMNS], "VARCHAR")
        for column in self.enums:
            values = f"SELECT DISTINCT {column} FROM {source} WHERE {column} IS NOT NULL ORDER BY 1"
            self.connection.execute(f"CREATE TYPE of_{column} AS ENUM ({values})")
            types[column] = f"of_{column}"
        columns = [*COLUMNS, *TAG_COLUMNS]
        self.connection.execute(f"CREATE TABLE events ({', '.join(f'{c} {types[c]}' for c in columns)})")
        values = [f"{c}::{types[c]}" for c in COLUMNS] + [f"tags['{key}']" for key in TAGS]
        for file in self.events():
            self.connection.execute(f"INSERT INTO events SELECT {', '.join(values)} FROM '{file}'")
        for name in ("outcomes", "prices", "prices_new"):
            self.connection.execute(f"CREATE TABLE {name} AS FROM '{self.data}/{name}.parquet'")
        if self.connection.execute("SELECT count(*) FROM events").fetchone()[0] < INDEXED_BELOW:
            self.connection.execute("CREATE INDEX by_job ON events (job_id)")
            self.connection.execute("CREATE INDEX by_trace ON events (trace_id)")
        self.connection.execute("CHECKPOINT")
        self.connection.close()
        return 0

    def open(self):
        self.connect(read_only=True)

    def trace(self, trace):
        return self.connection.execute(self.trace_sql(f"'{trace}'::UUID")).fetchall()


class DuckDbEnums(DuckDb):
    enums = [column for column in TEXTS if column not in ("job_id", "subscriber_id")]


BY_NAME = {"duckdb": DuckDb, "duckdb-enum": DuckDbEnums}
