"""Events as lines of Binance, read again: books and trades are the same."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hftlab.book import BookSet
from hftlab.errors import ArgumentError, EventError
from hftlab.events import ADD, BID, CANCEL, CLEAR, COLUMNS, F_LAST, F_MBP, MODIFY, NONE, TRADE, EventBatch
from hftlab.instruments import UNIT, Instrument, find_instrument
from hftlab.venues import binance

SPOT, FUTURE, STOCK = (
    find_instrument(*key) for key in (("BTCUSDT", "BINANCE"), ("BTCUSDT", "BINANCE_USDM"), ("AAPL",))
)
assert SPOT is not None and FUTURE is not None and STOCK is not None
NOW = 1_760_000_000 * UNIT


def batch_of(rows: list[dict[str, Any]], instrument: Instrument = SPOT) -> EventBatch:
    """Rows of whole events; what is not given is 0, and the time goes on by `after` ns."""
    columns = {name: np.zeros(len(rows), kind) for name, kind in COLUMNS.items()}
    columns["ts_event"][:] = NOW + np.cumsum([row.get("after", 5_000) for row in rows])
    columns["ts_recv"][:] = columns["ts_event"] + 7
    columns["flags"][:] = F_LAST
    columns["side"][:] = ord("N")
    for number, row in enumerate(rows):
        for name, value in row.items():
            if name in columns:
                columns[name][number] = value
    return EventBatch(**columns, instruments=(instrument,))


def books_after(batches: Any, instrument: Instrument) -> list[tuple[int, Any]]:
    """The totals of the book's levels after every time at which they have changed."""
    books, found = BookSet(), []
    for batch in batches:
        for number in range(len(batch)):
            books.apply(batch[number : number + 1])
            if not batch.flags[number] & F_LAST:
                continue
            book = books[instrument]
            state = [[(price, size) for price, size, _ in side] for side in (book.bids(50), book.asks(50))]
            at = int(batch.ts_event[number]) // 1000
            if found and found[-1][0] == at:
                found.pop()
            if not found or found[-1][1] != state:
                found.append((at, state))
    return found


LEVEL = {"flags": F_LAST | F_MBP}
STEPS = st.lists(
    st.fixed_dictionaries(
        {
            "action": st.sampled_from([MODIFY, MODIFY, MODIFY, CANCEL, TRADE, CLEAR, NONE]),
            "side": st.sampled_from(list(b"BA")),
            "price": st.integers(1, 6),
            "size": st.integers(1, 3),
            "after": st.sampled_from([0, 1_000, 1_000_000]),
        }
    ),
    min_size=1,
    max_size=30,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(STEPS, st.sampled_from([SPOT, FUTURE]), st.integers(0, 30))
def test_books_and_trades_come_back(tmp_path: Path, steps: list[dict[str, Any]], on: Instrument, cut: int) -> None:
    for step in steps:
        step["price"] = (step["price"] + (0 if step["side"] == BID else 6)) * on.tick
        step["flags"] = F_LAST | (0 if step["action"] in (TRADE, CLEAR, NONE) else F_MBP)
        if step["action"] in (CLEAR, NONE):
            step |= {"side": ord("N"), "price": 0, "size": 0}
    first = {"action": MODIFY, "side": BID, "price": on.tick, "size": 9, **LEVEL}
    rows = batch_of([first, *steps], on)
    binance.write(tmp_path / "day", [rows[:cut], rows[cut:]])
    reader = binance.read(tmp_path / "day")
    again = EventBatch.concat(reader)
    assert reader.instrument == on
    assert reader.stats.gaps == 0
    assert books_after([again], on) == books_after([rows], on)
    traded, found = rows.action == TRADE, again.action == TRADE
    for name in ("side", "price", "size", "ts_recv"):
        assert getattr(again, name)[found].tolist() == getattr(rows, name)[traded].tolist()
    assert again.sequence[found].tolist() == list(range(1, int(traded.sum()) + 1))


def test_orders_are_written_as_totals(tmp_path: Path) -> None:
    add = {"action": ADD, "side": BID, "price": 5 * SPOT.tick, "size": 2}
    orders = batch_of([add | {"order_id": 1}, add | {"order_id": 2}, add | {"action": CANCEL, "order_id": 1}])
    binance.write(tmp_path / "day.gz", orders)
    lines = gzip.decompress((tmp_path / "day.gz").read_bytes()).decode().splitlines()
    assert [line.partition('"b":')[2] for line in lines if "depthUpdate" in line] == [
        '[["0.05000000","0.00000200"]],"a":[]}}',
        '[["0.05000000","0.00000400"]],"a":[]}}',
        '[["0.05000000","0.00000200"]],"a":[]}}',
    ]


class TestErrors:
    def test_a_file_has_one_instrument_of_binance(self, tmp_path: Path) -> None:
        rows = batch_of([{"action": NONE}])
        with pytest.raises(ArgumentError, match=r"events of BTCUSDT and of BTCUSDT.*: write a file for each"):
            binance.write(tmp_path / "day", [rows, batch_of([{"action": NONE}], FUTURE)])
        with pytest.raises(ArgumentError, match="AAPL is not of one of Binance's markets"):
            binance.write(tmp_path / "day", batch_of([{"action": NONE}], STOCK))
        with pytest.raises(ArgumentError, match="no events to write"):
            binance.write(tmp_path / "day", [])

    def test_times_before_1970(self, tmp_path: Path) -> None:
        with pytest.raises(EventError, match="before 1970"):
            binance.write(tmp_path / "day", batch_of([{"action": NONE, "after": -2 * NOW}]))
