"""Short recordings of orders, written by hand: letters for what happens to whom."""

from __future__ import annotations

from typing import Final

from hftlab.events import ADD, ASK, BID, CANCEL, F_LAST, FILL, MODIFY, TRADE, EventBatch
from hftlab.instruments import NASDAQ, UNIT, Instrument
from tests.backtest.listed_rows import ListedRows, Row

LISTED: Final = Instrument("AAA", NASDAQ, tick=UNIT // 100, lot=UNIT, currency="USD")
ONE: Final = 7
"""Number of the order that the tests leave out: a bid at 100."""
SECOND: Final = 10**9


def batch_of(rows: list[Row]) -> EventBatch:
    """The rows as a batch."""
    block = ListedRows([LISTED], [rows]).block(0)
    assert block is not None
    return block.batch


def add(time: int, order: int, size: int, price: int = 100, side: int = BID) -> list[Row]:
    return [Row(time, ADD, side, price, size, order)]


def cancel(time: int, order: int, size: int, price: int = 100, side: int = BID) -> list[Row]:
    return [Row(time, CANCEL, side, price, size, order)]


def modify(time: int, order: int, size: int, price: int = 100, side: int = BID) -> list[Row]:
    return [Row(time, MODIFY, side, price, size, order)]


def hidden(time: int, size: int, price: int = 100) -> list[Row]:
    """A seller's trade that names nobody."""
    return [Row(time, TRADE, ASK, price, size)]


def execute(time: int, *parts: tuple[int, int], price: int = 100, prints: bool = True) -> list[Row]:
    """A seller trades with bids: of each (order, size) with a print of its own, or with one for all."""
    rows = [] if prints else [Row(time, TRADE, ASK, price, sum(size for _, size in parts), 0, 0, 0)]
    for order, size in parts:
        told = [Row(time, TRADE, ASK, price, size, 0, 0, 0)] if prints else []
        rows += [
            *told,
            Row(time, FILL, BID, price, size, order, 0, 0),
            Row(time, CANCEL, BID, price, size, order, 0, 0),
        ]
    return [*rows[:-1], rows[-1]._replace(flags=F_LAST)]
