from __future__ import annotations

import math
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.clock import Clock, check_time, duration, from_milliseconds, nanoseconds, to_milliseconds

SECOND = 1_000_000_000


class Timer:
    """Real time in the hands of the test."""

    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns


@given(st.integers(1, 8_640_000_000_000_000))
def test_microseconds_survive_the_wire(microseconds: int) -> None:
    """Up to the year 2255 a double of milliseconds has room for three decimals."""
    ns = microseconds * 1000
    assert from_milliseconds(to_milliseconds(ns)) == ns


@given(st.integers(1, 8_640_000_000_000_000_000))
def test_the_wire_has_whole_microseconds(ns: int) -> None:
    assert from_milliseconds(to_milliseconds(ns)) == ns // 1000 * 1000


@given(st.floats(0.001, 9.2e12))
def test_any_other_double_becomes_the_nearest_nanosecond(ms: float) -> None:
    """Against exact arithmetic."""
    ns = from_milliseconds(ms)
    assert to_milliseconds(ns) == ms or abs(Fraction(ms) * 1_000_000 - ns) <= Fraction(1, 2)


@pytest.mark.parametrize("ns", [1.5, math.nan, math.inf, None, "1", 2**63, -(2**63) - 1, np.float64(1)])
def test_a_time_is_a_whole_number_that_int64_holds(ns: Any) -> None:
    with pytest.raises(ValueError, match=r"ts_recv is .*: a time is a whole number of nanoseconds"):
        check_time(ns, "ts_recv")


@pytest.mark.parametrize("ns", [0, -(2**63), 2**63 - 1, np.int64(5), np.uint32(5)])
def test_a_time_becomes_an_int(ns: Any) -> None:
    assert (check_time(ns, "ts_recv"), type(check_time(ns, "ts_recv"))) == (ns, int)


def test_a_clock_follows_real_time_at_its_speed() -> None:
    timer = Timer()
    clock = Clock(1000, 10, timer=timer)
    timer.ns += 5
    assert clock.now() == 1050
    assert clock.seconds_until(1050 + 10 * SECOND) == 1.0
    assert clock.seconds_until(0) == 0.0


def test_a_paused_clock_stands_until_it_is_resumed() -> None:
    timer = Timer()
    clock = Clock(1000, timer=timer)
    timer.ns += 5
    clock.pause()
    timer.ns += 100
    assert clock.now() == 1005
    assert clock.seconds_until(2000) == math.inf
    clock.step(10)
    clock.resume()
    timer.ns += 1
    assert clock.now() == 1016


def test_changing_the_speed_does_not_make_time_jump() -> None:
    timer = Timer()
    clock = Clock(0, 2, timer=timer)
    timer.ns += 100
    clock.speed = 3
    assert clock.now() == 200
    timer.ns += 100
    assert clock.now() == 500


def test_an_unpaced_clock_is_moved_by_the_work() -> None:
    clock = Clock(5, math.inf)
    assert clock.unpaced
    assert clock.seconds_until(10**18) == 0.0
    clock.reach(100)
    clock.reach(50)
    assert clock.now() == 100


def test_only_an_unpaced_clock_can_be_reached_forward() -> None:
    clock = Clock(5, paused=True)
    clock.reach(100)
    assert clock.now() == 5


@pytest.mark.parametrize("speed", [0, -1, math.nan])
def test_a_speed_must_be_above_nothing(speed: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Clock(speed=speed)
    with pytest.raises(ValueError, match="above 0"):
        Clock().speed = speed


def test_who_watches_a_clock_is_told_of_each_change_but_not_of_the_work() -> None:
    clock = Clock(0, paused=True)
    seen: list[str] = []
    end = clock.watch(lambda: seen.append(repr(clock)))
    clock.resume()
    clock.speed = math.inf
    clock.reach(100)
    clock.set(200)
    clock.pause()
    clock.step(5)
    assert len(seen) == 5
    assert seen[-1] == "Clock(205 ns, paused)"
    end()
    clock.resume()
    assert len(seen) == 5


@pytest.mark.parametrize(
    ("when", "ns"),
    [
        (7, 7),
        (datetime(1970, 1, 1, 0, 0, 1, 5), 1_000_005_000),
        (datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), 0),
        ("1970-01-01", 0),
        ("1970-01-01T00:00:01.000000001", 1_000_000_001),
        ("1970-01-01 01:00:00.5+01:00", 500_000_000),
        ("1970-01-01T00:00:01Z", 1_000_000_000),
    ],
)
def test_a_time_is_a_number_a_datetime_or_text(when: int | datetime | str, ns: int) -> None:
    assert nanoseconds(when) == ns


@pytest.mark.parametrize(
    ("when", "ns"),
    [
        (date(1970, 1, 2), 86_400 * SECOND),
        (np.datetime64("1970-01-02"), 86_400 * SECOND),
        (np.datetime64("1970-01-01T00:00:01"), SECOND),
        (np.datetime64("1970-01-01T00:00:00.000005", "us"), 5_000),
        (np.datetime64("1970-01-01T00:00:00.000000005", "ns"), 5),
        (np.int64(7), 7),
    ],
)
def test_dates_and_scalars_of_numpy_are_times(when: Any, ns: int) -> None:
    assert nanoseconds(when) == ns


def test_nanoseconds_of_pandas_are_kept() -> None:
    pandas = pytest.importorskip("pandas")
    assert nanoseconds(pandas.Timestamp("1970-01-01T00:00:01.000000789")) == SECOND + 789
    assert nanoseconds(pandas.Timestamp("1970-01-01T01:00:00.000000789", tz="Europe/Berlin")) == 789
    with pytest.raises(ValueError, match="NaT is not a time"):
        nanoseconds(pandas.NaT)


@pytest.mark.parametrize("when", [math.nan, math.inf, None, b"7", [], np.datetime64("NaT"), np.float64("nan")])
def test_what_is_no_time_is_refused_in_words(when: Any) -> None:
    with pytest.raises(ValueError, match="is not a time: give nanoseconds, a datetime, or ISO 8601 text"):
        nanoseconds(when)


@pytest.mark.parametrize("text", ["", "noon", "12", "1970-01-01T00:00:01.0000000001"])
def test_text_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        nanoseconds(text)


@pytest.mark.parametrize(
    ("length", "ns"), [(1.5, 1_500_000_000), ("250us", 250_000), ("10 ms", 10_000_000), ("1.5s", 1_500_000_000),
                       ("2m", 120 * 10**9), ("1h", 3600 * 10**9), ("7ns", 7)]
)  # fmt: skip
def test_a_length_of_time_is_seconds_or_text(length: float | str, ns: int) -> None:
    assert duration(length) == ns


@pytest.mark.parametrize("length", ["", "1", "1 day", "-1s", 0, -2.0, "0s", float("nan"), float("inf")])
def test_what_is_no_length_of_time_is_refused(length: float | str) -> None:
    with pytest.raises(ValueError, match="length of time"):
        duration(length)
