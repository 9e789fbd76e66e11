"""A Plotly figure of lines, markers and bars as an SVG document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, Final
from zlib import crc32

import numpy as np

from hftlab.analysis.pictures.axis import Axis, kind_of
from hftlab.analysis.pictures.elements import plain, rectangle, stroke, text, text_width
from hftlab.analysis.pictures.heat import draw_heat
from hftlab.analysis.pictures.marks import bar_spans, draw_bars, draw_markers, draw_scatter, has_markers
from hftlab.palette import AXIS, CLEAR, FITTED, GRID, SANS, SERIES, WIDEST

__all__ = ["figure_svg"]

_HEIGHT: Final = 450
_MARGINS: Final = {"l": 80, "r": 80, "t": 100, "b": 80}
_SCATTER: Final = ("scatter", "scattergl")
_KEY: Final = 26
"""Pixels that the sample of a line takes in the legend."""


def figure_svg(figure: Any) -> str | None:
    """Draw a Plotly figure as an SVG document with the colours and the background of the figure.

    Scatter traces and bars on linear, logarithmic, time and category axes, heat maps on two axes of categories without
    a scale of colours, subplots, legend, shapes and annotations are drawn. Returns None for a figure with other traces:
    a picture that lacks something would mislead.
    """
    traces = [trace for trace in figure.data if trace.visible in (None, True)]
    if any(trace.type not in (*_SCATTER, "bar") and not _is_plain_heat(figure.layout, trace) for trace in traces):
        return None
    if figure.layout.barmode in ("stack", "relative") and sum(trace.type == "bar" for trace in traces) > 1:
        return None
    return _Picture(figure.layout, traces).svg()


class _Picture:
    def __init__(self, layout: Any, traces: Sequence[Any]) -> None:
        self._layout = layout
        self._traces = traces
        self._ink = layout.font.color or AXIS
        self._width, self._height = layout.width or WIDEST, layout.height or _HEIGHT
        edges = {
            side: getattr(layout.margin, side) if getattr(layout.margin, side) is not None else room
            for side, room in _MARGINS.items()
        }
        self._left, self._right = edges["l"], self._width - edges["r"]
        self._top, self._bottom = edges["t"], self._height - edges["b"]
        colours = layout.colorway or SERIES
        self._colours = [_own_colour(trace) or colours[place % len(colours)] for place, trace in enumerate(traces)]
        pairs = [(trace.xaxis or "x", trace.yaxis or "y") for trace in traces] or [("x", "y")]
        self._pairs = list(dict.fromkeys(pairs))
        self._axes = {name: self._axis(name) for pair in self._pairs for name in pair}
        for name in self._axes:
            self._fit(name)

    def svg(self) -> str:
        """The whole document."""
        title = plain(self._layout.title.text or "figure").replace("\n", " ")
        body = "".join(self._parts())
        # Pages may show several pictures in one document, where names are shared.
        clip = f"c{crc32(body.encode()):08x}"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self._width:g}" height="{self._height:g}" '
            f'viewBox="0 0 {self._width:g} {self._height:g}" {FITTED} role="img" font-family="{escape(SANS)}">'
            f"<title>{escape(title)}</title>{body.replace('#clip', clip)}</svg>"
        )

    def _axis(self, name: str) -> Axis:
        layout = self._axis_layout(name)
        is_x = name.startswith("x")
        start, end = layout.domain or (0, 1)
        if is_x:
            low, high = (self._left + at * (self._right - self._left) for at in (start, end))
        else:
            low, high = (self._bottom + at * (self._top - self._bottom) for at in (start, end))
        columns = [column for trace in self._on(name) if (column := getattr(trace, name[0])) is not None]
        if not is_x or all(trace.type != "bar" for trace in self._on(name)):
            columns += [trace.base for trace in self._on(name) if trace.type == "bar" and _listed(trace.base)]
        names = (value for column in columns for value in column)
        return Axis(layout, kind_of(layout, columns + self._columns_beside(name)), names, low, high)

    def _columns_beside(self, name: str) -> list[Any]:
        """Return the columns of the axes that match one: where it has no values it is of their kind, as in Plotly."""
        root = self._axis_layout(name).matches or name
        beside = {other for pair in self._pairs for other in pair if other != name and other[0] == name[0]}
        matching = [other for other in beside if (self._axis_layout(other).matches or other) == root]
        traces = [trace for other in sorted(matching) for trace in self._on(other)]
        return [column for trace in traces if (column := getattr(trace, name[0])) is not None]

    def _axis_layout(self, name: str) -> Any:
        return self._layout[f"{name[0]}axis{name[1:]}"]

    def _on(self, name: str) -> list[Any]:
        """The traces of an axis."""
        return [trace for trace in self._traces if name in (trace.xaxis or "x", trace.yaxis or "y")]

    def _fit(self, name: str) -> None:
        """Give an axis the range of its traces, and of those with which it is to match."""
        root = self._axis_layout(name).matches or name
        group = [one for one in self._axes if (self._axis_layout(one).matches or one) == root]
        axis, values, zero, padded = self._axes[name], [], False, name.startswith("y")
        for trace in (trace for one in group for trace in self._on(one)):
            if trace.type == "heatmap":
                continue  # all of the categories
            if trace.type == "bar":
                x, y = (self._axes[trace[f"{letter}axis"] or letter] for letter in "xy")
                begin, end, since, until = bar_spans(trace, x, y)
                is_along = name.startswith("x") == (trace.orientation == "h")
                values += [since, until] if is_along else [begin, end]
                zero |= is_along and trace.base is None
                padded &= is_along
            else:
                values.append(axis.numbers(getattr(trace, name[0])))
                zero |= trace.fill == "tozeroy" and name.startswith("y")
                padded |= has_markers(trace)
        zero |= self._axis_layout(name).rangemode == "tozero"
        axis.fit(np.concatenate(values) if values else np.empty(0), padded=padded, zero=zero)

    def _parts(self) -> Iterator[str]:
        yield rectangle(0, 0, self._width, self._height, self._layout.paper_bgcolor or CLEAR)
        for x, y in self._pairs:
            yield from self._frame(self._axes[x], self._axes[y])
        yield from self._shapes("below")
        for pair in self._pairs:
            yield from self._marks(*pair)
        yield from self._shapes("above")
        yield from self._texts()

    def _frame(self, x: Axis, y: Axis) -> Iterator[str]:
        """The grid, the ticks and the labels of two axes."""
        (left, right), (bottom, top) = x.ends, y.ends
        for axis, is_x in ((x, True), (y, False)):
            if axis.layout.visible is False:
                continue
            ticks = axis.ticks()
            if ticks and axis.layout.showgrid is not False:
                grid = (f"M{at:.1f} {bottom:g}V{top:g}" if is_x else f"M{left:g} {at:.1f}H{right:g}" for at, _ in ticks)
                yield stroke("".join(grid), axis.layout.gridcolor or GRID, 1)
            for at, label in () if axis.layout.showticklabels is False else ticks:
                if is_x:
                    yield text(at, bottom + 19, label, self._ink, anchor="middle")
                else:
                    yield text(left - 8, at + 4, label, self._ink, anchor="end")
            title = axis.layout.title.text
            if title and is_x:
                deep = 46 if axis.kind == "date" else 40
                yield text((left + right) / 2, bottom + deep, title, self._ink, size=14, anchor="middle")
            elif title:
                yield text(16, (top + bottom) / 2, title, self._ink, size=14, anchor="middle", turned=True)
        yield stroke(f"M{left:g} {bottom:g}H{right:g}", x.layout.linecolor or AXIS, 1)

    def _marks(self, x: str, y: str) -> Iterator[str]:
        (left, right), (bottom, top) = self._axes[x].ends, self._axes[y].ends
        name = f"#clip{x}{y}"
        box = f'<rect x="{left:g}" y="{top - 4:g}" width="{right - left:g}" height="{bottom - top + 8:g}"/>'
        yield f'<clipPath id="{name}">{box}</clipPath><g clip-path="url(#{name})" stroke-linejoin="round">'
        here = [place for place, trace in enumerate(self._traces) if (trace.xaxis or "x", trace.yaxis or "y") == (x, y)]
        bars = [place for place in here if self._traces[place].type == "bar"]
        side_by_side = len(bars) if self._layout.barmode in (None, "group") else 1
        before = None
        for place in here:
            trace, colour = self._traces[place], self._colours[place]
            if trace.type == "bar":
                turn = bars.index(place) if side_by_side > 1 else 0
                yield from draw_bars(trace, colour, self._axes[x], self._axes[y], turn, side_by_side)
            elif trace.type == "heatmap":
                yield from draw_heat(trace, self._axes[x], self._axes[y])
            elif trace.x is not None and trace.y is not None:
                yield from draw_scatter(trace, colour, self._axes[x], self._axes[y], before)
                before = trace
        yield "</g>"

    def _shapes(self, layer: str) -> Iterator[str]:
        """Bands and lines across a plot."""
        for shape in self._layout.shapes:
            if (shape.layer or "above") != layer or shape.type not in ("rect", "line"):
                continue
            (x0, y0), (x1, y1) = self._point(shape, "0"), self._point(shape, "1")
            opacity = 1.0 if shape.opacity is None else shape.opacity
            width = 2 if shape.line.width is None else shape.line.width
            if shape.type == "rect":
                yield rectangle(x0, y0, x1, y1, shape.fillcolor, opacity) if shape.fillcolor else ""
            elif width:
                line = f"M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}"
                yield stroke(line, shape.line.color or AXIS, width, dash=shape.line.dash, opacity=opacity)

    def _texts(self) -> Iterator[str]:
        title = self._layout.title
        if title.text:
            x = self._width * (0.05 if title.x is None else title.x)
            yield text(x, 28, title.text, self._ink, size=title.font.size or 17)
        for note in self._layout.annotations:
            x, y = self._point(note)
            tail_x, tail_y = (0.0, 0.0) if note.showarrow is False else (note.ax or 0.0, _or(note.ay, -30.0))
            if tail_x or tail_y:
                yield stroke(f"M{x:.1f} {y:.1f}l{tail_x:g} {tail_y:g}", note.arrowcolor or self._ink, 1)
            anchor = {"left": "start", "right": "end"}.get(note.xanchor or "", "middle")
            raised = {"top": 14, "bottom": -4}.get(note.yanchor or "", -4 if tail_y else 4)
            at = (x + tail_x + (note.xshift or 0), y + tail_y + raised - (note.yshift or 0))
            yield text(*at, note.text or "", note.font.color or self._ink, anchor=anchor, size=note.font.size or 12)
        yield from self._legend()

    def _point(self, item: Any, end: str = "") -> tuple[float, float]:
        """Pixels of a point of a shape or an annotation: on axes, in shares of a plot, or of all plots."""
        place = []
        for letter, low, high in (("x", self._left, self._right), ("y", self._bottom, self._top)):
            reference, value = item[f"{letter}ref"] or letter, item[f"{letter}{end}"]
            axis = self._axes.get(reference.removesuffix(" domain"))
            if axis is not None and reference in self._axes:
                place.append(axis.pixel(float(axis.numbers([value])[0])))
            else:
                start, stop = axis.ends if axis is not None else (low, high)
                place.append(start + value * (stop - start))
        return place[0], place[1]

    def _legend(self) -> Iterator[str]:
        """The names of the traces above the plots, in rows that end at their right edge."""
        if self._layout.showlegend is False:
            return
        named = [
            (plain(trace.name).replace("\n", " "), colour, trace)
            for trace, colour in zip(self._traces, self._colours, strict=True)
            if trace.name and trace.showlegend is not False
        ]
        if len(named) < 2 and not self._layout.showlegend:
            return
        rows: list[list[tuple[str, str, Any]]] = [[]]
        for entry in named:
            if (
                rows[-1]
                and sum(_KEY + 14 + text_width(one[0]) for one in (*rows[-1], entry)) > self._right - self._left
            ):
                rows.append([])
            rows[-1].append(entry)
        for row, entries in enumerate(rows):
            x = self._right - sum(_KEY + 14 + text_width(name) for name, _, _ in entries)
            y = self._top - 12 - 17 * (len(rows) - 1 - row)
            for name, colour, trace in entries:
                yield _sample(trace, colour, x, y - 4)
                yield text(x + _KEY, y, name, self._ink)
                x += _KEY + 14 + text_width(name)


def _sample(trace: Any, colour: str, x: float, y: float) -> str:
    """A trace's sign in the legend."""
    if trace.type == "bar":
        return rectangle(x + 4, y - 5, x + 18, y + 5, colour)
    if trace.mode == "markers":
        return draw_markers(np.array([x + 14]), np.array([y]), colour, 8, trace.marker.symbol)
    return stroke(f"M{x:.1f} {y:.1f}h20", colour, trace.line.width or 2, dash=trace.line.dash)


def _is_plain_heat(layout: Any, trace: Any) -> bool:
    axes = (layout[f"{letter}axis{(trace[f'{letter}axis'] or letter)[1:]}"] for letter in "xy")
    return trace.type == "heatmap" and trace.showscale is False and all(one.type == "category" for one in axes)


def _own_colour(trace: Any) -> str | None:
    """The colour that a trace has for itself."""
    if trace.type == "heatmap":
        return None
    candidates = (trace.marker.color, None if trace.type == "bar" else trace.line.color)
    return next((colour for colour in candidates[::-1] if isinstance(colour, str)), None)


def _listed(value: Any) -> bool:
    return value is not None and not isinstance(value, int | float | str)


def _or(value: Any, default: float) -> float:
    return default if value is None else float(value)
