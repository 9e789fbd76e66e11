"""Clearing of one side of a book, which EventBatches do not have: the levels or orders that it takes, one by one."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.book import BookSet
from hftlab.events import BID, CANCEL, CLEAR, COLUMNS, F_LAST, F_MBP, NO_SIDE, NONE, EventBatch
from hftlab.instruments import Instrument

__all__ = ["clears_a_side", "with_sides_cleared"]

_ALL: Final = 1 << 30


def clears_a_side(batch: EventBatch) -> npt.NDArray[np.bool_]:
    """Return which rows are an R with a side, as decode_rows() makes them."""
    found: npt.NDArray[np.bool_] = (batch.action == CLEAR) & (batch.side != NO_SIDE)
    return found


def with_sides_cleared(batch: EventBatch, books: BookSet) -> EventBatch:
    """Put a C for each level, or order, in the place of each R that has a side; one that takes nothing is an N.

    It takes what is at its price or better, all of the side for a price of 0. `books` have what was before the batch,
    and are brought up to its end.
    """
    parts: list[EventBatch] = []
    start = 0
    for at in np.flatnonzero(clears_a_side(batch)).tolist():
        parts.append(batch[start:at])
        books.apply(parts[-1])
        parts.append(_cleared(batch[at : at + 1], books))
        books.apply(parts[-1])
        start = at + 1
    parts.append(batch[start:])
    books.apply(parts[-1])
    return EventBatch.concat(parts)


def _cleared(row: EventBatch, books: BookSet) -> EventBatch:
    is_bid, limit = row.side[0] == BID, int(row.price[0])
    standing = _standing(books, row.instruments[0], is_bid=is_bid)
    gone = [one for one in standing if limit == 0 or (one[0] >= limit if is_bid else one[0] <= limit)]
    columns: dict[str, npt.NDArray[Any]] = {name: np.repeat(getattr(row, name), max(len(gone), 1)) for name in COLUMNS}
    if gone:
        columns["price"], columns["size"], columns["order_id"] = (
            np.array(column, COLUMNS[name])
            for name, column in zip(("price", "size", "order_id"), zip(*gone, strict=True), strict=True)
        )
        columns["action"][:] = CANCEL
        columns["flags"][:-1] &= ~np.uint8(F_LAST)
        columns["flags"][columns["order_id"] == 0] |= F_MBP
    else:
        columns["action"][:], columns["side"][:] = NONE, NO_SIDE
    return EventBatch(**columns, instruments=row.instruments)


def _standing(books: BookSet, instrument: Instrument, *, is_bid: bool) -> list[tuple[int, int, int]]:
    """Return price, lots and order of all that stands on a side; the order is 0 where there are levels only."""
    if instrument not in books:
        return []
    book, found = books[instrument], []
    for price, size, orders in book.bids(_ALL) if is_bid else book.asks(_ALL):
        at = instrument.ticks(price) * instrument.tick
        if orders:
            found += [(at, instrument.lots(lots), order) for order, lots in book.orders("B" if is_bid else "A", price)]
        else:
            found.append((at, instrument.lots(size), 0))
    return found
