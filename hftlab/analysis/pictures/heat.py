"""Cells of a heat map, with their numbers, as SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from hftlab.analysis.pictures.axis import Axis
from hftlab.analysis.pictures.elements import rectangle, text
from hftlab.palette import LIGHT

__all__ = ["colour_at", "draw_heat"]

_INK, _PAPER = LIGHT["ink"], LIGHT["paper"]


def draw_heat(trace: Any, x: Axis, y: Axis) -> Iterator[str]:
    """Draw the cells of a heat map on two axes of categories, and its numbers if it has a `texttemplate`."""
    scale = [colour for _, colour in trace.colorscale]
    across, along = x.pixels(x.numbers(trace.x)), y.pixels(y.numbers(trace.y))
    wide = abs(x.pixel(1.0) - x.pixel(0.0)) - (trace.xgap or 0)
    high = abs(y.pixel(1.0) - y.pixel(0.0)) - (trace.ygap or 0)
    for row, up in zip(trace.z, along, strict=True):
        for value, at in zip(row, across, strict=True):
            if value is None or not np.isfinite(value):
                continue
            colour = colour_at(scale, float(value), trace.zmin, trace.zmax)
            yield rectangle(at - wide / 2, up - high / 2, at + wide / 2, up + high / 2, colour)
            if trace.texttemplate is not None:
                yield text(at, up + 4, _number(float(value)), _readable_on(colour), anchor="middle")


def colour_at(scale: Sequence[str], value: float, low: float, high: float) -> str:
    """Return the colour of a value on a scale of colours that are evenly spaced from `low` to `high`."""
    share = 0.5 if high <= low else min(max((value - low) / (high - low), 0.0), 1.0)
    place = share * (len(scale) - 1)
    first = min(int(place), len(scale) - 2)
    one, other = (_channels(scale[first + more]) for more in (0, 1))
    mixed = (round(a + (b - a) * (place - first)) for a, b in zip(one, other, strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _channels(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return red, green, blue


def _readable_on(colour: str) -> str:
    """Return black or white, by the lightness of what is behind."""
    red, green, blue = _channels(colour)
    return _INK if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else _PAPER


def _number(value: float) -> str:
    """Format as Plotly's ",.4~g" does, for numbers of the usual sizes."""
    rounded = float(f"{value:.4g}")
    return f"{rounded:,.4g}" if abs(rounded) < 10_000 else f"{rounded:,.0f}"
