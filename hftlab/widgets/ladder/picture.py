"""The ladder as an SVG, from plain data: for saved notebooks and for reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hftlab.palette import Role
from hftlab.widgets.core.interfaces import Level
from hftlab.widgets.core.numbers import Scale, amount, basis_points, clock_time, count, percent
from hftlab.widgets.core.picture import Drawing

__all__ = ["ladder_svg"]

WIDTH: Final = 480
PAD: Final = 12
HEADER: Final = 34
CAPTIONS: Final = 16
ROW: Final = 20
SPREAD: Final = 26
FOOTER: Final = 24
ORDERS: Final = 30
TIMES: Final = " \u00d7 "
DIGIT: Final = 7.3  # the width of a figure at 12 px


def ladder_svg(
    symbol: str,
    bids: Sequence[Level],
    asks: Sequence[Level],
    *,
    last: float | None = None,
    change_percent: float | None = None,
    trade: tuple[float, float, str] | None = None,
    ts_event: int = 0,
    note: str = "",
    scale: Scale | None = None,
) -> str:
    """Draw an order book as an SVG document.

    `bids` and `asks` are (price, size, orders), best first; `trade` is the last one's (price, size, "BUY" or "SELL");
    `ts_event` in ns; `note` is shown beside the symbol, such as "STALE". Without a `scale` the decimals are those of
    the levels given.
    """
    if scale is None:
        scale = Scale()
        scale.learn((level[0] for level in (*bids, *asks)), (level[1] for level in (*bids, *asks)))
    rows = max(1, len(bids)) + max(1, len(asks))
    drawing = Drawing(WIDTH, HEADER + CAPTIONS + rows * ROW + SPREAD + FOOTER, f"Order book of {symbol}")
    _header(drawing, symbol, note, "" if last is None else amount(last, scale.price_decimals), change_percent)
    y: float = HEADER + CAPTIONS
    largest = max((level[1] for level in (*bids, *asks)), default=0.0)
    prices = [amount(level[0], scale.price_decimals) for level in (*bids, *asks)]
    half = max(56.0, max(map(len, prices), default=0) * DIGIT / 2 + 8)
    y = _side(drawing, y, asks[::-1], "ask", half, largest, scale)
    _spread(drawing, y, bids, asks, trade, scale)
    y = _side(drawing, y + SPREAD, bids, "bid", half, largest, scale)
    if ts_event:
        drawing.text(PAD, y + 16, f"{clock_time(ts_event)} UTC", "muted", size=11)
    return drawing.svg()


def _header(drawing: Drawing, symbol: str, note: str, last: str, change_percent: float | None) -> None:
    drawing.text(PAD, 22, symbol, size=14, bold=True)
    if note:
        drawing.text(PAD + 9.5 * len(symbol) + 12, 22, note, "warn", size=11, bold=True)
    change = "" if change_percent is None else percent(change_percent)
    drawing.text(WIDTH - PAD, 22, change, _direction(change_percent or 0), anchor="end", mono=True)
    drawing.text(WIDTH - PAD - DIGIT * (len(change) + 1.5), 22, last, size=14, anchor="end", bold=True, mono=True)
    y = HEADER + 10
    drawing.text(PAD, y, "orders", "muted", size=10)
    drawing.text(WIDTH / 2 - 62, y, "bid size", "muted", size=10, anchor="end")
    drawing.text(WIDTH / 2, y, "price", "muted", size=10, anchor="middle")
    drawing.text(WIDTH / 2 + 62, y, "ask size", "muted", size=10)
    drawing.text(WIDTH - PAD, y, "orders", "muted", size=10, anchor="end")


def _side(
    drawing: Drawing, y: float, levels: Sequence[Level], side: Role, half: float, largest: float, scale: Scale
) -> float:
    """Draw one side from `y` down, half the price column's width from the centre; return the `y` where it ends."""
    left = side == "bid"
    edge = WIDTH / 2 - half if left else WIDTH / 2 + half
    room = WIDTH / 2 - half - PAD - ORDERS
    for price, size, orders in levels:
        width = room * size / largest if largest else 0.0
        drawing.rectangle(edge - width if left else edge, y + 1.5, width, ROW - 3, side, opacity=0.22, radius=2)
        baseline = y + 14.5
        drawing.text(WIDTH / 2, baseline, amount(price, scale.price_decimals), side, anchor="middle", mono=True)
        text = amount(size, scale.size_decimals)
        drawing.text(edge - 6 if left else edge + 6, baseline, text, anchor="end" if left else "start", mono=True)
        if orders:
            where = PAD if left else WIDTH - PAD
            drawing.text(where, baseline, count(orders), "muted", size=10, anchor="start" if left else "end", mono=True)
        y += ROW
    if not levels:
        drawing.text(WIDTH / 2, y + 14.5, f"no {side}s", "muted", size=11, anchor="middle")
        y += ROW
    return y


def _spread(
    drawing: Drawing,
    y: float,
    bids: Sequence[Level],
    asks: Sequence[Level],
    trade: tuple[float, float, str] | None,
    scale: Scale,
) -> None:
    drawing.rectangle(PAD, y + 2, WIDTH - 2 * PAD, SPREAD - 4, "line", opacity=0.35, radius=3)
    baseline = y + SPREAD / 2 + 4
    drawing.text(PAD + 8, baseline, spread_text(bids, asks, scale), "muted", size=11)
    if trade is not None:
        price, size, side = trade
        mark = {"BUY": "▲ ", "SELL": "▼ "}.get(side, "")
        text = f"{mark}{amount(price, scale.price_decimals)}{TIMES}{amount(size, scale.size_decimals)}"
        role = _direction({"BUY": 1, "SELL": -1}.get(side, 0))
        drawing.text(WIDTH - PAD - 8, baseline, text, role, size=11, anchor="end", mono=True)


def spread_text(bids: Sequence[Level], asks: Sequence[Level], scale: Scale) -> str:
    """Format the spread: `spread 0.05 · 5 ticks · 0.81 bps`."""
    if not bids or not asks:
        return "one-sided" if bids or asks else "no book yet"
    bid, ask = bids[0][0], asks[0][0]
    parts = [f"spread {amount(ask - bid, scale.price_decimals)}"]
    if scale.tick:
        ticks = round((ask - bid) / scale.tick)
        parts.append(f"{count(ticks)} tick{'' if ticks == 1 else 's'}")
    if ask + bid > 0:
        parts.append(basis_points(2 * (ask - bid) / (ask + bid)))
    return " · ".join(parts)


def _direction(value: float) -> Role:
    return "bid" if value > 0 else "ask" if value < 0 else "muted"
