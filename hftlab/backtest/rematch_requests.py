"""Own orders in the matching engine of the rematch core: requests go in, reports come out."""

from __future__ import annotations

from typing import Final, NamedTuple

from hftlab.backtest.rematch_state import RematchState
from hftlab.backtest.reports import Cause, ReportRow, Why
from hftlab.book.matching.engine_state import NOBODY, EngineState
from hftlab.book.matching.entries import Reason, Status
from hftlab.book.matching.output import FILL_ROW, FILLS, UPDATE_ROW, UPDATES, Output
from hftlab.events import BID
from hftlab.kernels.compiling import in_place

__all__ = ["OwnOrder", "lots_ahead", "take_rows"]

_OTHER_SIDE: Final = 1  # sides of the engine come in pairs

_CAUSES: Final[dict[int, Cause]] = {
    Status.ACCEPTED: Cause.ACCEPTED,
    Status.CANCELLED: Cause.CANCELLED,
    Status.REPLACED: Cause.REPLACED,
    Status.REDUCED: Cause.REDUCED,
}
_WHY: Final[dict[int, Why]] = {
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


def _why_of(reason: int) -> Why:
    """Return the Why of the engine's Reason. Raises ValueError for one that only an impossible order has."""
    if reason not in _WHY:
        raise ValueError(f"the order is none that a venue could take: {Reason(reason).name}; give the fields of Entry")
    return _WHY[reason]


class _Fill(NamedTuple):
    """Row of FILL_ROW."""

    time: int
    sequence: int
    instrument: int
    price: int
    size: int
    aggressor: int
    buy_id: int
    buy_owner: int
    buy_left: int
    sell_id: int
    sell_owner: int
    sell_left: int
    number: int


class _Update(NamedTuple):
    """Row of UPDATE_ROW."""

    time: int
    sequence: int
    instrument: int
    id: int
    owner: int
    status: int
    reason: int
    price: int
    size: int
    left: int
    phase: int
    number: int


assert _Fill._fields == FILL_ROW.names
assert _Update._fields == UPDATE_ROW.names


def take_rows(
    output: Output, order: OwnOrder, refused: Cause, makers: dict[int, OwnOrder], market: RematchState
) -> list[ReportRow]:
    """Turn what came of an order's request into reports, and count the others that no longer rest.

    `refused` is the cause of a refusal, `makers` are the own orders by their id in the engine.
    """
    used = output.used
    rows: list[_Fill | _Update] = [_Update._make(row) for row in output.updates[: used[UPDATES]].tolist()]
    if used[FILLS]:
        rows += [_Fill._make(row) for row in output.fills[: used[FILLS]].tolist()]
        rows.sort(key=lambda row: row.number)
    used[:] = 0
    reports: list[ReportRow] = []
    for row in rows:
        if isinstance(row, _Fill):
            reports += _fill(row, order, makers, market)
        else:
            reports.append(_update(row, order, refused, makers, market))
    return reports


def _fill(row: _Fill, order: OwnOrder, makers: dict[int, OwnOrder], market: RematchState) -> list[ReportRow]:
    """Return the fill of the request's order, which took, and that of an own order which waited, the buyer's first."""
    taken = (row.time, Cause.FILLED, order.number, row.size, row.price, Why.CROSS, 0, 1)
    maker_id, owner, left = (
        (row.sell_id, row.sell_owner, row.sell_left)
        if row.aggressor == BID
        else (row.buy_id, row.buy_owner, row.buy_left)
    )
    if owner != 0 and left == 0:
        market.others[order.side ^ _OTHER_SIDE] -= 1
    if owner <= 0:
        return [taken]
    maker = makers[maker_id]
    ahead = int(market.notes[maker.slot]["ahead"])
    made = (row.time, Cause.FILLED, maker.number, row.size, row.price, Why.CROSS, ahead, 0)
    return [taken, made] if row.aggressor == BID else [made, taken]


def _update(
    row: _Update, order: OwnOrder, refused: Cause, makers: dict[int, OwnOrder], market: RematchState
) -> ReportRow:
    if row.id != order.id and row.left == 0:
        market.others[order.side ^ _OTHER_SIDE] -= 1
    cause = _CAUSES.get(row.status, refused)
    return row.time, cause, makers[row.id].number, row.size, row.price, _why_of(row.reason), 0, 0


@in_place
def lots_ahead(state: EngineState, slot: int) -> int:
    """Return the lots displayed ahead of a queued order at its price."""
    lots, one = 0, state.orders[slot].previous
    while one != NOBODY:
        lots += state.orders[one].shown
        one = state.orders[one].previous
    return int(lots)
