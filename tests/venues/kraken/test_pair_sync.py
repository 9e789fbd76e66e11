"""Reliability of one pair's book over time: how many failures count."""

from __future__ import annotations

from hftlab.instruments import UNIT, Instrument
from hftlab.venues.kraken import KRAKEN
from hftlab.venues.kraken.frames import BookData
from hftlab.venues.kraken.pair_sync import PairSync
from hftlab.venues.symbol_parts import Change

INSTRUMENT = Instrument("BTC/USD", KRAKEN, UNIT // 10, 10, "USD")
GOOD, BAD = BookData("BTC/USD", [], [], 0), BookData("BTC/USD", [], [], 1)


def test_failures_are_forgotten_when_the_book_was_right_for_a_minute() -> None:
    pair = PairSync(INSTRUMENT)
    for second in (1, 2):
        pair.book(GOOD, second * UNIT, 1, is_snapshot=True)
        pair.book(BAD, second * UNIT, 1, is_snapshot=False)
    assert pair.attempts == 2
    assert not pair.is_reliable
    pair.book(GOOD, 63 * UNIT, 1, is_snapshot=True)
    assert pair.is_reliable
    assert pair.attempts == 0


def test_updates_of_a_wrong_book_are_not_failures_of_their_own() -> None:
    pair = PairSync(INSTRUMENT)
    pair.book(GOOD, UNIT, 1, is_snapshot=True)
    for _ in range(3):
        pair.book(BAD, UNIT, 1, is_snapshot=False)
    assert pair.attempts == 1
    assert pair.verification.differing == 3


def test_a_snapshot_that_nobody_has_asked_for_is_told() -> None:
    """As a replay in the venue's wire brings one behind a seek: what was between has not come."""
    pair = PairSync(INSTRUMENT)
    for second in (1, 2):
        pair.book(GOOD, second * UNIT, 1, is_snapshot=True)
    changes = [part for part in pair.take() if isinstance(part, Change)]
    why = "the venue has begun the book anew, unasked: what was before may be missing"
    assert [(change.at, change.reason) for change in changes] == [(UNIT, None), (2 * UNIT, why), (2 * UNIT, None)]
    assert pair.is_reliable
    assert not pair.needs_snapshot
