"""Random orders of three accounts at the simulated exchange: nothing appears, nothing is lost, and all books agree."""

from __future__ import annotations

from collections import defaultdict

import pytest

from hftlab.clock import NANOSECONDS
from tests.trading.trading_floor import Floor

MILLISECOND = NANOSECONDS // 1000
SHARED = 20
"""Sequences that share an exchange; each has accounts of its own."""
SEQUENCES = 500
LATENCIES = (0, 0, 2 * MILLISECOND, 150 * MILLISECOND)


def play(first: int, count: int) -> dict[str, int]:
    """Play and check the sequences with these seeds, a multiple of SHARED; returns how often what has happened."""
    happened: defaultdict[str, int] = defaultdict(int)
    for seed in range(first, first + count, SHARED):
        floor = Floor(seed, SHARED, LATENCIES[seed // SHARED % len(LATENCIES)])
        for number in range(SHARED):
            try:
                floor.play(seed + number, number, 10)
                floor.check()
                floor.end()
                floor.check()
            except Exception as exc:
                exc.add_note(f"sequence {seed + number}: play({seed}, {SHARED}) repeats it")
                raise
            happened["fill"] += len(floor.fills())
        for name, times in floor.counts.items():
            happened[name] += times
    return happened


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("first", "count"),
    [
        (0, 200),
        *(pytest.param(first, SEQUENCES, marks=pytest.mark.soak) for first in range(0, 100_000, SEQUENCES)),
    ],
)
def test_cash_shares_and_orders_are_conserved(first: int, count: int) -> None:
    """A hundred thousand sequences of ten requests, two hundred of them in every run."""
    happened = play(first, count)
    assert happened["fill"] > count
    for name in ("NEW_ORDER", "CANCEL_ORDER", "REPLACE_ORDER", "CANCEL_ALL", "halt", "uncross", "close_day", "band"):
        assert happened[name] > 10, name
