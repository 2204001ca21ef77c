"""What does not change from call to call: who there is, which models at which prices, and what belongs to a job."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .draws import DAY, DAYS, MICROS, START, bits, generator, mix, weights_table, zipf_table

TENANTS, TEAMS, PROJECTS, FEATURES = 2_000, 60, 200, 300
SUBSCRIBERS, CREDENTIALS = 200_000, 5_000
JOB_TYPES, JOB_VERSIONS, TASK_TYPES, TRACE_TYPES = 30, 12, 24, 15
MODELS, VARIANTS = 40, 6
PROVIDER_NAMES = ["openai", "anthropic", "google", "mistral", "bedrock", "azure", "groq", "deepseek"]
METERS = ["input", "cache_read", "cache_write", "output", "reasoning"]
PRICE_ALIGN = DAY
"""Prices change at midnight only, so that the peers may add tokens up by day before they price them."""

CALLS_PER_JOB, JOB_TAIL, LONGEST_JOB = 8.0, 1.6, 5_000
WITHOUT_JOB = 0.05
"""The share of calls that belong to no job."""
WARM_UP_HOURS = 72
"""Jobs begin before the first day, so that it is like the others."""

NO_JOB = np.uint64(1) << np.uint64(39)
STORM_SHIFT = np.uint64(40)
INDEX_MASK = np.uint64((1 << 39) - 1)

TAG_KEYS = {
    "environment": 3, "region": 6, "cohort": 20, "experiment": 12, "locale": 10, "plan": 4, "channel": 5, "surface": 8,
    "release": 30, "priority": 3, "source": 6, "bucket": 16,
}  # fmt: skip


def names(prefix, count, width=4):
    return pa.array([f"{prefix}{i:0{width}d}" for i in range(count)])


def calls_of_jobs(random, jobs):
    """Few calls mostly, sometimes thousands."""
    drawn = 1 + (random.pareto(JOB_TAIL, jobs) * (CALLS_PER_JOB - 1) * (JOB_TAIL - 1)).astype(np.int64)
    return np.minimum(drawn, LONGEST_JOB)


class World:
    def __init__(self, events, seed):
        self.events, self.seed = events, seed
        self.salt = [np.uint64(x) for x in mix(np.arange(8, dtype=np.uint64) + np.uint64(seed * 1000))]
        random = generator(seed, 1)
        self._tables()
        self._models(random)
        self._names()
        self._tags(random)
        self.task_mean = random.normal(6.8, 0.7, TASK_TYPES).astype(np.float32)
        self._intensity()
        self.mean_calls = float(np.mean(calls_of_jobs(generator(seed, 2), 400_000)))
        warm = self.total / self.live
        self.jobs_total = events * (1 - WITHOUT_JOB) / self.mean_calls * warm
        self.solo_total = events * WITHOUT_JOB / 1.5 * warm
        self._prices(random)
        self._storms()

    def _tables(self):
        self.tenants = zipf_table(TENANTS, 1.05, 16)
        self.teams = zipf_table(TEAMS, 0.7, 16)
        self.projects = zipf_table(PROJECTS // 20, 1.0, 16)
        self.features = zipf_table(FEATURES // 20, 0.8, 16)
        self.job_types = zipf_table(JOB_TYPES, 0.9, 20)
        self.subscribers = zipf_table(SUBSCRIBERS, 0.9, 20)
        self.models = zipf_table(MODELS, 1.1, 16)
        self.tasks = zipf_table(TASK_TYPES // 3, 0.8, 16)
        self.operations = weights_table([0.70, 0.18, 0.09, 0.03])
        self.environments = weights_table([0.86, 0.09, 0.05])
        self.stops = weights_table([0.62, 0.25, 0.07, 0.05, 0.01])
        self.failures = weights_table([0.35, 0.2, 0.35, 0.1])

    def _models(self, random):
        self.provider_of = (np.arange(MODELS) * 5 % len(PROVIDER_NAMES)).astype(np.int64)
        self.tier_of = random.choice(3, MODELS, p=[0.35, 0.4, 0.25]).astype(np.int64)
        self.ms_per_token = (4 + random.exponential(12, MODELS) + 6 * self.tier_of).astype(np.float32)

    def _names(self):
        tiers = ["small", "medium", "large"]
        self.provider_names = pa.array(PROVIDER_NAMES)
        self.model_names = pa.array(
            [f"{PROVIDER_NAMES[self.provider_of[i]]}/model-{i:03d}-{tiers[self.tier_of[i]]}" for i in range(MODELS)]
        )
        self.tenant_names, self.team_names = names("org-", TENANTS, 5), names("team-", TEAMS, 3)
        self.project_names, self.feature_names = names("project-", PROJECTS), names("feature-", FEATURES)
        self.job_type_names = names("job-type-", JOB_TYPES, 2)
        self.version_names = pa.array([f"v1.{i}" for i in range(JOB_VERSIONS)])
        self.task_names, self.trace_type_names = names("task-", TASK_TYPES, 2), names("trace-type-", TRACE_TYPES, 2)
        self.subscriber_names, self.credential_names = names("sub-", SUBSCRIBERS, 7), names("cred-", CREDENTIALS, 5)
        self.variant_names = pa.array(["control"] + [f"variant-{chr(97 + i)}" for i in range(VARIANTS - 1)])
        self.job_prefixes = pa.array(["ticket-", "pr-", "claim-", "lead-", "doc-", "call-"])

    def _tags(self, random):
        """Every call has three of twelve tags; some sets of three are common, those with an environment most."""
        values, offsets = [], []
        for key, count in TAG_KEYS.items():
            offsets.append(len(values))
            values += ["prod", "staging", "dev"] if key == "environment" else [f"{key[:3]}-{i}" for i in range(count)]
        self.tag_offsets, self.tag_counts = np.array(offsets), np.array(list(TAG_KEYS.values()))
        self.tag_keys, self.tag_values = pa.array(list(TAG_KEYS)), pa.array(values)
        self.tag_sets = np.array([(a, b, c) for a in range(12) for b in range(a + 1, 12) for c in range(b + 1, 12)])
        weights = random.exponential(1, len(self.tag_sets)) * np.where(self.tag_sets[:, 0] == 0, 6.0, 1.0)
        self.tag_set_table = weights_table(weights)

    def _intensity(self):
        """How many jobs begin in each hour: by the hour of the day, less at weekends, growing by a third."""
        self.hours = np.arange(-WARM_UP_HOURS, DAYS * 24)
        day = self.hours / 24.0
        weekend = np.floor(day).astype(int) % 7 >= 5
        daily = 1 + 0.65 * np.sin((self.hours % 24 - 9) / 24 * 2 * np.pi)
        intensity = daily * np.where(weekend, 0.45, 1.0) * (1 + 0.35 * day / DAYS)
        self.cumulated = np.concatenate([[0], np.cumsum(intensity)])
        self.total = self.cumulated[-1]
        self.live = self.cumulated[-1] - self.cumulated[WARM_UP_HOURS]

    def _prices(self, random):
        """Two or three prices a model in the course of time, as (model, from, USD per million, pico-USD each)."""
        self.price_rows = []
        dated = []
        for model in range(MODELS):
            base = float(np.exp(random.normal([-1.6, 0.2, 1.6][self.tier_of[model]], 0.5)))
            changes = int(random.integers(2, 4)) - 1
            days = [int(random.integers(5 * DAY, 85 * DAY) // PRICE_ALIGN) * PRICE_ALIGN for _ in range(changes)]
            starts = sorted({START - 30 * DAY, *(START + day for day in days)})
            dated.append([])
            for at, start in enumerate(starts):
                usd = base * (1.0 if at == 0 else float(random.uniform(0.5, 1.15)))
                output = round(usd * 4.2, 3)
                usd = [round(usd, 3), round(usd * 0.1, 4), round(usd * 1.25, 4), output, output]
                pico = [int(round(price * 1e6)) for price in usd]
                self.price_rows.append((model, start, usd))
                dated[-1].append((start * MICROS, pico))
        most = max(len(prices) for prices in dated)
        self.price_from = np.full((MODELS, most), np.iinfo(np.int64).max)
        self.price_pico = np.zeros((MODELS, most, len(METERS)), np.int64)
        for model, prices in enumerate(dated):
            for at, (start, pico) in enumerate(prices):
                self.price_from[model, at], self.price_pico[model, at] = start, pico

    def price_table(self, changed=False):
        """The price book, or another one that differs from it by up to 40 % at every price."""
        random = generator(self.seed, 3)
        columns = ["provider", "model", "effective_from", "effective_to"]
        rows = {name: [] for name in columns + [f"{m}_usd_per_mtok" for m in METERS] + [f"p_{m}" for m in METERS]}
        for at, (model, start, usd) in enumerate(self.price_rows):
            following = self.price_rows[at + 1] if at + 1 < len(self.price_rows) else (None, None, None)
            end = following[1] if following[0] == model else START + 4000 * DAY
            factor = float(random.uniform(0.6, 1.4)) if changed else 1.0
            rows["provider"].append(PROVIDER_NAMES[self.provider_of[model]])
            rows["model"].append(self.model_names[model].as_py())
            rows["effective_from"].append(start * MICROS)
            rows["effective_to"].append(end * MICROS)
            for meter, price in zip(METERS, usd):
                price = round(price * factor, 4)
                rows[f"{meter}_usd_per_mtok"].append(price)
                rows[f"p_{meter}"].append(int(round(price * 1e6)))
        times = pa.timestamp("us")
        return pa.table({k: pa.array(v, times if k.startswith("effective") else None) for k, v in rows.items()})

    def _storms(self):
        """Three times a team's calls fail and are tried again and again; the last of these lies in the last week."""
        probe = self.attributes(np.arange(1, 200_001, dtype=np.uint64) | (np.uint64(1) << np.uint64(30)))
        share = np.bincount(probe["team"], minlength=TEAMS) / 200_000
        self.storms = [(7, 20.4, 10), (23, 51.3, 18), (41, 86.2, 30)]  # team, day, hours
        self.storm_calls = [1.6 * share[team] * self.events * 7 / DAYS for team, _, _ in self.storms]

    def attributes(self, jobs):
        """What belongs to a job, as a function of its number alone."""
        index = jobs & INDEX_MASK
        first, second, third = (mix(index ^ self.salt[i]) for i in range(3))
        tenant = self.tenants[bits(first, 0, 16)].astype(np.int64)
        team = (self.teams[bits(first, 16, 16)] + tenant * 7) % TEAMS
        storm = (jobs >> STORM_SHIFT).astype(np.int64)
        for at, (stormy, _, _) in enumerate(self.storms if storm.any() else []):
            team = np.where(storm == at + 1, stormy, team)
        project = (team * 3 + self.projects[bits(first, 32, 16)]) % PROJECTS
        feature = (project * 3 + self.features[bits(first, 48, 16)]) % FEATURES
        known = bits(second, 40, 24)
        return {
            "tenant": tenant,
            "team": team,
            "project": project,
            "feature": feature,
            "job_type": (self.job_types[bits(second, 0, 20)] + team * 2) % JOB_TYPES,
            "subscriber": (self.subscribers[bits(second, 20, 20)] + tenant * 97) % SUBSCRIBERS,
            "credential": (tenant * 2 + bits(third, 16, 2)) % CREDENTIALS,
            "environment": self.environments[bits(third, 18, 16)].astype(np.int64),
            "variant": bits(third, 34, 3) % VARIANTS,
            "model": bits(third, 37, 16),
            "lag": bits(third, 53, 2),
            "storm": storm,
            "no_team": (known & 63) == 0,
            "no_project": ((known >> 6) & 15) == 0,
            "no_feature": ((known >> 10) & 7) == 0,
            "no_subscriber": ((known >> 13) & 7) == 0,
            "no_credential": ((known >> 16) & 127) == 0,
            "no_job_type": ((known >> 16) & 63) == 1,
            "no_job": (jobs & NO_JOB) != 0,
        }

    def job_ids(self, jobs, job_types):
        """Like the numbers of tickets: not in the order of time, each once."""
        number = (jobs & INDEX_MASK).astype(np.int64) + (jobs >> STORM_SHIFT).astype(np.int64) * 50_000_000
        number = number * 387_420_489 % 899_999_963 + 10_000_000  # the modulus is a prime
        prefixes = self.job_prefixes.take(pa.array(job_types % 6))
        return pc.binary_join_element_wise(prefixes, pc.cast(pa.array(number), pa.string()), "")
