"""The blotter as an SVG, from plain data: for saved notebooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from hftlab.palette import Role
from hftlab.protocol.enums import OrderStatus, Side
from hftlab.protocol.order_messages import PortfolioUpdate, PositionUpdate
from hftlab.trading.order_record import OrderRecord
from hftlab.widgets.blotter.frame import BlotterState
from hftlab.widgets.core.numbers import UNKNOWN, Scale, amount, clock_time, count
from hftlab.widgets.core.picture import Drawing, shortened

__all__ = ["blotter_svg"]

WIDTH: Final = 760
PAD: Final = 14
HEADER: Final = 34
LINE: Final = 24
ROW: Final = 20
SHOWN: Final = 12
"""Orders in a picture; the newest."""


class _Column(NamedTuple):
    title: str
    x: float
    is_number: bool
    text: Callable[[Any], str]
    role: Callable[[Any], Role] = lambda _: "ink"

    @property
    def anchor(self) -> Literal["start", "end"]:
        return "end" if self.is_number else "start"


def blotter_svg(state: BlotterState, scales: Mapping[str, Scale], *, paper: bool = False) -> str:
    """Draw an account's positions and newest orders as an SVG document; `scales` has each symbol's decimals.

    `paper` says that the fills are modelled.
    """
    orders = state.orders[:SHOWN]
    rows = max(1, len(state.positions)) + max(1, len(orders))
    drawing = Drawing(WIDTH, HEADER + LINE + 2 * (LINE + 4) + rows * ROW + 10, "Blotter")
    drawing.text(PAD, 22, "Blotter", size=14, bold=True)
    facts = f"{count(state.order_count)} orders, {count(state.open_count)} open \u00b7 {count(state.fill_count)} fills"
    facts += " \u00b7 paper: fills are modelled" if paper else ""
    drawing.text(WIDTH - PAD, 22, facts, "muted", size=11, anchor="end")
    _portfolio(drawing, HEADER + 12, state.portfolio)
    y = _table(drawing, HEADER + LINE, "no positions", _positions(scales), state.positions)
    _table(drawing, y + 4, "no orders yet", _orders(scales), orders)
    return drawing.svg()


def _portfolio(drawing: Drawing, y: float, portfolio: PortfolioUpdate | None) -> None:
    if portfolio is None:
        drawing.text(PAD, y, "no portfolio yet", "muted", size=11)
        return
    text = f"value {_money(portfolio.total_value)} {portfolio.currency}"
    facts = [text, f"cash {_money(portfolio.cash)}", f"unrealized {_signed(portfolio.unrealized_pnl)}"]
    facts.append(f"realized {_signed(portfolio.realized_pnl)}")
    drawing.text(PAD, y, " \u00b7 ".join(facts), size=11.5, mono=True)


def _positions(scales: Mapping[str, Scale]) -> Sequence[_Column]:
    def price(position: PositionUpdate, value: float) -> str:
        return amount(value, _decimals(scales, position.symbol))

    return (
        _Column("position", PAD, False, lambda one: shortened(one.symbol, 18)),
        _Column("quantity", 210, True, lambda one: _plain(one.quantity), lambda one: _way(one.quantity)),
        _Column("average", 300, True, lambda one: price(one, one.average_price)),
        _Column("market", 390, True, lambda one: price(one, one.current_price)),
        _Column("unrealized", 560, True, lambda one: _signed(one.unrealized_pnl), lambda one: _way(one.unrealized_pnl)),
        _Column(
            "realized", WIDTH - PAD, True, lambda one: _signed(one.realized_pnl), lambda one: _way(one.realized_pnl)
        ),
    )


def _orders(scales: Mapping[str, Scale]) -> Sequence[_Column]:
    def price(order: OrderRecord) -> str:
        value = order.stop_price if order.price is None else order.price
        return "market" if value is None else amount(value, _decimals(scales, order.symbol))

    return (
        _Column("order", PAD, False, lambda one: clock_time(one.created)),
        _Column("symbol", 110, False, lambda one: shortened(one.symbol, 10)),
        _Column("side", 180, False, lambda one: one.side.lower(), lambda one: "bid" if one.side is Side.BUY else "ask"),
        _Column("price", 300, True, price),
        _Column("filled", 410, True, lambda one: f"{_plain(one.filled_quantity)} / {_plain(one.quantity)}"),
        _Column("status", 430, False, _status, _role),
    )


def _status(order: OrderRecord) -> str:
    text = order.status.replace("_", " ").lower()
    whole = f"{text}: {order.reason}" if order.reason else text
    return shortened(whole, 52)


def _role(order: OrderRecord) -> Role:
    if order.status is OrderStatus.REJECTED:
        return "warn"
    return "muted" if order.is_final else "ink"


def _table(drawing: Drawing, y: float, nothing: str, columns: Sequence[_Column], rows: Sequence[Any]) -> float:
    """Draw a table from `y` down; return the `y` where it ends."""
    for column in columns:
        drawing.text(column.x, y + 15, column.title, "muted", size=11, anchor=column.anchor)
    y += LINE
    drawing.rectangle(PAD, y - 3, WIDTH - 2 * PAD, 1, "line")
    if not rows:
        drawing.text(PAD, y + 14, nothing, "muted", size=11)
        return y + ROW
    for row in rows:
        for column in columns:
            text, role = column.text(row), column.role(row)
            drawing.text(column.x, y + 14, text, role, size=11.5, anchor=column.anchor, mono=column.is_number)
        y += ROW
    return y


def _decimals(scales: Mapping[str, Scale], symbol: str) -> int:
    return scales[symbol].price_decimals if symbol in scales else 2


def _plain(value: float) -> str:
    return f"{value:,.12g}"


def _money(value: float) -> str:
    return amount(value, 2)


def _signed(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:+,.2f}"


def _way(value: float) -> Role:
    return "bid" if value > 0 else "ask" if value < 0 else "muted"
