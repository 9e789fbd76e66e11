"""Time and sales as an SVG, from plain data: for saved notebooks and for reports."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Final

from hftlab.palette import Role
from hftlab.widgets.core.market_tape import Print
from hftlab.widgets.core.numbers import Scale, amount, clock_time
from hftlab.widgets.core.picture import Drawing, shortened
from hftlab.widgets.core.view import quoted

__all__ = ["ROWS", "time_and_sales_svg"]

ROWS: Final = 16
"""Trades in a picture."""
WIDTH: Final = 420
PAD: Final = 14
HEADER: Final = 34
CAPTIONS: Final = 20
ROW: Final = 20
NOTE: Final = 34
LONGEST: Final = 30
"""Letters of a symbol."""
CODE: Final = 63
"""Letters of a line of code."""
PRICE: Final = 240
BAR: Final = 130


def time_and_sales_svg(
    symbol: str, trades: Sequence[Print], scale: Scale, *, large: float, has_every_trade: bool
) -> str:
    """Draw trades, newest first, as an SVG document; those above `large` are marked."""
    height = HEADER + CAPTIONS + ROW * max(1, len(trades)) + (8 if has_every_trade else NOTE + 8)
    drawing = Drawing(WIDTH, height, f"Trades of {symbol}")
    drawing.text(PAD, 22, shortened(symbol, LONGEST), size=14, bold=True)
    drawing.text(WIDTH - PAD, 22, "time and sales", "muted", size=11, anchor="end")
    y = HEADER + 12
    drawing.text(PAD, y, "time, UTC", "muted", size=11)
    drawing.text(PRICE, y, "price", "muted", size=11, anchor="end")
    drawing.text(WIDTH - PAD, y, "size", "muted", size=11, anchor="end")
    drawing.rectangle(PAD, HEADER + CAPTIONS - 1, WIDTH - 2 * PAD, 1, "line")
    if not trades:
        drawing.text(WIDTH / 2, HEADER + CAPTIONS + 14, "no trades yet", "muted", anchor="middle")
    largest = max((trade.size for trade in trades), default=0.0)
    for index, trade in enumerate(trades):
        _row(drawing, HEADER + CAPTIONS + index * ROW, trade, scale, largest, is_large=trade.size > large)
    if not has_every_trade:
        drawing.text(PAD, height - 24, "the last trade of each message; for all of them:", "muted", size=10)
        drawing.text(PAD, height - 10, shortened(_every_trade(symbol), CODE), "muted", size=10)
    return drawing.svg()


def _every_trade(symbol: str) -> str:
    """Give the call that brings every trade of a symbol."""
    return f'client.subscribe([{quoted(symbol)}], data_types=["TRADES"])'


def _row(drawing: Drawing, y: float, trade: Print, scale: Scale, largest: float, *, is_large: bool) -> None:
    role: Role = "bid" if trade.sign > 0 else "ask"
    if is_large:
        drawing.rectangle(PAD - 6, y, WIDTH - 2 * PAD + 12, ROW, role, opacity=0.16)
    elif largest > 0:
        length = BAR * sqrt(trade.size / largest)
        drawing.rectangle(WIDTH - PAD - length + 4, y + 2, length, ROW - 4, role, opacity=0.16)
    baseline = y + ROW / 2 + 4
    drawing.text(PAD, baseline, clock_time(trade.ts_event), "muted", mono=True)
    mark = "▲" if trade.sign > 0 else "▼"
    price = f"{mark} {amount(trade.price, scale.price_decimals)}"
    drawing.text(PRICE, baseline, price, role, anchor="end", mono=True, bold=is_large)
    size = amount(trade.size, scale.size_decimals)
    drawing.text(WIDTH - PAD, baseline, size, anchor="end", mono=True, bold=is_large)
