"""Deterministic draws: hashes where a value belongs to a job, tables in place of distributions."""

import numpy as np

MICROS = 1_000_000
DAY = 86_400
HOUR = 3_600
DAYS = 90
START = 1_743_984_000
"""2025-04-07 00:00 UTC, a Monday."""


def generator(*seed):
    return np.random.Generator(np.random.SFC64(list(seed)))


def mix(x):
    """The finaliser of splitmix64."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def bits(hashes, shift, count):
    return ((hashes >> np.uint64(shift)) & np.uint64((1 << count) - 1)).astype(np.int64)


def zipf_table(values, exponent, index_bits):
    """A table whose entries, picked evenly, follow Zipf's law."""
    weights = 1.0 / np.arange(1, values + 1) ** exponent
    cumulated = np.cumsum(weights) / weights.sum()
    even = (np.arange(1 << index_bits) + 0.5) / (1 << index_bits)
    return np.minimum(np.searchsorted(cumulated, even), values - 1).astype(np.int32)


def weights_table(weights, index_bits=16):
    """A table whose entries, picked evenly, come as often as their weights say."""
    cumulated = np.cumsum(weights) / np.sum(weights)
    even = (np.arange(1 << index_bits) + 0.5) / (1 << index_bits)
    return np.searchsorted(cumulated, even).astype(np.int32)


def sixteen_bytes(high, low):
    """Two words each, most significant byte first."""
    words = np.empty((len(high), 2), ">u8")
    words[:, 0], words[:, 1] = high, low
    return words
