"""The Parquet files of Polars and DataFusion: sorted by time within row groups, a column for every tag, LZ4 (ids:
zstd), dictionaries, a page index, Bloom filters on jobs and traces. Written once per peer, as a user would."""

import glob
import os
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..workload import IDS, TAGS, TEXTS
from . import Peer

ROW_GROUP = 1 << 20


class TunedParquet(Peer):
    def files(self):
        return sorted(glob.glob(f"{self.path}/events/*.parquet"))

    def load(self):
        os.makedirs(f"{self.path}/events")
        pa.set_cpu_count(self.threads)
        for source in self.events():
            rows, writer = pq.ParquetFile(source), None
            for group in range(rows.num_row_groups):
                table = tags_as_columns(rows.read_row_group(group)).sort_by("ts")
                writer = writer or self._writer(os.path.basename(source), table.schema)
                writer.write_table(table, row_group_size=ROW_GROUP)
            writer.close()
        for name in ("outcomes", "prices", "prices_new"):
            shutil.copy(f"{self.data}/{name}.parquet", self.path)
        return 0

    def _writer(self, name, schema):
        coded = [c for c in schema.names if c in TEXTS or c.startswith("tag_") or c in ("status_code", "retry_depth")]
        zstd = ("job_id", *IDS)
        return pq.ParquetWriter(
            f"{self.path}/events/{name}",
            schema,
            compression={column: "zstd" if column in zstd else "lz4" for column in schema.names},
            use_dictionary=coded,
            column_encoding={"ts": "DELTA_BINARY_PACKED"},
            write_page_index=True,
            store_schema=False,
            dictionary_pagesize_limit=4 << 20,
            bloom_filter_options={column: {"ndv": 250_000, "fpp": 0.01} for column in ("job_id", "trace_id")},
        )


def tags_as_columns(table):
    """A column of texts for every key, null where a call has no such tag."""
    tags = table["tags"].combine_chunks()
    offsets = np.asarray(tags.offsets)
    row = np.repeat(np.arange(table.num_rows), np.diff(offsets))
    used = offsets[0], offsets[-1] - offsets[0]
    keys, values = tags.keys.slice(*used).dictionary_encode(), tags.items.slice(*used)
    codes, known = np.asarray(keys.indices), keys.dictionary.to_pylist()
    table = table.drop_columns(["tags"])
    for key in TAGS:
        at = np.full(table.num_rows, -1, np.int64)
        if key in known:
            found = np.flatnonzero(codes == known.index(key))
            at[row[found]] = found
        table = table.append_column(f"tag_{key}", values.take(pa.array(at, mask=at < 0)))
    return table
