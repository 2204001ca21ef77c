"""DataFusion over tuned Parquet: filters pushed down and reordered, Bloom filters read, a fair pool that spills."""

import datafusion

from .sql import Sql
from .tuned_parquet import TunedParquet


class DataFusion(Sql, TunedParquet):
    def micros(self, column):
        return f"CAST({column} AS BIGINT)"

    def open(self):
        config = datafusion.SessionConfig().with_target_partitions(self.threads)
        for setting in ("pushdown_filters", "reorder_filters", "bloom_filter_on_read"):
            config = config.set(f"datafusion.execution.parquet.{setting}", "true")
        runtime = datafusion.RuntimeEnvBuilder().with_disk_manager_os().with_fair_spill_pool(self.settings.memory)
        self.context = datafusion.SessionContext(config, runtime)
        self.context.register_parquet("events", f"{self.path}/events/")
        for name in ("outcomes", "prices", "prices_new"):
            self.context.register_parquet(name, f"{self.path}/{name}.parquet")

    def ask(self, sql):
        batches = self.context.sql(sql).collect()
        return [row for batch in batches for row in zip(*(column.to_pylist() for column in batch.columns))]

    def job(self, job):
        return self.ask(f"SELECT input_tokens AS first, * FROM events WHERE job_id = '{job}' ORDER BY ts, event_id")

    def trace(self, trace):
        return self.ask(self.trace_sql(f"arrow_cast(X'{trace}', 'FixedSizeBinary(16)')"))


BY_NAME = {"datafusion": DataFusion}
