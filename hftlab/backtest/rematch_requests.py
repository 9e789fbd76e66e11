"""Own orders in the matching engine of the rematch core: requests go in, reports come out."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy.typing as npt

from hftlab.backtest.rematch_state import RematchState
from hftlab.backtest.reports import Cause, Why
from hftlab.book.matching import MatchingEngine
from hftlab.book.matching.engine_state import NOBODY, EngineState
from hftlab.book.matching.entries import Reason, Status
from hftlab.book.matching.kernel import submit_many
from hftlab.book.matching.output import FILL_ROW, FILLS, UPDATES
from hftlab.events import ASK, BID
from hftlab.kernels.compiling import in_place

__all__ = ["OwnOrder", "ReportRow", "lots_ahead", "rows_of", "submit_request", "why_of"]

ReportRow = tuple[int, int, int, int, int, int, int, int]
"""Row of REPORT."""

_OTHER_SIDE: Final = 1  # sides of the engine come in pairs

_CAUSES: Final = {
    Status.ACCEPTED: Cause.ACCEPTED,
    Status.CANCELLED: Cause.CANCELLED,
    Status.REPLACED: Cause.REPLACED,
    Status.REDUCED: Cause.REDUCED,
}
_WHY: Final = {
    Reason.NONE: Why.NONE,
    Reason.REQUESTED: Why.REQUESTED,
    Reason.UNKNOWN_ORDER: Why.UNKNOWN_ORDER,
    Reason.BAD_SIZE: Why.BAD_SIZE,
    Reason.BAD_DISPLAY: Why.BAD_SIZE,
    Reason.WRONG_PHASE: Why.NOT_TRADING,
    Reason.WOULD_TAKE: Why.WOULD_TAKE,
    Reason.NOT_FILLABLE: Why.NOT_FILLABLE,
    Reason.NO_LIQUIDITY: Why.NO_LIQUIDITY,
    Reason.SELF_TRADE: Why.SELF_TRADE,
}


class OwnOrder(NamedTuple):
    """Own order as the engine knows it: its id, its place there while it lives, and the side on which it rests."""

    number: int
    id: int
    slot: int
    side: int


def why_of(reason: int) -> Why:
    """Return the Why of the engine's Reason. Raises ValueError for one that only an impossible order has."""
    if reason not in _WHY:
        raise ValueError(f"the order is none that a venue could take: {Reason(reason).name}; give the fields of Entry")
    return _WHY[Reason(reason)]


def submit_request(engine: MatchingEngine, entries: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Submit one row of ENTRY. Returns the engine's rows of fills and updates, in the order in which they happened."""
    while submit_many(engine.state, engine.output, entries, 0) < 1:
        engine.grow()
    output, used = engine.output, engine.output.used
    rows = [*output.fills[: used[FILLS]].copy(), *output.updates[: used[UPDATES]].copy()]
    used[:] = 0
    return sorted(rows, key=lambda row: int(row["number"]))


def rows_of(
    rows: list[npt.NDArray[Any]], order: OwnOrder, refused: Cause, makers: dict[int, OwnOrder], market: RematchState
) -> list[ReportRow]:
    """Turn what came of an order's request into reports, and count the others that no longer rest.

    `refused` is the cause of a refusal, `makers` are the own orders by their id in the engine.
    """
    reports: list[ReportRow] = []
    for row in rows:
        reports += _fill(row, order, makers, market) if row.dtype == FILL_ROW else _update(row, refused, makers)
        _count(row, order, market)
    return reports


def _fill(row: Any, order: OwnOrder, makers: dict[int, OwnOrder], market: RematchState) -> list[ReportRow]:
    reports: list[ReportRow] = []
    for side, letter in (("buy", BID), ("sell", ASK)):
        if row[f"{side}_owner"] > 0:
            is_taker = int(row["aggressor"] == letter)
            one = order if is_taker else makers[int(row[f"{side}_id"])]
            ahead = 0 if is_taker else int(market.notes[one.slot]["ahead"])
            time, lots, price = int(row["time"]), int(row["size"]), int(row["price"])
            reports.append((time, Cause.FILLED, one.number, lots, price, Why.CROSS, ahead, is_taker))
    return reports


def _update(row: Any, refused: Cause, makers: dict[int, OwnOrder]) -> list[ReportRow]:
    cause = _CAUSES.get(row["status"], refused)
    why = why_of(int(row["reason"]))
    number = makers[int(row["id"])].number
    return [(int(row["time"]), cause, number, int(row["size"]), int(row["price"]), why, 0, 0)]


def _count(row: Any, order: OwnOrder, market: RematchState) -> None:
    """Count out an order of others that has rested and is gone; the request's own order is counted by its caller."""
    if row.dtype == FILL_ROW:
        maker = "sell" if row["aggressor"] == BID else "buy"
        is_gone = row[f"{maker}_owner"] != 0 and row[f"{maker}_left"] == 0
    else:
        is_gone = row["id"] != order.id and row["left"] == 0
    if is_gone:
        market.others[order.side ^ _OTHER_SIDE] -= 1


@in_place
def lots_ahead(state: EngineState, slot: int) -> int:
    """Return the lots displayed ahead of a queued order at its price."""
    lots, one = 0, state.orders[slot].previous
    while one != NOBODY:
        lots += state.orders[one].shown
        one = state.orders[one].previous
    return int(lots)
