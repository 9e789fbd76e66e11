"""The heat map as an SVG: for saved notebooks and for reports."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from hftlab.palette import HEAT_DARK, HEAT_LIGHT, Role
from hftlab.widgets.core.numbers import amount, clock_time
from hftlab.widgets.core.picture import Anchor, Drawing, shortened
from hftlab.widgets.heatmap.column import NO_PRICE, Column
from hftlab.widgets.heatmap.frame import Terms
from hftlab.widgets.heatmap.png import indexed_png

__all__ = ["heat_pixels", "heatmap_svg"]

_Place: TypeAlias = Callable[[float], float]

WIDTH: Final = 720
MAP: Final = (12.0, 38.0, 616.0, 260.0)
"""Left, top, width and height of the map."""
FOOTER: Final = 48
LONGEST: Final = 48
"""Letters of a symbol."""
FIGURE: Final = 0.61
"""Width of a figure as a part of its height."""
MOST_ROWS: Final = 130
MOST_COLUMNS: Final = 600
SHADES: Final = 64
UNKNOWN: Final = 0
"""The pixel of what is not known; those of sizes come after it, from none to the most."""
MOST_TRADES: Final = 250
LARGEST: Final = 7.0
"""The radius of the largest trade's disc."""


def heatmap_svg(symbol: str, columns: Sequence[Column], terms: Terms) -> str:
    """Draw columns as an SVG document: resting size by time and price, the best prices, and the largest trades."""
    left, top, width, height = MAP
    drawing = Drawing(WIDTH, top + height + FOOTER, f"Heat map of {symbol}")
    drawing.text(left, 24, shortened(symbol, LONGEST), size=14, bold=True)
    if not any(len(each.ticks) for each in columns):
        drawing.text(WIDTH / 2, top + height / 2, "no book yet", "muted", anchor="middle")
        return drawing.svg()
    low, high = _prices(columns)
    group = max(1, math.ceil((high - low + 1) / MOST_ROWS))
    start, end = columns[0].time, max(terms.until, columns[-1].time + columns[-1].step)
    pixels, smallest, largest = heat_pixels(_evenly(columns, start, end), low, high, group)
    drawing.image(left, top, width, height, *(_image(pixels, stops) for stops in (HEAT_LIGHT, HEAT_DARK)))
    rows: int = pixels.shape[0] * group

    def x(time: float) -> float:
        return left + width * (time - start) / (end - start)

    def y(tick: float) -> float:
        return top + height * (1 - (tick - low + 0.5) / rows)

    sides: tuple[tuple[list[int], Role], ...] = (
        ([each.bid for each in columns], "bid"),
        ([each.ask for each in columns], "ask"),
    )
    ends = [*(each.time for each in columns[1:]), end]
    for best, role in sides:
        for steps in _stepped([(each.time, until, at) for each, until, at in zip(columns, ends, best, strict=True)]):
            drawing.line([(x(time), y(tick)) for time, tick in steps], role, thickness=1.4)
    _trades(drawing, columns, x, y)
    _axes(drawing, terms, (low, high), (start, end), x, y)
    scale = f"resting size {smallest:,.4g} to {largest:,.4g}, logarithmic"
    drawing.text(left, top + height + 38, scale, "muted", size=10.5)
    drawing.text(WIDTH - 12, 24, f"until {clock_time(end)} UTC", "muted", size=11, anchor="end", mono=True)
    return drawing.svg()


def heat_pixels(
    columns: Sequence[Column], low: int, high: int, group: int
) -> tuple[npt.NDArray[np.uint8], float, float]:
    """Return the columns as pixels, and the sizes that the smallest and the largest shade stand for.

    The first row is the one of the highest prices; each is `group` ticks from `low` on. A pixel is UNKNOWN, 1 for no
    size, or 2 to SHADES by the logarithm of the size.
    """
    count = (high - low) // group + 1
    sums = np.zeros((count, len(columns)))
    seen = np.zeros((count, len(columns)), bool)
    for place, column in enumerate(columns):
        near = (column.ticks >= low) & (column.ticks <= high)
        if near.any():
            rows = (column.ticks[near] - low) // group
            np.add.at(sums[:, place], rows, column.sizes[near])
            seen[rows.min() : rows.max() + 1, place] = True
    sizes = sums[sums > 0]
    smallest, largest = np.quantile(sizes, (0.05, 0.995)).tolist() if sizes.size else (1.0, 1.0)
    largest = max(largest, 2 * smallest)
    with np.errstate(divide="ignore"):
        places = np.log(sums / smallest) / math.log(largest / smallest)
    shades = np.where(sums > 0, 2 + np.round(np.clip(places, 0, 1) * (SHADES - 2)), np.where(seen, 1, UNKNOWN))
    return shades[::-1].astype(np.uint8), smallest, largest


