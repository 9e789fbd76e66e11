"""Histograms of durations against sorted lists."""

from __future__ import annotations

import random

import pytest

from hftlab.server.durations import Durations


class TestDurations:
    def test_buckets_count_what_is_at_most_their_bound(self) -> None:
        """Against a sorted list."""
        chance = random.Random(7)
        bounds = (0.25, 0.5, 1.0)
        values = [chance.choice([0.0, 0.25, 0.3, 0.5, 0.75, 1.0, 2.0]) for _ in range(100)]
        durations = Durations("test_seconds", "A test.", bounds)
        for one in values:
            durations.add(one)
        (metric,) = durations.metric.collect()
        for sample in metric.samples:
            if sample.name.endswith("_bucket"):
                assert sample.value == sum(one <= float(sample.labels["le"]) for one in values)
        summary = durations.summary()
        assert summary["mean"] == pytest.approx(sum(values) / 100)
        assert (summary["count"], summary["max"]) == (100, 2.0)
        middle = sorted(values)[49]
        assert summary["p50"] == min(bound for bound in bounds if bound >= middle)

    def test_without_values_all_is_nothing(self) -> None:
        assert set(Durations("test_seconds", "A test.", (1.0,)).summary().values()) == {0}
