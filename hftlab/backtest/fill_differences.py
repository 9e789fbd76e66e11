"""Differences between a recorded order's fills and those of a stand-in in the recorded queues, each with its reason."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

import polars as pl

from hftlab.backtest.left_out_orders import LeftOut, Without
from hftlab.backtest.stand_in import StandIn
from hftlab.events import BID, F_LAST, FILL, NO_SIDE, TRADE, EventBatch
from hftlab.kernels.compiling import IntArray

__all__ = ["SCHEMA", "Reason", "first_difference"]


class Reason(StrEnum):
    """Why the recorded queues do not give an order the fills that it had."""

    OUT_OF_TURN = "out of turn"
    """It was executed while others stood ahead of it in the queue."""
    PASSED_OVER = "passed over"
    """Another that stood behind it was executed first."""
    HIDDEN_TRADE = "hidden trade"
    """A trade at its price named no displayed order, although it was displayed, and was not with it."""
    TRADED_THROUGH = "traded through"
    """A trade at a worse price than its own was not with it."""
    CROSSED = "crossed"
    """Its price met the other side of the book, and it did not trade."""
    AUCTION = "auction"
    """An auction traded at a worse price than its own, and not with it."""
    OTHER = "other"
    """None of these."""


SCHEMA: Final = pl.Schema(
    {
        "order_id": pl.UInt64(),
        "symbol": pl.String(),
        "at": pl.Int64(),
        "reason": pl.Enum([reason.value for reason in Reason]),
        "ahead": pl.Int64(),
        "filled": pl.Int64(),
        "modelled": pl.Int64(),
    }
)


def first_difference(
    order: LeftOut, batch: EventBatch, times: IntArray, rest: Without, stand_in: StandIn
) -> dict[str, Any]:
    """Return where the fills of an order and of its stand-in part, and why: at, reason, ahead, filled and modelled.

    `batch` is the recording, `rest` the rows without the order, and the stand-in has just been entered. It is played
    row by row. The fills must differ at some time.
    """
    fills = order.rows[batch.action[order.rows] == FILL]
    real = dict(zip(fills.tolist(), batch.size[fills].tolist(), strict=True))
    requests = {request.row: request for request in order.requests}
    places = {number: place for place, number in enumerate(rest.numbers.tolist())}
    steps: list[dict[str, Any]] = []
    for row in sorted({int(order.rows[0]), *requests, *places}):
        ahead = stand_in.ahead
        if row in requests:
            stand_in.ask(requests[row], int(times[row]))
        if row in places:
            stand_in.play(1)
        modelled, filled = sum(fill["size"] for fill in stand_in.take()), real.get(row, 0)
        if modelled == filled:
            continue
        if filled > modelled:
            reason = Reason.OUT_OF_TURN if ahead else Reason.OTHER
        else:
            reason = _reason(order, rest, places[row]) if row in places else Reason.CROSSED
        step = {"at": int(times[row]), "reason": reason.value, "ahead": ahead, "filled": filled, "modelled": modelled}
        steps.append(step)
    # What evens out within a time is the same fill: a venue may print it together or one by one.
    beside: dict[int, int] = {}
    for step in steps:
        beside[step["at"]] = beside.get(step["at"], 0) + step["modelled"] - step["filled"]
    return next(step for step in steps if beside[step["at"]])


def _reason(order: LeftOut, rest: Without, place: int) -> Reason:
    """Return why a stand-in was filled at a row and the recorded order was not."""
    batch = rest.batch
    if batch.action[place] not in (TRADE, FILL):
        return Reason.CROSSED
    if batch.side[place] == NO_SIDE:
        return Reason.AUCTION
    price = _price(order, int(rest.numbers[place]))
    at = int(batch.price[place])
    if at != price:
        return Reason.TRADED_THROUGH if (at < price) == (order.side == BID) else Reason.OTHER
    return Reason.PASSED_OVER if batch.action[place] == FILL or _names_order(batch, place) else Reason.HIDDEN_TRADE


def _price(order: LeftOut, row: int) -> int:
    """Return the order's price at a row."""
    prices = [request.price for request in order.requests if request.row < row]
    return prices[-1] if prices else order.price


def _names_order(batch: EventBatch, place: int) -> bool:
    """Tell whether an F row says whom a T row was with."""
    while place + 1 < len(batch) and not batch.flags[place] & F_LAST:
        place += 1
        if batch.instrument_id[place] == batch.instrument_id[place - 1] and batch.action[place] != FILL:
            return False
        if batch.action[place] == FILL:
            return True
    return False
