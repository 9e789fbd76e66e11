"""The blotter's state, and the frame of bytes in which it travels to the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from hftlab.clock import to_milliseconds
from hftlab.protocol.order_messages import PortfolioUpdate, PositionUpdate
from hftlab.trading.order_record import FillRecord, OrderRecord
from hftlab.widgets.core.account import Account
from hftlab.widgets.core.numbers import Scale

__all__ = ["MOST", "BlotterState", "pack_blotter", "read_blotter"]

MOST: Final = 100
"""Orders and fills in a frame, at most; the newest, and of orders the open ones before others."""
VERSION: Final = 1


class BlotterState(msgspec.Struct, frozen=True):
    """State of a blotter, the newest first; `order_count` and `fill_count` are those of all."""

    orders: Sequence[OrderRecord] = ()
    fills: Sequence[FillRecord] = ()
    positions: Sequence[PositionUpdate] = ()
    portfolio: PortfolioUpdate | None = None
    order_count: int = 0
    open_count: int = 0
    fill_count: int = 0


def read_blotter(account: Account) -> BlotterState:
    """Read an account's state."""
    records = [order.record for order in account.orders]
    still_open = [record for record in records if not record.is_final]
    final = [record for record in records if record.is_final]
    room = max(0, MOST - len(still_open))
    shown = [*still_open[-MOST:], *final[len(final) - room if room < len(final) else 0 :]]
    shown.sort(key=lambda record: record.created, reverse=True)
    fills = account.fills
    positions = account.positions
    return BlotterState(
        shown,
        list(reversed(fills[-MOST:])),
        [positions[symbol] for symbol in sorted(positions)],
        account.portfolio,
        len(records),
        len(still_open),
        len(fills),
    )


def pack_blotter(state: BlotterState, scales: Mapping[str, Scale]) -> bytes:
    """Pack the state as JSON: rows are lists, in the order in which blotter.js names them; times are in ms."""
    return msgspec.json.encode(
        {
            "version": VERSION,
            "orders": [_order(record) for record in state.orders],
            "fills": [_fill(fill) for fill in state.fills],
            "positions": [_position(position) for position in state.positions],
            "portfolio": None if state.portfolio is None else _portfolio(state.portfolio),
            "counts": [state.order_count, state.open_count, state.fill_count],
            "decimals": {
                symbol: scales[symbol].price_decimals for symbol in sorted(_symbols(state)) if symbol in scales
            },
        }
    )


def _order(record: OrderRecord) -> list[Any]:
    return [
        record.client_order_id,
        to_milliseconds(record.created),
        record.symbol,
        record.side,
        record.order_type,
        record.price,
        record.stop_price,
        record.quantity,
        record.filled_quantity,
        record.average_price,
        record.status,
        record.reason,
        record.time_in_force,
        record.is_final,
    ]


def _fill(fill: FillRecord) -> list[Any]:
    time = to_milliseconds(fill.time)
    return [fill.client_order_id, time, fill.symbol, fill.side, fill.price, fill.quantity, fill.commission]


def _position(position: PositionUpdate) -> list[Any]:
    return [
        position.symbol,
        position.quantity,
        position.average_price,
        position.current_price,
        position.market_value,
        position.unrealized_pnl,
        position.realized_pnl,
        position.day_pnl,
    ]


def _portfolio(portfolio: PortfolioUpdate) -> list[Any]:
    return [
        portfolio.total_value,
        portfolio.cash,
        portfolio.market_value,
        portfolio.buying_power,
        portfolio.unrealized_pnl,
        portfolio.realized_pnl,
        portfolio.day_pnl,
        portfolio.currency,
    ]


def _symbols(state: BlotterState) -> set[str]:
    rows: Iterable[OrderRecord | FillRecord | PositionUpdate] = (*state.orders, *state.fills, *state.positions)
    return {row.symbol for row in rows}
