"""PostgreSQL, its own server on a socket of its own: large buffers, no JIT, COPY, C collation, B-trees for every
question that one can help and BRIN on time, tags as jsonb. Needs `initdb` and `pg_ctl` on this machine; run by root,
the server runs as the user postgres."""

import glob
import os
import shutil
import subprocess
import time

import psycopg
import duckdb

from ..workload import COLUMNS, IDS, INTEGERS, METERS, PRICE_COLUMNS, TEXTS
from . import Peer
from .sql import Sql

INDEXES = [
    "(job_id)", "(trace_id)", "(organization, job_type, ts)", "USING brin (ts) WITH (pages_per_range = 32)",
    "(team, ts)", "(feature)",
]  # fmt: skip
USER = "postgres"


def programs():
    """The folder of the newest server, or `None`."""
    installed = sorted(glob.glob("/usr/lib/postgresql/*/bin/pg_ctl"), key=lambda path: int(path.split("/")[4]))
    found = installed[-1] if installed else shutil.which("pg_ctl")
    return found and os.path.dirname(found)


def missing():
    return None if programs() else "no pg_ctl on this machine"


class Postgres(Sql, Peer):
    server = True
    place = "%s"

    def micros(self, column):
        return f"(extract(epoch FROM {column}) * 1000000)::bigint"

    def real(self, value):
        return f"({value})::float8"

    def in_production(self):
        return "e.tags->>'environment' = 'prod'"

    def _server(self, program, *arguments):
        command = [f"{programs()}/{program}", "-D", self.path, *arguments]
        if os.geteuid() == 0:
            command = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")

    def _create(self):
        os.makedirs(self.path, mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(self.path, USER, USER)
        self._server("initdb", "--locale=C", "-E", "UTF8", "-A", "trust", "-U", USER)
        memory = self.settings.memory >> 20
        settings = {
            "shared_buffers": f"{memory // 3}MB",
            "effective_cache_size": f"{memory}MB",
            "work_mem": f"{memory // 16}MB",
            "maintenance_work_mem": f"{memory // 8}MB",
            "hash_mem_multiplier": 4,
            "random_page_cost": 1.1,
            "max_wal_size": "16GB",
            "checkpoint_timeout": "30min",
            "wal_compression": "lz4",
            "jit": "off",
            "listen_addresses": "''",
            "unix_socket_directories": f"'{self.path}'",
        }
        with open(f"{self.path}/postgresql.auto.conf", "a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())

    def start(self):
        self._server("pg_ctl", "-l", f"{self.path}/log", "-w", "-t", "300", "start")

    def abandon(self):
        if os.path.exists(f"{self.path}/postmaster.pid"):
            self._server("pg_ctl", "-w", "-m", "immediate", "stop")

    def open(self):
        self.connection = psycopg.connect(host=self.path, user=USER, dbname="postgres", autocommit=True)
        self.connection.execute(f"SET max_parallel_workers_per_gather = {self.threads - 1}; SET timezone = 'UTC'")

    def close(self):
        self.connection.close()
        self._server("pg_ctl", "-w", "-t", "300", "-m", "fast", "stop")

    def load(self):
        self._create()
        self.start()
        self.open()
        try:
            return self._fill()
        finally:
            self.close()

    def _fill(self):
        types = {"ts": "timestamp", "streaming": "boolean", "status_code": "smallint", "retry_depth": "smallint"}
        types |= {"reported_cost_nanos": "bigint"} | dict.fromkeys(IDS, "uuid") | dict.fromkeys(INTEGERS, "integer")
        types |= dict.fromkeys(TEXTS, "text")
        columns = ", ".join(f"{column} {types[column]}" for column in COLUMNS)
        prices = ", ".join(f"p_{meter} bigint" for meter in METERS)
        self.connection.execute(f"CREATE TABLE events ({columns}, tags jsonb)")
        self.connection.execute(
            "CREATE TABLE outcomes (job_id text PRIMARY KEY, reported_at timestamp, execution_status text,"
            " outcome_type text, outcome_value_nanos bigint)"
        )
        for book in ("prices", "prices_new"):
            of_model = "provider text, model text, effective_from timestamp, effective_to timestamp"
            self.connection.execute(f"CREATE TABLE {book} ({of_model}, {prices})")
        values = [f"hex({column})" if column in IDS else column for column in COLUMNS]
        converting = sum(self._copy("events", f"{', '.join(values)}, to_json(tags)", file) for file in self.events())
        converting += self._copy("outcomes", "*", f"{self.data}/outcomes.parquet")
        for book in ("prices", "prices_new"):
            converting += self._copy(book, ", ".join(PRICE_COLUMNS), f"{self.data}/{book}.parquet")
        for columns in INDEXES:
            self.connection.execute(f"CREATE INDEX ON events {columns}")
        self.connection.execute("VACUUM ANALYZE")
        self.connection.execute("CHECKPOINT")
        relations = "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class WHERE relkind = 'r' AND"
        self.bytes = self.connection.execute(f"{relations} relnamespace = 'public'::regnamespace").fetchone()[0]
        return converting

    def _copy(self, table, values, file):
        """By way of CSV, whose writing does not count."""
        path = f"{self.settings.scratch}/{table}.csv"
        start = time.perf_counter()
        duckdb.execute(f"COPY (SELECT {values} FROM '{file}') TO '{path}' (FORMAT csv, HEADER false)")
        converting = time.perf_counter() - start
        with self.connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT csv)") as copy, open(path, "rb") as csv:
            while part := csv.read(1 << 20):
                copy.write(part)
        os.remove(path)
        return converting

    def size(self):
        return self.bytes

    def memory(self):
        """The proportional set of the server's processes."""
        with open(f"{self.path}/postmaster.pid") as file:
            server = file.readline().strip()
        children = subprocess.run(["pgrep", "-P", server], capture_output=True, text=True).stdout.split()
        kib = 0
        for process in [server, *children]:
            try:
                with open(f"/proc/{process}/smaps_rollup") as file:
                    kib += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
            except OSError:
                pass
        return kib >> 10

    def trace(self, trace):
        return self.connection.execute(self.trace_sql("%s::uuid"), [trace]).fetchall()


BY_NAME = {"postgres": Postgres}
