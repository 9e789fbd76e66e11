from __future__ import annotations

from math import inf, nan

import pytest

from hftlab.widgets.core.numbers import (
    Scale,
    amount,
    clock_time,
    compact,
    data_rate,
    data_size,
    elapsed,
    microseconds,
    percent,
)


@pytest.mark.parametrize(
    ("ns", "text"), [(5, "0.01"), (5_034, "5.03"), (50_340, "50.3"), (9_996, "10.0"), (1_234_567, "1,235"), (None, "–")]
)
def test_latencies_are_in_microseconds_with_three_digits(ns, text):
    assert microseconds(ns) == text


@pytest.mark.parametrize(("ns", "text"), [(9.99e9, "9,990,000"), (1e10, "10.0 s"), (3.6e12, "3,600 s")])
def test_a_latency_of_two_clocks_that_disagree_is_in_seconds(ns, text):
    assert microseconds(ns) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (9_999, "9,999"),
        (9_999.9, "10.0 k"),
        (999_999, "1.00 M"),
        (999_999_999.9, "1.00 G"),
        (5e12, "5.00 T"),
        (2e15, "2,000 T"),
        (-12_345.6, "-12.3 k"),
        (12.345, "12.35"),
        (0.5, "0.500"),
        (0.00012345, "0.000123"),
        (1.6e-8, "0.00000002"),
    ],
)
def test_large_numbers_have_a_power_of_ten_and_small_ones_their_digits(value, text):
    assert compact(value) == text


@pytest.mark.parametrize(("rate", "text"), [(0, "0 B/s"), (999.4, "999 B/s"), (1234, "1.23 kB/s"), (5e6, "5.00 MB/s")])
def test_data_rates(rate, text):
    assert data_rate(rate) == text


@pytest.mark.parametrize("value", [None, nan, inf])
def test_the_unknown_is_a_dash(value):
    assert amount(value, 2) == percent(value) == "\u2013"


def test_amounts_and_changes():
    assert amount(515000.0, 2) == "515,000.00"
    assert percent(1.254) == "+1.25 %"
    assert percent(-0.5) == "-0.50 %"


def test_times_of_day():
    assert clock_time(1_700_000_000_123_456_789) == "22:13:20.123"


class TestScale:
    def test_decimals_follow_prices_and_sizes(self):
        scale = Scale()
        scale.learn([61737.63, 61737.6], [0.00123, 2.0])
        assert (scale.price_decimals, scale.size_decimals, scale.tick) == (2, 5, 0.01)

    def test_whole_prices_keep_their_cents(self):
        scale = Scale()
        scale.learn([515000.0, 515005.0], [100.0])
        assert (scale.price_decimals, scale.size_decimals, scale.tick) == (2, 0, 5.0)

    def test_they_only_grow_finer(self):
        scale = Scale()
        scale.learn([1.00005], [0.5])
        scale.learn([2.0], [3.0])
        assert (scale.price_decimals, scale.size_decimals, scale.tick) == (5, 1, 0.00005)

    def test_the_noise_of_doubles_is_no_decimal(self):
        scale = Scale()
        scale.learn([6173763 * 0.01, 0.1 + 0.2], [0.1 + 0.2])
        assert (scale.price_decimals, scale.size_decimals, scale.tick) == (2, 1, 0.01)

    def test_a_given_tick_is_not_learnt(self):
        scale = Scale(tick=0.25)
        scale.learn([5000.0, 5001.0], [1.0])
        assert (scale.price_decimals, scale.tick) == (2, 0.25)

    @pytest.mark.parametrize("tick", [0, -1, nan, inf])
    def test_a_tick_must_be_positive(self, tick):
        with pytest.raises(ValueError, match="tick"):
            Scale(tick)

    def test_an_odd_common_factor_is_chance(self):
        scale = Scale()
        scale.learn([0.03, 0.09], [])
        assert scale.tick == 0.01

    def test_nothing_seen_has_no_tick(self):
        assert Scale().tick is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.9, "59 s"), (192, "3 min 12 s"), (7_500, "2 h 05 min"), (360_000, "100 h 00 min")],
)
def test_how_long_something_has_lasted(seconds, text):
    assert elapsed(seconds) == text
    assert elapsed(0.44, tenths=True) == "0.4 s"


def test_sizes_of_data():
    assert [data_size(size) for size in (999, 2_300, 5_060_000)] == ["999 B", "2.30 kB", "5.06 MB"]
