"""The systems that are compared. Each is tuned as its documentation advises, and says how in its module."""

import glob
import importlib
import os
import shutil

PEERS = {
    "quipu": ("quipu", "Quipu"),
    "duckdb": ("duckdb", "DuckDB"),
    "duckdb-enum": ("duckdb", "DuckDB, enums"),
    "clickhouse": ("clickhouse", "ClickHouse"),
    "clickhouse-cubes": ("clickhouse_cubes", "ClickHouse, cubes"),
    "polars": ("polars", "Polars"),
    "datafusion": ("datafusion", "DataFusion"),
    "sqlite": ("sqlite", "SQLite"),
    "postgres": ("postgres", "PostgreSQL"),
}
"""Name, module, and what tables call it."""


class Peer:
    """A system with a database at `path`, made from the directory `data`.

    `load` makes the database and says how many seconds went into turning rows into what the system reads, which
    its users would not wait for; `open` opens it, `prepare` makes a question ready, `ask` answers it, `job` and
    `trace` look one key up. Answers are fetched into this process. The first column of the rows of `job` holds the
    input tokens.
    """

    server = False
    """Whether processes of their own do the work."""

    def __init__(self, data, path, threads, settings):
        self.data, self.path, self.threads, self.settings = data, path, threads, settings

    def events(self):
        return sorted(glob.glob(f"{self.data}/events-*.parquet"))

    def remove(self):
        """The database with its logs; never one whose name begins the same."""
        for path in (self.path + ending for ending in ("", ".wal", "-wal", "-shm")):
            if os.path.isdir(path):
                shutil.rmtree(path)
            elif os.path.exists(path):
                os.remove(path)

    def prepare(self, question, params):
        return self.question(question, params)

    def memory(self):
        """Megabytes that other processes use for this one."""
        return 0

    def start(self):
        """Starts what has to run before the database can be opened."""

    def abandon(self):
        """Ends what an interrupted measurement left running."""

    def close(self):
        """Lets go of the database."""


def peer(name, data, path, threads, settings):
    """The system of that name."""
    module = importlib.import_module(f".{PEERS[name][0]}", __name__)
    return module.BY_NAME[name](data, path, threads, settings)


def missing(name):
    """Why a system cannot be compared here, or `None`."""
    try:
        module = importlib.import_module(f".{PEERS[name][0]}", __name__)
    except ImportError as error:
        return str(error)
    return module.missing() if hasattr(module, "missing") else None