def _prices(columns: Iterable[Column]) -> tuple[int, int]:
    """Return the lowest and the highest tick of a picture: where the market was, and most of the levels around it."""
    known = [each for each in columns if len(each.ticks)]
    spans = np.array([np.quantile(each.ticks, (0.2, 0.8)) for each in known])
    best = [tick for each in known for tick in (each.bid, each.ask) if tick != NO_PRICE]
    low, high = min(best, default=0), max(best, default=0)
    return min(low, math.floor(np.quantile(spans[:, 0], 0.05))), max(high, math.ceil(np.quantile(spans[:, 1], 0.95)))


def _image(pixels: npt.NDArray[np.uint8], stops: Sequence[str]) -> bytes:
    points = np.linspace(0, len(stops) - 1, SHADES)
    channels = np.array([[int(stop[at : at + 2], 16) for at in (1, 3, 5)] for stop in stops])
    mixed = np.array([np.interp(points, range(len(stops)), channels[:, each]) for each in range(3)]).T.round()
    colours = ["#" + "".join(f"{int(value):02x}" for value in colour) for colour in mixed]
    return indexed_png(pixels, [stops[0], *colours], transparent=[UNKNOWN])


def _evenly(columns: Sequence[Column], start: int, end: int) -> list[Column]:
    """Return the column at each of some moments as far apart as those between most columns."""
    count = min(MOST_COLUMNS, math.ceil((end - start) / columns[-1].step))
    moments = start + (np.arange(count) + 0.5) * (end - start) / count
    places = np.searchsorted([each.time for each in columns], moments, side="right") - 1
    return [columns[place] for place in places]


def _stepped(spans: Iterable[tuple[int, int, int]]) -> list[list[tuple[int, int]]]:
    """Join spans of (start, end, tick) to lines of (time, tick), broken where there is no price."""
    lines: list[list[tuple[int, int]]] = []
    before = NO_PRICE
    for start, end, tick in spans:
        if tick == NO_PRICE:
            before = NO_PRICE
            continue
        if before == NO_PRICE:
            lines.append([(start, tick), (end, tick)])
        elif tick == before:
            lines[-1][-1] = (end, tick)
        else:
            lines[-1] += [(start, tick), (end, tick)]
        before = tick
    return lines


def _trades(drawing: Drawing, columns: Sequence[Column], x: _Place, y: _Place) -> None:
    """Draw the largest trades as discs, area by size."""
    trades = [
        (abs(float(size)), float(size), each.time + float(since), int(tick))
        for each in columns
        for tick, size, since in zip(each.trade_ticks, each.trade_sizes, each.trade_times, strict=True)
    ]
    trades.sort(reverse=True)
    if not trades:
        return
    left, _, width, _ = MAP
    signs: tuple[tuple[Role, int], ...] = (("bid", 1), ("ask", -1))
    for role, sign in signs:
        circles = []
        for size, signed, time, tick in trades[:MOST_TRADES]:
            if signed * sign > 0 and left <= x(time) <= left + width:
                radius = max(0.8, LARGEST * math.sqrt(size / trades[0][0]))
                arc = f"a{radius:.1f} {radius:.1f} 0 1 0"
                circles.append(f"M{x(time) - radius:.1f} {y(tick):.1f}{arc}{2 * radius:.1f} 0{arc}-{2 * radius:.1f} 0Z")
        drawing.path("".join(circles), role, opacity=0.8)


def _axes(
    drawing: Drawing, terms: Terms, prices: tuple[int, int], times: tuple[int, int], x: _Place, y: _Place
) -> None:
    left, top, width, height = MAP
    low, high = prices
    for part in range(6):
        tick = round(low + (high - low) * part / 5)
        price = amount((terms.origin + tick) * terms.tick, terms.price_decimals)
        size = min(10.5, (WIDTH - left - width - 8) / (FIGURE * len(price)))
        drawing.text(left + width + 6, y(tick) + 4, price, "muted", size=size, mono=True)
    anchors: tuple[Anchor, ...] = ("start", "middle", "middle", "middle", "end")
    for part, anchor in enumerate(anchors):
        time = times[0] + (times[1] - times[0]) * part // 4
        drawing.text(x(time), top + height + 16, clock_time(time)[:10], "muted", size=10.5, anchor=anchor, mono=True)
