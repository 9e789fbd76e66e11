"""The watch list as an SVG, from plain data: for saved notebooks and for reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Final

from hftlab.palette import Role
from hftlab.widgets.core.numbers import UNKNOWN, Scale, amount, count, percent
from hftlab.widgets.core.picture import Drawing, shortened
from hftlab.widgets.watchlist.frame import STATES, WatchRow
from hftlab.widgets.watchlist.sparkline import TALLEST
from hftlab.widgets.watchlist.sparkline import UNKNOWN as NO_PRICE

__all__ = ["watchlist_svg"]

WIDTH: Final = 560
PAD: Final = 14
HEADER: Final = 34
CAPTIONS: Final = 20
ROW: Final = 24
PRICE, CHANGE, SPREAD, IMBALANCE, TREND = 180, 256, 336, 356, 444
"""Places in px: the ends of the columns of numbers, and the beginnings of the bar and of the sparkline."""
BAR: Final = 72
DIGIT, WORD, LETTER, BOLD, GAP = 7.3, 5.8, 7.2, 8.2, 8
"""Widths in px: of a figure, and of a letter of a state, of a symbol, of a selected one; and between them."""
LINE: Final = WIDTH - PAD - TREND


def watchlist_svg(rows: Sequence[WatchRow], scales: Mapping[str, Scale], *, selected: str = "") -> str:
    """Draw a watch list as an SVG document; `scales` has the decimals and the tick of each symbol."""
    drawing = Drawing(WIDTH, HEADER + CAPTIONS + ROW * max(1, len(rows)) + 8, "Watch list")
    drawing.text(PAD, 22, "Watch list", size=14, bold=True)
    drawing.text(
        WIDTH - PAD, 22, f"{count(len(rows))} symbol{'' if len(rows) == 1 else 's'}", "muted", size=11, anchor="end"
    )
    y: float = HEADER + 12
    drawing.text(PAD, y, "symbol", "muted", size=11)
    for x, title in ((PRICE, "price"), (CHANGE, "change"), (SPREAD, "spread, ticks")):
        drawing.text(x, y, title, "muted", size=11, anchor="end")
    drawing.text(IMBALANCE + BAR / 2, y, "imbalance", "muted", size=11, anchor="middle")
    drawing.text(WIDTH - PAD, y, "60 s", "muted", size=11, anchor="end")
    drawing.rectangle(PAD, HEADER + CAPTIONS - 1, WIDTH - 2 * PAD, 1, "line")
    if not rows:
        drawing.text(WIDTH / 2, HEADER + CAPTIONS + 17, "no symbols", "muted", anchor="middle")
    for index, row in enumerate(rows):
        _row(drawing, HEADER + CAPTIONS + index * ROW, row, scales.get(row.symbol) or Scale(), row.symbol == selected)
    return drawing.svg()


def _row(drawing: Drawing, y: float, row: WatchRow, scale: Scale, is_selected: bool) -> None:
    baseline = y + ROW / 2 + 4
    if is_selected:
        drawing.rectangle(PAD - 6, y + 1, WIDTH - 2 * PAD + 12, ROW - 2, "bid", opacity=0.14, radius=3)
        drawing.rectangle(PAD - 6, y + 1, 3, ROW - 2, "bid")
    is_known = isfinite(row.price)
    price = amount(row.price, scale.price_decimals) if is_known else STATES[row.state]
    room = PRICE - PAD - len(price) * (DIGIT if is_known else WORD) - GAP
    symbol = shortened(row.symbol, int(room / (BOLD if is_selected else LETTER)))
    drawing.text(PAD, baseline, symbol, bold=is_selected)
    if not is_known:
        drawing.text(PRICE, baseline, price, "muted", size=11, anchor="end")
        return
    drawing.text(PRICE, baseline, price, anchor="end", mono=True)
    drawing.text(CHANGE, baseline, percent(row.change_percent), _way(row.change_percent), anchor="end", mono=True)
    drawing.text(SPREAD, baseline, _ticks(row.spread, scale.tick), anchor="end", mono=True)
    _bar(drawing, y, row.imbalance)
    _line(drawing, y, row.spark)


def _bar(drawing: Drawing, y: float, imbalance: float) -> None:
    """Draw the imbalance to the right of the middle where more is bid for, to the left where more is for sale."""
    middle = IMBALANCE + BAR / 2
    drawing.rectangle(middle - 0.5, y + 5, 1, ROW - 10, "line")
    if isfinite(imbalance):
        length = abs(imbalance) * BAR / 2
        left = middle if imbalance > 0 else middle - length
        drawing.rectangle(left, y + 7, length, ROW - 14, _way(imbalance), opacity=0.7)


def _line(drawing: Drawing, y: float, spark: bytes) -> None:
    step = LINE / (len(spark) - 1)
    points = [
        (TREND + place * step, y + ROW - 5 - (ROW - 10) * height / TALLEST)
        for place, height in enumerate(spark)
        if height != NO_PRICE
    ]
    if len(points) > 1:
        drawing.line(points, _way(points[0][1] - points[-1][1]), thickness=1.2)


def _ticks(spread: float, tick: float | None) -> str:
    return count(round(spread / tick)) if tick and isfinite(spread) else UNKNOWN


def _way(value: float) -> Role:
    return "bid" if value > 0 else "ask" if value < 0 else "muted"
