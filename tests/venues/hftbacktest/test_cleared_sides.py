from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hftlab.events import F_LAST, EventBatch
from hftlab.venues import hftbacktest
from hftlab.venues.hftbacktest import event_format as form
from tests.venues.hftbacktest.arrays import ASK, BID, Event, read_rows, write_array

DEPTH = form.DEPTH
LEVELS = (Event(DEPTH | BID, 9.0, 1.0), Event(DEPTH | BID, 8.0, 2.0), Event(DEPTH | ASK, 11.0, 3.0))


@pytest.mark.parametrize(("limit", "gone"), [(9.5, []), (9.0, [9.0]), (8.0, [9.0, 8.0]), (np.nan, [9.0, 8.0])])
def test_levels_up_to_the_price(path: Path, limit: float, gone: list[float]) -> None:
    clearing = Event(form.DEPTH_CLEAR | BID, limit, exch=2)
    found = read_rows(path, *LEVELS, clearing, Event(DEPTH | BID, 9.0, 4.0, exch=3))
    assert [(price, size) for action, _, price, size, _ in found if action == "C"] == [
        (price, {9.0: 1.0, 8.0: 2.0}[price]) for price in gone
    ]
    assert found[3][0] == ("C" if gone else "N")
    assert [flags & F_LAST for *_, flags in found[3:]] == [0] * (len(gone) - 1) + [F_LAST, F_LAST]


def test_of_asks_below_it(path: Path) -> None:
    found = read_rows(path, *LEVELS, Event(form.DEPTH_CLEAR | ASK, 10.0), Event(form.DEPTH_CLEAR | ASK, 12.0))
    assert [row[:3] for row in found[3:]] == [("N", "N", 10.0), ("C", "A", 11.0)]


def test_orders_one_by_one(path: Path) -> None:
    added = [Event(form.ADD_ORDER | BID, 9.0, 1.0, order=number) for number in (5, 6)]
    found = read_rows(path, Event(form.DEPTH_CLEAR | ASK), *added, Event(form.DEPTH_CLEAR | BID, exch=2))
    assert [row[0] for row in found] == ["N", "A", "A", "C", "C"]
    assert found[-1][-1] == F_LAST


def test_the_whole_book(path: Path) -> None:
    reader = hftbacktest.read(write_array(path, *LEVELS, Event(form.DEPTH_CLEAR)))
    assert bytes(EventBatch.concat(reader).action) == b"MMMR"
    assert reader.stats.sides_cleared == 0
