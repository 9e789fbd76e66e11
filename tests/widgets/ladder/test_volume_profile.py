from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from math import ceil, floor

from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.widgets.core.market_tape import Print, SymbolTape
from hftlab.widgets.ladder import volume_profile
from hftlab.widgets.ladder.volume_profile import VolumeProfile

TICK = 0.01


def put(tape: SymbolTape, *trades: tuple[int, float, int]) -> None:
    """Add trades of (ticks, size, sign)."""
    for ticks, size, sign in trades:
        tape.trades.append(Print(0, ticks / 100, size, sign))
        tape.printed += 1


def summed(trades: list[tuple[int, float, int]], group: int) -> list[tuple[int, float, float]]:
    """The slow way: a sum over all trades."""
    sums: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for ticks, size, sign in trades:
        step = floor(Fraction(ticks, group)) if sign < 0 else ceil(Fraction(ticks, group))
        sums[step][0 if sign < 0 else 1] += size
    return [(step, *sums[step]) for step in sorted(sums)]


TRADES = st.lists(st.tuples(st.integers(17_500, 17_540), st.sampled_from([1.0, 2.0, 8.0]), st.sampled_from([1, -1])))


@settings(max_examples=50)
@given(batches=st.lists(st.tuples(TRADES, st.sampled_from([1, 5, 10])), min_size=1, max_size=6))
def test_it_is_the_sum_of_all_trades_whenever_it_looks(batches):
    tape, so_far = SymbolTape(), []
    profile = VolumeProfile(tape)
    for trades, group in batches:
        put(tape, *trades)
        so_far += trades
        profile.follow(TICK, group)
        assert profile.rows() == summed(so_far, group)
        low, high = 17_510 // group, 17_520 // group
        assert profile.rows(low, high) == [row for row in summed(so_far, group) if low <= row[0] <= high]


def test_equal_trades_are_all_counted():
    tape = SymbolTape()
    profile = VolumeProfile(tape)
    for total in (1.0, 2.0, 3.0):
        put(tape, (100, 1.0, 1))
        profile.follow(TICK, 1)
        assert profile.rows() == [(100, 0.0, total)]


def test_a_replay_that_goes_back_starts_anew():
    tape = SymbolTape()
    profile = VolumeProfile(tape)
    put(tape, (100, 1.0, 1))
    profile.follow(TICK, 1)
    tape.trades.clear()
    tape.epoch += 1
    put(tape, (90, 2.0, -1))
    profile.follow(TICK, 1)
    assert profile.rows() == [(90, 2.0, 0.0)]


def test_the_farthest_prices_are_forgotten_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr(volume_profile, "MOST_PRICES", 10)
    tape = SymbolTape()
    profile = VolumeProfile(tape)
    put(tape, *((ticks, 1.0, 1) for ticks in range(100, 111)))
    profile.follow(TICK, 1)
    profile.follow(TICK, 1)
    assert [row.step for row in profile.rows()] == [106, 107, 108, 109, 110]
