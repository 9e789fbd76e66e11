"""Orders of a recording that can be left out of it, what their owners asked for, and the rows without one of them."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.events import ADD, ASK, BID, CANCEL, COLUMNS, F_LAST, F_SNAPSHOT, FILL, MODIFY, TRADE, EventBatch
from hftlab.kernels.compiling import IntArray

__all__ = ["Ask", "LeftOut", "Request", "Without", "orders_of", "without"]

_OF_ORDERS: Final = np.array([ADD, CANCEL, MODIFY, FILL], np.uint8)


class Ask(IntEnum):
    """Kind of a request."""

    REDUCE = 0  # by so many lots, all that is left included
    REPLACE = 1  # by so many lots more (or less), at a price
    RELOAD = 2  # an iceberg shows so many lots more, behind the others of its level


class Request(NamedTuple):
    """Change of a recorded order at a row, other than an execution, by so many `lots`."""

    row: int
    kind: Ask
    lots: int
    price: int


class LeftOut(NamedTuple):
    """Recorded order: the numbers of its rows, and what was asked of it after it came."""

    order_id: int
    instrument: int
    rows: npt.NDArray[np.int64]
    side: int
    price: int
    lots: int
    """Those that it came with."""
    requests: tuple[Request, ...]
    size: int
    """Lots in all: those that it came with and those that were added."""
    was_cancelled: bool
    """True if the last request ended it, False if the last of its executions did."""


class Without(NamedTuple):
    """Rows of a recording without one of its orders, from when it came on; `numbers` are those of the recording."""

    batch: EventBatch
    times: IntArray
    numbers: npt.NDArray[np.int64]


def orders_of(batch: EventBatch) -> list[LeftOut]:
    """Return the orders that were added and have ended in the rows, by when they came.

    Left out are those with rows that are not the venue's own (F_SNAPSHOT), and those whose number came twice.
    """
    rows = np.flatnonzero(np.isin(batch.action, _OF_ORDERS) & (batch.order_id != 0))
    rows = rows[np.lexsort((rows, batch.order_id[rows], batch.instrument_id[rows]))]
    ids, books = batch.order_id[rows], batch.instrument_id[rows]
    starts = np.flatnonzero((ids[1:] != ids[:-1]) | (books[1:] != books[:-1])) + 1
    found = [made for group in np.split(rows, starts) if (made := _order_of(batch, group)) is not None]
    found.sort(key=lambda one: int(one.rows[0]))
    return found


def _order_of(batch: EventBatch, rows: npt.NDArray[np.int64]) -> LeftOut | None:
    """Follow an order through its rows; None if they are not the whole of it."""
    if len(rows) < 2 or batch.action[rows[0]] != ADD or (batch.flags[rows] & F_SNAPSHOT).any():
        return None
    came = int(rows[0])
    side, first_price, first_lots = int(batch.side[came]), int(batch.price[came]), int(batch.size[came])
    if side not in (BID, ASK) or first_lots <= 0:
        return None
    size = lots = first_lots
    price, booked, by_request = first_price, 0, False
    requests: list[Request] = []
    columns = (batch.action, batch.size, batch.price)
    for row, action, amount, at in zip(rows[1:].tolist(), *(one[rows[1:]].tolist() for one in columns), strict=True):
        if action == FILL:
            booked += amount
            continue
        if action == ADD or lots == 0:
            return None
        # What traded is told by F rows, and booked by the C or M that follow them.
        traded = min(booked, lots)
        left = amount if action == MODIFY else lots - amount
        by_request = left != lots - traded or (action == MODIFY and at != price)
        if action == CANCEL and amount <= traded:
            by_request, booked = False, booked - amount
        elif by_request:
            request = _request(row, lots - traded, left, at if action == MODIFY else price, price, traded > 0)
            requests.append(request)
            size += max(request.lots, 0) if request.kind != Ask.REDUCE else 0
            price, booked = request.price, 0
        else:
            booked = 0
        lots = left
    if lots:
        return None
    number, book = int(batch.order_id[came]), int(batch.instrument_id[came])
    return LeftOut(number, book, rows, side, first_price, first_lots, tuple(requests), size, by_request)


def _request(row: int, before: int, after: int, price: int, old_price: int, has_traded: bool) -> Request:
    if price != old_price:
        return Request(row, Ask.REPLACE, after - before, price)
    if after < before:
        return Request(row, Ask.REDUCE, before - after, price)
    return Request(row, Ask.RELOAD if has_traded else Ask.REPLACE, after - before, price)


def without(batch: EventBatch, times: IntArray, order: LeftOut, stop: int) -> Without:
    """Return the rows from the order's first up to `stop`, without those of the order.

    Its executions stay as trades that name nobody: each F row of it becomes a T, and the T before it, which told of the
    same lots, has so many less.
    """
    first = int(order.rows[0])
    numbers = np.arange(first, stop)
    columns = {name: getattr(batch, name)[first:stop].copy() for name in COLUMNS}
    action, size, flags = columns["action"], columns["size"], columns["flags"]
    keep = np.ones(stop - first, np.bool_)
    for row in (order.rows - first).tolist():
        if action[row] == FILL:
            told = _trade_before(columns, row)
            if told is not None:
                size[told] -= size[row]
                keep[told] = size[told] > 0
            action[row], columns["order_id"][row] = TRADE, 0
            columns["side"][row] = BID if columns["side"][row] == ASK else ASK
        else:
            keep[row] = False
    _end_events(flags, keep)
    made = EventBatch(**{name: values[keep] for name, values in columns.items()}, instruments=batch.instruments)
    return Without(made, times[first:stop][keep], numbers[keep])


def _trade_before(columns: dict[str, npt.NDArray[np.generic]], row: int) -> int | None:
    """Return the T row of the same event that told of an F row's lots; None if there is none."""
    action, size, flags, book = (columns[name] for name in ("action", "size", "flags", "instrument_id"))
    at = row - 1
    while at >= 0 and not int(flags[at]) & F_LAST:
        if action[at] == TRADE and book[at] == book[row]:
            return at if size[at] >= size[row] else None
        at -= 1
    return None


def _end_events(flags: npt.NDArray[np.uint8], keep: npt.NDArray[np.bool_]) -> None:
    """Put F_LAST on the last row that is kept of each event."""
    for row in np.flatnonzero(~keep & (flags & F_LAST != 0)).tolist():
        at = row - 1
        while at >= 0 and not keep[at] and not flags[at] & F_LAST:
            at -= 1
        if at >= 0 and keep[at]:
            flags[at] |= F_LAST
