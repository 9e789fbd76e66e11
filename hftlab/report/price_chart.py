"""Small price charts as SVG, in the colours of the page that they stand in."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import Final

from hftlab.widgets.core.numbers import Scale, amount, basis_points, clock_time

__all__ = ["price_chart"]

WIDTH: Final = 320
HEIGHT: Final = 150
LEFT: Final = 6
RIGHT: Final = 314
TOP: Final = 38
BOTTOM: Final = 122
_BUCKETS: Final = 150
"""Pieces of time of which each contributes its lowest and its highest price: more would not be seen."""

Point = tuple[int, float]


def price_chart(symbol: str, times: Sequence[int], prices: Sequence[float]) -> str:
    """Draw the prices of a symbol over time (ns) as a stepped line, with the range of both axes.

    Its classes are those of the page: `line`, `muted`, `up` and `down`.
    """
    scale = Scale()
    scale.learn(prices, ())
    texts = [_text(LEFT, 17, symbol, "name")]
    if not prices:
        return _svg(symbol, [*texts, _text(WIDTH / 2, (TOP + BOTTOM) / 2, "no prices", "muted", "middle")])
    change = prices[-1] / prices[0] - 1
    direction = "up" if change > 0 else "down" if change < 0 else "muted"
    low, high = min(prices), max(prices)
    texts += [
        _text(
            RIGHT, 17, f"{amount(prices[-1], scale.price_decimals)}  {_signed(change)}", f"figure {direction}", "end"
        ),
        _text(LEFT, TOP - 5, amount(high, scale.price_decimals), "muted figure"),
        _text(LEFT, BOTTOM + 12, amount(low, scale.price_decimals), "muted figure"),
        _text(RIGHT, BOTTOM + 12, f"{_clock(times[0])} to {_clock(times[-1])} UTC", "muted figure", "end"),
    ]
    return _svg(symbol, [_grid(), _line(_thinned(list(zip(times, prices, strict=True))), low, high), *texts])


def _thinned(points: list[Point]) -> list[Point]:
    """Keep the lowest and the highest price of each piece of time, so that no spike is lost."""
    if len(points) <= 2 * _BUCKETS:
        return points
    start, length = points[0][0], max(points[-1][0] - points[0][0], 1)
    buckets: dict[int, list[Point]] = {}
    for point in points:
        buckets.setdefault(_BUCKETS * (point[0] - start) // (length + 1), []).append(point)
    kept = {points[0], points[-1]}
    for bucket in buckets.values():
        kept |= {min(bucket, key=lambda point: point[1]), max(bucket, key=lambda point: point[1])}
    return sorted(kept)


def _line(points: list[Point], low: float, high: float) -> str:
    start, length, height = points[0][0], max(points[-1][0] - points[0][0], 1), (high - low) or 1.0

    def down(price: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * ((price - low) / height if high > low else 0.5)

    steps = [f"M{LEFT} {down(points[0][1]):.1f}"]
    for (_, before), (at, price) in pairwise(points):
        steps.append(f"H{LEFT + (RIGHT - LEFT) * (at - start) / length:.1f}")
        if price != before:
            steps.append(f"V{down(price):.1f}")
    steps.append(f"H{RIGHT}")
    return f'<path class="line" d="{"".join(steps)}"/>'


def _grid() -> str:
    return "".join(f'<path class="grid" d="M{LEFT} {y}H{RIGHT}"/>' for y in (TOP, (TOP + BOTTOM) / 2, BOTTOM))


def _signed(change: float) -> str:
    return f"{'+' if change >= 0 else '−'}{basis_points(abs(change))}"


def _clock(ns: int) -> str:
    return clock_time(ns)[:8]


def _text(x: float, y: float, content: str, classes: str, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{classes}" text-anchor="{anchor}">{escape(content)}</text>'


def _svg(symbol: str, shapes: list[str]) -> str:
    return (
        f'<svg class="price" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"><title>Mid price of {escape(symbol)}</title>'
        f"{''.join(shapes)}</svg>"
    )
