"""Latency histograms against sorted values."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.client.histogram import LatencyHistogram


@settings(max_examples=25)
@given(st.lists(st.integers(-1000, 10**14), min_size=1, max_size=200))
def test_it_agrees_with_the_sorted_values_to_three_digits(values: list[int]) -> None:
    histogram = LatencyHistogram()
    for value in values:
        histogram.record(value)
    truth = sorted(min(max(value, 1), 3600 * 10**9) for value in values)
    summary = histogram.summary()
    assert histogram.count == len(values)
    for name, exact in (("min", truth[0]), ("max", truth[-1]), ("mean", sum(truth) / len(truth))):
        assert abs(summary[name] - exact) <= exact / 1000 + 1
    edges, counts = histogram.bars()
    assert sum(counts) == len(values)
    assert edges[0] <= truth[0] * 1.002
    assert edges[-1] >= truth[-1] * 0.998
    assert edges == sorted(edges)


def test_an_empty_one_has_zeros_and_no_bars() -> None:
    assert set(LatencyHistogram().summary().values()) == {0}
    assert LatencyHistogram().bars() == ([], [])


def test_it_shows_its_percentiles() -> None:
    histogram = LatencyHistogram()
    assert repr(histogram) == "LatencyHistogram(no values)"
    for _ in range(1000):
        histogram.record(1500)
    assert repr(histogram) == "LatencyHistogram(1,000 values, p50 1.5 µs, p99 1.5 µs, max 1.5 µs)"
