"""Marks of the traces: lines, areas, markers and bars, as SVG."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

import numpy as np

from hftlab.analysis.pictures.axis import Axis, Numbers
from hftlab.analysis.pictures.elements import paint, rectangle, stroke

__all__ = ["Span", "bar_spans", "draw_bars", "draw_markers", "draw_scatter", "has_lines", "has_markers"]

Span = tuple[Numbers, Numbers, Numbers, Numbers]
"""Bars: both ends of the width and both ends of the length of each."""

_FEW: Final = 20
"""Fewer points than this have markers unless a trace says otherwise, as in Plotly."""
_BAR_SHARE: Final = 0.8
_AREA: Final = 0.5
_SHAPES: Final = {
    "triangle-up": "l{r} {d}h-{d}z",
    "triangle-down": "l{r} -{d}h-{d}z",
    "square": "h{r}v{r}h-{d}v-{d}h{d}v{r}z",
    "diamond": "m0 -{r}l{r} {r}l-{r} {r}l-{r} -{r}z",
}
"""Outlines of markers from the tip or the middle, by their radius and diameter."""


def has_lines(trace: Any) -> bool:
    """Tell whether a scatter trace has lines."""
    return trace.mode is None or "lines" in trace.mode


def has_markers(trace: Any) -> bool:
    """Tell whether a scatter trace has markers."""
    if trace.mode is None:
        return len(trace.y if trace.y is not None else ()) < _FEW
    return "markers" in trace.mode


def draw_scatter(trace: Any, colour: str, x: Axis, y: Axis, before: Any = None) -> Iterator[str]:
    """Draw area, line and markers; `before` is the trace on the same axes up to which a `tonexty` area reaches."""
    xs, ys = x.pixels(x.numbers(trace.x)), y.pixels(y.numbers(trace.y))
    shape, line = trace.line.shape, trace.line.color or colour
    opacity = 1.0 if trace.opacity is None else trace.opacity
    if trace.fill in ("tozeroy", "tonexty"):
        fill = trace.fillcolor
        area = paint("fill", fill, opacity) if fill else paint("fill", line, _AREA * opacity)
        base = y.pixel(y.floor)
        if trace.fill == "tonexty" and before is not None:
            lower = _way(x.pixels(x.numbers(before.x)), y.pixels(y.numbers(before.y)), before.line.shape)
            path = _joined(_way(xs, ys, shape), lower)
        else:
            path = "".join(
                f"M{piece[0][0]:.1f} {base:.1f}{_lines(piece)}L{piece[-1][0]:.1f} {base:.1f}z"
                for piece in _pieces(_way(xs, ys, shape))
            )
        yield f'<path d="{path}" {area}/>'
    if has_lines(trace):
        path = "".join(f"M{_lines(piece)[1:]}" for piece in _pieces(_way(xs, ys, shape)))
        width = 2 if trace.line.width is None else trace.line.width
        yield stroke(path, line, width, dash=trace.line.dash, opacity=opacity)
    if has_markers(trace):
        marker = trace.marker
        faded = opacity * (1.0 if marker.opacity is None else marker.opacity)
        yield draw_markers(
            xs, ys, marker.color or line, 6 if marker.size is None else marker.size, marker.symbol, faded
        )


def bar_spans(trace: Any, x: Axis, y: Axis, place: int = 0, of: int = 1) -> Span:
    """Compute where the bars of a trace are, in the units of the axes: those of its width, and those of its length.

    Bars of `of` traces stand side by side.
    """
    across, along = (y, x) if trace.orientation == "h" else (x, y)
    at, length = (trace.y, trace.x) if trace.orientation == "h" else (trace.x, trace.y)
    middles = np.array([float(value) for value in at]) if across.kind == "log" else across.numbers(at)
    gaps = np.diff(np.unique(middles[np.isfinite(middles)]))
    room = float(gaps.min()) if gaps.size else 1.0
    # Plotly gives lengths between times in milliseconds; the axis counts microseconds.
    unit = {axis: 1000.0 if axis.kind == "date" else 1.0 for axis in (across, along)}
    given = room * _BAR_SHARE if trace.width is None else np.asarray(trace.width, float) * unit[across]
    widths = np.broadcast_to(given, middles.shape)
    begin = middles - widths / 2 + widths * place / of
    end = begin + widths / of
    if across.kind == "log":
        begin, end = across.numbers(begin), across.numbers(end)
    if trace.base is None:
        return begin, end, np.full(middles.size, along.floor), along.numbers(length)
    since = along.numbers(trace.base)
    return begin, end, since, since + np.asarray(length, float) * unit[along]


def draw_bars(trace: Any, colour: str, x: Axis, y: Axis, place: int = 0, of: int = 1) -> Iterator[str]:
    """Draw the bars of a trace."""
    begin, end, since, until = bar_spans(trace, x, y, place, of)
    flat = trace.orientation == "h"
    across, along = (y, x) if flat else (x, y)
    fill = trace.marker.color if isinstance(trace.marker.color, str) else colour
    corners = zip(across.pixels(begin), along.pixels(since), across.pixels(end), along.pixels(until), strict=True)
    outline = trace.marker.line.width or 0
    for one, low, other, high in corners:
        if not np.isfinite([one, low, other, high]).all():
            continue
        # A bar is as wide as its outline at least: a short hole is seen.
        if abs(high - low) < outline:
            low, high = (low + high - outline) / 2, (low + high + outline) / 2
        yield rectangle(low, one, high, other, fill) if flat else rectangle(one, low, other, high, fill)


def _way(xs: Numbers, ys: Numbers, shape: str | None) -> list[tuple[float, float]]:
    """The corners of a line; a point that is missing is NaN and breaks it."""
    points = list(zip(xs.round(1).tolist(), ys.round(1).tolist(), strict=True))
    if shape != "hv":
        return points
    way = points[:1]
    for (_, held), (x, y) in pairwise(points):
        if y == y and held == held and y != held:
            way.append((x, held))
        way.append((x, y))
    return way


def _pieces(way: list[tuple[float, float]]) -> Iterator[list[tuple[float, float]]]:
    """The runs of points without a missing one."""
    piece: list[tuple[float, float]] = []
    for point in way:
        if point[0] == point[0] and point[1] == point[1]:
            if not piece or point != piece[-1]:
                piece.append(point)
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def _lines(piece: list[tuple[float, float]]) -> str:
    """The path through points, starting with a line to the first; level and upright parts are written short."""
    parts = [f"L{piece[0][0]:g} {piece[0][1]:g}"]
    for (x0, y0), (x, y) in pairwise(piece):
        parts.append(f"H{x:g}" if y == y0 else f"V{y:g}" if x == x0 else f"L{x:g} {y:g}")
    return "".join(parts)


def _joined(upper: list[tuple[float, float]], lower: list[tuple[float, float]]) -> str:
    """The outline of what lies between two lines."""
    there, back = list(_pieces(upper)), list(_pieces(lower))
    if not there or not back:
        return ""
    way = [point for piece in there for point in piece]
    home = [point for piece in back for point in piece][::-1]
    return f"M{_lines([*way, *home])[1:]}z"


def draw_markers(xs: Numbers, ys: Numbers, colour: str, size: float, symbol: str | None, opacity: float = 1.0) -> str:
    """Draw equal markers at points in pixels; those that fall on each other are drawn once."""
    points = zip(xs.round(1).tolist(), ys.round(1).tolist(), strict=True)
    seen = dict.fromkeys((x, y) for x, y in points if x == x and y == y)
    if symbol in _SHAPES:
        half = size / 2
        outline = _SHAPES[symbol].format(r=f"{half:g}", d=f"{size:g}")
        tip = {"triangle-up": -half, "triangle-down": half}.get(symbol, 0.0)
        path = "".join(f"M{x:g} {y + tip:g}{outline}" for x, y in seen)
        return f'<path d="{path}" {paint("fill", colour, opacity)}/>'
    # Discs are the round ends of lines without length: a third of the text that circles are.
    path = "".join(f"M{x:g} {y:g}h0" for x, y in seen)
    return (
        f'<path d="{path}" fill="none" {paint("stroke", colour, opacity)} stroke-width="{size:g}" '
        'stroke-linecap="round"/>'
    )
