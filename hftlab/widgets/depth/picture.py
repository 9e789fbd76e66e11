"""The depth chart as an SVG, from plain data: for saved notebooks and for reports."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Final

from hftlab.palette import Role
from hftlab.widgets.core.numbers import Scale, amount, compact, count
from hftlab.widgets.core.picture import Drawing, shortened
from hftlab.widgets.depth.frame import Resting, reach

__all__ = ["depth_svg", "round_step"]

WIDTH: Final = 560
PAD: Final = 14
HEADER: Final = 34
CHART: Final = 190
AXIS: Final = 22
LONGEST: Final = 24
"""Letters of a symbol."""
MARGIN: Final = 1.06
"""The shown range beyond the last known levels, as a factor."""


def depth_svg(
    symbol: str, bids: Sequence[Resting], asks: Sequence[Resting], *, note: str = "", scale: Scale | None = None
) -> str:
    """Draw the cumulative size of a book as an SVG document.

    `bids` and `asks` are (price, size), best first; `note` is shown beside the symbol, such as "STALE". Without a
    `scale` the decimals are those of the levels given.
    """
    if scale is None:
        scale = Scale()
        scale.learn((price for price, _ in (*bids, *asks)), (size for _, size in (*bids, *asks)))
    drawing = Drawing(WIDTH, HEADER + CHART + AXIS + 8, f"Depth of {symbol}")
    drawing.text(PAD, 22, shortened(symbol, LONGEST), size=14, bold=True)
    drawing.text(WIDTH - PAD, 22, note or _facts(bids, asks, scale), "warn" if note else "muted", size=11, anchor="end")
    bottom = HEADER + CHART
    if bids or asks:
        _chart(drawing, bids, asks, scale, bottom)
    else:
        drawing.text(WIDTH / 2, bottom - CHART / 2, "no book yet", "muted", anchor="middle")
    drawing.rectangle(PAD, bottom, WIDTH - 2 * PAD, 1, "line")
    return drawing.svg()


def round_step(least: float) -> float:
    """The smallest of 1, 2, 2.5 and 5 times a power of ten that is at least that."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= least * (1 - 1e-9))


def _facts(bids: Sequence[Resting], asks: Sequence[Resting], scale: Scale) -> str:
    sizes = [amount(sum(size for _, size in side), scale.size_decimals) for side in (bids, asks)]
    return f"{sizes[0]} bid · {sizes[1]} offered · {count(max(len(bids), len(asks)))} levels"


def _chart(drawing: Drawing, bids: Sequence[Resting], asks: Sequence[Resting], scale: Scale, bottom: float) -> None:
    prices = [side[0][0] for side in (bids, asks) if side]
    mid = sum(prices) / len(prices)
    middle = f"mid {amount(mid, scale.price_decimals + 1)}"
    if not (bids and asks):
        middle = f"best {'bid' if bids else 'ask'} {amount(mid, scale.price_decimals)}"
    span = max(reach(bids, mid), reach(asks, mid)) * MARGIN or (scale.tick or 1.0)
    bids, asks = ([level for level in side if abs(level[0] - mid) <= span] for side in (bids, asks))
    tallest = max(sum(size for _, size in side) for side in (bids, asks)) or 1.0

    def across(price: float) -> float:
        return PAD + (price - mid + span) / (2 * span) * (WIDTH - 2 * PAD)

    def up(size: float) -> float:
        return bottom - (CHART - 24) * size / tallest

    step = round_step(tallest / 4)
    for size in (step * place for place in range(1, int(tallest / step) + 1)):
        drawing.rectangle(PAD, up(size), WIDTH - 2 * PAD, 0.5, "line", opacity=0.6)
    _side(drawing, bids, across, up, "bid", bottom)
    _side(drawing, asks, across, up, "ask", bottom)
    for size in (step * place for place in range(1, int(tallest / step) + 1)):
        drawing.text(PAD + 2, up(size) - 3, compact(size), "muted", size=10)
    drawing.line([(across(mid), HEADER + 14), (across(mid), bottom)], "muted", dashes="3 3")
    drawing.text(across(mid), HEADER + 9, middle, "muted", size=10, anchor="middle")
    step = round_step(span / 3)
    for place in range(math.ceil((mid - span) / step), math.floor((mid + span) / step) + 1):
        x = across(place * step)
        drawing.rectangle(x - 0.5, bottom, 1, 4, "muted")
        if PAD + 20 < x < WIDTH - PAD - 20:
            drawing.text(x, bottom + 16, amount(place * step, scale.price_decimals), "muted", size=10, anchor="middle")


def _side(
    drawing: Drawing,
    levels: Sequence[Resting],
    across: Callable[[float], float],
    up: Callable[[float], float],
    role: Role,
    bottom: float,
) -> None:
    """Draw one side as a staircase that ends at the last known level."""
    if not levels:
        return
    points = [(across(levels[0][0]), bottom)]
    for (price, _), size in zip(levels, accumulate(size for _, size in levels), strict=True):
        points += [(across(price), points[-1][1]), (across(price), up(size))]
    outline = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    drawing.path(f"M{outline}V{bottom}Z", role, opacity=0.16)
    drawing.line(points, role, thickness=1.5)
    edge = points[-1][0]
    drawing.line([(edge, points[-1][1]), (edge, bottom)], role, dashes="2 3")
