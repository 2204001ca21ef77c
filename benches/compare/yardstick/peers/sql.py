"""The questions in SQL as DuckDB, DataFusion, PostgreSQL and SQLite share it."""

from ..workload import COVERED, METERS


class Sql:
    """What dialects differ in comes first. `events`, `outcomes`, `prices` and `prices_new` are the tables."""

    place = "?"
    """Where a key goes."""

    def time(self, text):
        return f"TIMESTAMP '{text}'"

    def truncate(self, unit, column):
        return f"date_trunc('{unit}', {column})"

    def shown(self, time):
        """A time as it is to be answered."""
        return time

    def micros(self, column):
        raise NotImplementedError

    def wide(self, column):
        return f"CAST({column} AS BIGINT)"

    def real(self, value):
        return f"CAST({value} AS DOUBLE)"

    def in_production(self):
        return "e.tag_environment = 'prod'"

    def percentiles(self):
        each = (f"percentile_cont({p}) WITHIN GROUP (ORDER BY duration_ms)" for p in (0.5, 0.95, 0.99))
        return f"SELECT model, task_type, count(*), {', '.join(each)} FROM events GROUP BY model, task_type"

    # What they share; a database's connection asks in one way, others say theirs.

    def ask(self, sql):
        return self.connection.execute(sql).fetchall()

    def job(self, job):
        sql = "SELECT input_tokens AS first, * FROM events WHERE job_id = " + self.place + " ORDER BY ts, event_id"
        return self.connection.execute(sql, [job]).fetchall()

    def cost(self, table="e"):
        return "(" + " + ".join(f"{self.wide(f'{table}.{m}_tokens')} * p.p_{m}" for m in METERS) + ")"

    def priced(self, prices="prices", table="e", time="ts"):
        """Every row has the price of its model at its time."""
        return (
            f"JOIN {prices} p ON {table}.provider = p.provider AND {table}.model = p.model"
            f" AND {table}.{time} >= p.effective_from AND {table}.{time} < p.effective_to"
        )

    def by_day(self, keys, where=""):
        """Tokens by day and model, to be priced then: prices change at midnight only."""
        day = self.truncate("day", "ts")
        tokens = ", ".join(f"sum({m}_tokens) AS {m}_tokens" for m in METERS)
        keys = "".join(f"{key}, " for key in keys)
        return (
            f"WITH a AS (SELECT {keys}provider, model, {day} AS day, {tokens}, count(*) AS n FROM events {where}"
            f" GROUP BY {keys}provider, model, {day})"
        )

    def trace_sql(self, key):
        micros = self.micros("e.ts")
        return (
            f"SELECT count(*), sum({self.cost()}), max({micros} + e.duration_ms * 1000) - min({micros}),"
            f" sum(CASE WHEN e.status <> 'ok' THEN 1 ELSE 0 END)"
            f" FROM events e {self.priced()} WHERE e.trace_id = {key}"
        )

    def question(self, name, params):
        return getattr(self, name.lower())(params)

    def q1(self, params):
        where = f"WHERE ts >= {self.time(params['d30'])} AND ts < {self.time(params['end'])}"
        return (
            f"{self.by_day(['team'], where)} SELECT a.team, sum({self.cost('a')}), sum(n)"
            f" FROM a {self.priced(table='a', time='day')} GROUP BY a.team"
        )

    def q2(self, params):
        return (
            f"{self.by_day(['organization'])} SELECT a.organization, a.model, {self.shown('a.day')},"
            f" {self.cost('a')} AS cost, n FROM a {self.priced(table='a', time='day')}"
            f" ORDER BY cost DESC, 1, 2, 3 LIMIT 1000"
        )

    def q3(self, params):
        return """
            SELECT e.job_type, e.job_version, count(*),
                sum(CASE WHEN o.execution_status = 'SUCCESS' THEN 1 ELSE 0 END),
                sum(CASE WHEN o.execution_status = 'SUCCESS' AND o.outcome_type = 'CONVERTED' THEN 1 ELSE 0 END)
            FROM (SELECT DISTINCT job_id, job_type, job_version FROM events
                WHERE job_id IS NOT NULL AND job_type IS NOT NULL) e
            LEFT JOIN outcomes o ON e.job_id = o.job_id GROUP BY e.job_type, e.job_version"""

    def q4(self, params):
        value, cost = self.real("o.outcome_value_nanos"), self.real("j.cost")
        return f"""
            WITH j AS (SELECT e.job_id, e.job_type, sum({self.cost()}) AS cost FROM events e {self.priced()}
                WHERE e.job_id IS NOT NULL AND e.job_type IS NOT NULL GROUP BY e.job_id, e.job_type)
            SELECT j.job_type, count(*), sum(j.cost), coalesce(sum(o.outcome_value_nanos), 0),
                avg(CASE WHEN j.cost > 0 AND o.job_id IS NOT NULL THEN ({value} * 1000.0 - {cost}) / {cost} END),
                {self.real("sum(j.cost)")} / nullif(sum(CASE WHEN o.outcome_type = 'CONVERTED' THEN 1 ELSE 0 END), 0)
            FROM j LEFT JOIN outcomes o ON j.job_id = o.job_id GROUP BY j.job_type"""

    def q6(self, params):
        hour = self.truncate("hour", "e.ts")
        return f"""
            SELECT {self.shown(hour)}, count(*), sum(CASE WHEN e.status <> 'ok' THEN 1 ELSE 0 END), sum({self.cost()})
            FROM events e {self.priced()}
            WHERE e.organization = '{params["org"]}' AND e.job_type = '{params["job_type"]}' GROUP BY {hour}"""

    def q7(self, params):
        return f"""
            SELECT j.job_id, j.cost, o.execution_status, o.outcome_type, o.outcome_value_nanos
            FROM (SELECT e.job_id, sum({self.cost()}) AS cost FROM events e {self.priced()}
                WHERE e.team = '{params["team"]}' AND e.job_id IS NOT NULL
                GROUP BY e.job_id ORDER BY cost DESC, e.job_id LIMIT 100) j
            LEFT JOIN outcomes o ON j.job_id = o.job_id"""

    def q8(self, params):
        before, now, end = (self.time(params[at]) for at in ("w2", "w1", "end"))
        return f"""
            SELECT team, cur, prev FROM (SELECT team, sum(CASE WHEN ts >= {now} THEN output_tokens ELSE 0 END) AS cur,
                sum(CASE WHEN ts < {now} THEN output_tokens ELSE 0 END) AS prev
                FROM events WHERE ts >= {before} AND ts < {end} AND team IS NOT NULL GROUP BY team) x
            WHERE cur > 2 * prev"""

    def q9(self, params):
        return """
            SELECT organization, count(DISTINCT job_id), count(DISTINCT subscriber_id)
            FROM events GROUP BY organization"""

    def q10(self, params):
        return self.percentiles()

    def q11(self, params):
        return f"""
            SELECT e.subscriber_id, sum({self.cost()}) AS cost, count(*) FROM events e {self.priced()}
            WHERE e.feature = '{params["feature"]}' AND {self.in_production()} AND e.subscriber_id IS NOT NULL
            GROUP BY e.subscriber_id ORDER BY cost DESC, e.subscriber_id LIMIT 50"""

    def q12(self, params):
        month = self.truncate("month", "a.day")
        return (
            f"{self.by_day([])} SELECT {self.shown(month)}, a.provider, sum({self.cost('a')}), sum(n)"
            f" FROM a {self.priced('prices_new', 'a', 'day')} GROUP BY {month}, a.provider"
        )

    def q13b(self, params):
        micros = self.micros("ts")
        return f"""
            SELECT trace_id, max({micros} + duration_ms * 1000) - min({micros}) AS took, count(*),
                sum(CASE WHEN status <> 'ok' THEN 1 ELSE 0 END)
            FROM events WHERE ts >= {self.time(params["day"])} AND ts < {self.time(params["day_end"])}
            GROUP BY trace_id ORDER BY took DESC, trace_id LIMIT 20"""

    def q14(self, params):
        counts = ", ".join(f"count({column})" for column in COVERED)
        return f"SELECT provider, environment, count(*), {counts} FROM events GROUP BY provider, environment"
