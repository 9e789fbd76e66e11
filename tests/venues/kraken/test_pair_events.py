"""Rows of one pair: the depth that a snapshot tells, and times that are missing."""

from __future__ import annotations

import pytest

from hftlab.instruments import UNIT, Instrument
from hftlab.venues.kraken import KRAKEN
from hftlab.venues.kraken.checksums import Verification
from hftlab.venues.kraken.frames import BookData, decode_frame
from hftlab.venues.kraken.pair_events import PairEvents, Stats, Verdict
from hftlab.venues.level_batch_builder import LevelBatchBuilder
from tests.venues.kraken_frames import OracleBook, book_frame

INSTRUMENT = Instrument("BTC/USD", KRAKEN, UNIT // 10, 10, "USD")


def events() -> PairEvents:
    rows = LevelBatchBuilder()
    return PairEvents(rows, rows.add_instrument(INSTRUMENT), INSTRUMENT, Verification(), Stats())


def data_of(payload: bytes) -> BookData:
    (data,) = decode_frame(payload).books()  # type: ignore[union-attr]
    return data


@pytest.mark.parametrize(("levels", "depth"), [(0, 10), (10, 10), (11, 25), (25, 25), (999, 1000), (1001, 1000)])
def test_without_an_answer_the_depth_is_the_smallest_that_holds_the_snapshot(levels: int, depth: int) -> None:
    pair, book = events(), OracleBook(1000)
    bids = {f"{at}.5": "1.00000000" for at in range(levels)}
    book.apply(bids.items(), [], is_snapshot=True)
    data = data_of(book_frame("snapshot", bids, {}, book.checksum()))
    assert pair.apply(data, UNIT, 1, is_snapshot=True).verdict is Verdict.GOOD
    assert pair.depth == depth


def test_a_snapshot_without_a_time_has_that_of_the_newest_event_else_that_of_its_receipt() -> None:
    pair = events()
    data = data_of(book_frame("snapshot", {}, {}, 0))
    told = pair.apply(data, 5, 1, is_snapshot=True).head.ts_event
    data.timestamp = None
    assert events().apply(data, 5, 1, is_snapshot=True).head.ts_event == 5
    assert pair.apply(data, 5, 1, is_snapshot=True).head.ts_event == told


def test_an_update_before_the_first_snapshot_is_not_passed_on() -> None:
    pair = events()
    applied = pair.apply(data_of(book_frame("update", {"1.0": "1"}, {}, 0)), 5, 1, is_snapshot=False)
    pair.add(applied)
    assert applied.verdict is Verdict.NO_BOOK
    assert not pair.has_book
