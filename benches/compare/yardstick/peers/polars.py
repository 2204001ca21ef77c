"""Polars over tuned Parquet: lazy frames and the streaming engine."""

import datetime

import polars as pl
from polars import col

from ..workload import COVERED, METERS, PRICE_COLUMNS, TOKENS
from .tuned_parquet import TunedParquet

MICROS = col("ts").dt.epoch("us")
TOOK = (MICROS + col("duration_ms").cast(pl.Int64) * 1000).max() - MICROS.min()
FAILED = (col("status") != "ok").sum().cast(pl.Int64)
SUMS = [*(col(token).cast(pl.Int64).sum() for token in TOKENS), pl.len().alias("n")]
CONVERTED = col("outcome_type") == "CONVERTED"


def time(text):
    return datetime.datetime.fromisoformat(text)


class Polars(TunedParquet):
    def open(self):
        self.calls = pl.scan_parquet(self.files())
        self.outcomes, self.prices, self.new_prices = (
            pl.scan_parquet(f"{self.path}/{name}.parquet") for name in ("outcomes", "prices", "prices_new")
        )

    def ask(self, frame):
        return frame.collect(engine="streaming").rows()

    def job(self, job):
        calls = self.calls.filter(col("job_id") == job).sort("ts", "event_id")
        return self.ask(calls.select(col("input_tokens").alias("first"), pl.all()))

    def trace(self, trace):
        calls = self.priced(self.calls.filter(col("trace_id") == bytes.fromhex(trace)))
        return self.ask(calls.select(pl.len(), col("cost").sum(), TOOK.alias("took"), FAILED.alias("failed")))

    def priced(self, frame, prices=None, time="ts"):
        """Every row with the cost of its tokens, at the price of its model at its time."""
        prices = (self.prices if prices is None else prices).select(PRICE_COLUMNS)
        frame = frame.join(prices, on=["provider", "model"])
        frame = frame.filter((col(time) >= col("effective_from")) & (col(time) < col("effective_to")))
        costs = [col(f"{meter}_tokens").cast(pl.Int64) * col(f"p_{meter}") for meter in METERS]
        return frame.with_columns(cost=sum(costs[1:], costs[0]))

    def by_day(self, frame, *keys):
        return frame.group_by(*keys, "provider", "model", col("ts").dt.truncate("1d").alias("day")).agg(SUMS)

    def between(self, begin, end):
        return self.calls.filter((col("ts") >= time(begin)) & (col("ts") < time(end)))

    def typed_jobs(self):
        return self.calls.filter(col("job_id").is_not_null() & col("job_type").is_not_null())

    def question(self, name, params):
        return getattr(self, name.lower())(params)

    def q1(self, params):
        days = self.priced(self.by_day(self.between(params["d30"], params["end"]), "team"), time="day")
        return days.group_by("team").agg(col("cost").sum(), col("n").sum())

    def q2(self, params):
        days = self.priced(self.by_day(self.calls, "organization"), time="day")
        days = days.select("organization", "model", "day", "cost", "n")
        return days.sort(["cost", "organization", "model", "day"], descending=[True, False, False, False]).head(1000)

    def q3(self, params):
        jobs = self.typed_jobs().select("job_id", "job_type", "job_version").unique()
        jobs = jobs.join(self.outcomes.select("job_id", "execution_status", "outcome_type"), on="job_id", how="left")
        successful = col("execution_status") == "SUCCESS"
        counts = [
            successful.sum().cast(pl.Int64).alias("ok"),
            (successful & CONVERTED).sum().cast(pl.Int64).alias("converted"),
        ]
        return jobs.group_by("job_type", "job_version").agg(pl.len(), *counts)

    def q4(self, params):
        jobs = self.priced(self.typed_jobs()).group_by("job_id", "job_type").agg(col("cost").sum())
        outcomes = self.outcomes.select("job_id", "outcome_type", "outcome_value_nanos")
        jobs = jobs.join(outcomes, on="job_id", how="left")
        cost, value = col("cost").cast(pl.Float64), col("outcome_value_nanos").cast(pl.Float64) * 1000.0
        roi = pl.when((col("cost") > 0) & col("outcome_type").is_not_null()).then((value - cost) / cost)
        per_conversion = pl.when(CONVERTED.sum() > 0).then(col("cost").sum().cast(pl.Float64) / CONVERTED.sum())
        return jobs.group_by("job_type").agg(
            pl.len(), col("cost").sum().alias("total"), col("outcome_value_nanos").sum().alias("value"),
            roi.mean().alias("roi"), per_conversion.alias("per_conversion"),
        )  # fmt: skip

    def q6(self, params):
        calls = self.calls.filter((col("organization") == params["org"]) & (col("job_type") == params["job_type"]))
        hours = self.priced(calls).group_by(col("ts").dt.truncate("1h").alias("hour"))
        return hours.agg(pl.len(), FAILED.alias("failed"), col("cost").sum())

    def q7(self, params):
        calls = self.calls.filter((col("team") == params["team"]) & col("job_id").is_not_null())
        jobs = self.priced(calls).group_by("job_id").agg(col("cost").sum())
        jobs = jobs.sort(["cost", "job_id"], descending=[True, False]).head(100)
        jobs = jobs.join(self.outcomes, on="job_id", how="left")
        return jobs.select("job_id", "cost", "execution_status", "outcome_type", "outcome_value_nanos")

    def q8(self, params):
        now, output = col("ts") >= time(params["w1"]), col("output_tokens").cast(pl.Int64)
        weeks = self.between(params["w2"], params["end"]).filter(col("team").is_not_null()).group_by("team")
        weeks = weeks.agg(output.filter(now).sum().alias("cur"), output.filter(~now).sum().alias("prev"))
        return weeks.filter(col("cur") > 2 * col("prev"))

    def q9(self, params):
        distinct = [col(column).drop_nulls().n_unique() for column in ("job_id", "subscriber_id")]
        return self.calls.group_by("organization").agg(distinct)

    def q10(self, params):
        percentiles = [col("duration_ms").quantile(p, "linear").alias(str(p)) for p in (0.5, 0.95, 0.99)]
        return self.calls.group_by("model", "task_type").agg(pl.len(), *percentiles)

    def q11(self, params):
        of_feature = (col("feature") == params["feature"]) & (col("tag_environment") == "prod")
        calls = self.priced(self.calls.filter(of_feature & col("subscriber_id").is_not_null()))
        subscribers = calls.group_by("subscriber_id").agg(col("cost").sum(), pl.len())
        return subscribers.sort(["cost", "subscriber_id"], descending=[True, False]).head(50)

    def q12(self, params):
        days = self.priced(self.by_day(self.calls), self.new_prices, time="day")
        months = days.group_by(col("day").dt.truncate("1mo").alias("month"), "provider")
        return months.agg(col("cost").sum(), col("n").sum())

    def q13b(self, params):
        traces = self.between(params["day"], params["day_end"]).group_by("trace_id")
        traces = traces.agg(TOOK.alias("took"), pl.len(), FAILED.alias("failed"))
        return traces.sort(["took", "trace_id"], descending=[True, False]).head(20)

    def q14(self, params):
        return self.calls.group_by("provider", "environment").agg(pl.len(), *(col(c).count() for c in COVERED))


BY_NAME = {"polars": Polars}
