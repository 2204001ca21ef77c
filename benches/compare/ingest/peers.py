"""DuckDB and Parquet files as durable stores of calls: prints the microseconds of every commit.

usage: peers.py duckdb|parquet commits|bulk SIZE ROWS DATA SCRATCH SECONDS

The rows lie in memory as Arrow before the clock starts. A commit to DuckDB is one INSERT ... SELECT (it syncs its log),
with indexes on the job and the trace as any store needs that answers for one job; a commit to Parquet is one file,
synced with its directory. The bulk load of DuckDB ends with a checkpoint, that of Parquet is one sorted zstd file.
"""

import glob
import os
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq


def rows_of(data, rows):
    tables, found = [], 0
    for path in sorted(glob.glob(f"{data}/events-*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(100_000):
            tables.append(batch)
            found += len(batch)
            if found >= rows:
                return pa.Table.from_batches(tables).slice(0, rows).combine_chunks()
    return pa.Table.from_batches(tables)


class DuckDb:
    UUIDS = ("event_id", "trace_id", "parent_id")

    def __init__(self, scratch, schema):
        import duckdb

        self.connection = duckdb.connect(f"{scratch}/calls.db")
        self.connection.execute("SET threads = 2; SET checkpoint_threshold = '1GB'")
        self.columns = ", ".join(f"{name}::UUID AS {name}" if name in self.UUIDS else name for name in schema.names)
        empty = schema.empty_table()
        self.connection.register("empty", empty)
        self.connection.execute(f"CREATE TABLE events AS SELECT {self.columns} FROM empty")
        self.connection.execute("CREATE INDEX by_job ON events (job_id); CREATE INDEX by_trace ON events (trace_id)")

    def commit(self, table):
        self.connection.register("batch", table)
        self.connection.execute(f"INSERT INTO events SELECT {self.columns} FROM batch")

    def finish(self):
        self.connection.execute("CHECKPOINT")


class Parquet:
    def __init__(self, scratch, schema):
        self.scratch, self.files = scratch, 0

    def commit(self, table):
        path = f"{self.scratch}/{self.files:06}.parquet"
        self.files += 1
        pq.write_table(table, path, compression="zstd")
        for name in (path, self.scratch):
            handle = os.open(name, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)

    def finish(self):
        pass


def main():
    peer, how, size, rows, data, scratch, seconds = sys.argv[1:]
    table = rows_of(data, int(rows))
    store = {"duckdb": DuckDb, "parquet": Parquet}[peer](scratch, table.schema)
    if how == "bulk":
        start = time.perf_counter()
        if peer == "parquet":
            table = table.sort_by([("organization", "ascending"), ("ts", "ascending")])
        store.commit(table)
        store.finish()
        print(int((time.perf_counter() - start) * 1e6))
        return
    begun = time.perf_counter()
    for at in range(0, table.num_rows - int(size) + 1, int(size)):
        batch = table.slice(at, int(size)).combine_chunks()
        start = time.perf_counter()
        store.commit(batch)
        print(int((time.perf_counter() - start) * 1e6))
        if time.perf_counter() - begun > float(seconds):
            break


main()
