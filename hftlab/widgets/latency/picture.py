"""Latencies as an SVG, from plain data: for saved notebooks and for reports."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from hftlab.palette import Role
from hftlab.widgets.core.numbers import count, data_rate, microseconds
from hftlab.widgets.core.picture import Drawing

__all__ = ["COMPONENTS", "latency_svg", "traffic_text"]

COMPONENTS: Final = ("network", "feed", "queue", "handler")
"""The components of a latency, the most interesting first."""

WIDTH: Final = 560
PAD: Final = 14
HEADER: Final = 34
CHART: Final = 132
AXIS: Final = 22
LINE_CHART: Final = 104
GUTTER: Final = 48
ROW: Final = 20
COLUMNS: Final = ("p50", "p95", "p99", "p99.9", "max")
MARKED: Final = ("p50", "p99", "p99.9")
DECADE_STEPS: Final = (1, 2, 5)


def latency_svg(
    summaries: Mapping[str, Mapping[str, float]],
    bars: tuple[Sequence[float], Sequence[int]],
    *,
    line: Sequence[tuple[float, ...]] = (),
    component: str = "network",
    note: str = "",
) -> str:
    """Draw latencies as an SVG document, which shows them in µs; all arguments are in nanoseconds.

    `summaries` maps each component to its percentiles; `bars` are the edges (n + 1) and the counts (n) of the
    histogram of `component`, `line` its median and 99th percentile in each of the last seconds; `note` is one line of
    text at the top.
    """
    has_line = sum(math.isfinite(p50) for p50, _ in line) > 1
    below = HEADER + CHART + AXIS + (LINE_CHART if has_line else 0)
    height = below + ROW * (1 + max(1, len(summaries))) + 12
    drawing = Drawing(WIDTH, height, f"Latency: {component}")
    title = f"{component} latency, µs"
    drawing.text(PAD, 22, title, size=14, bold=True)
    drawing.text(WIDTH - PAD, 22, note, "muted", size=11, anchor="end")
    _chart(drawing, *bars, summaries.get(component, {}))
    if has_line:
        _line_chart(drawing, HEADER + CHART + AXIS, line)
    _table(drawing, below + 16, summaries, component)
    return drawing.svg()


def traffic_text(message_rate: float, byte_rate: float, messages: int, gaps: int) -> str:
    """Format the traffic: `4,322 messages/s · 2.30 MB/s · 1,234,567 in all · 2 gaps`; NaN rates are left out."""
    rates = [f"{count(message_rate)} messages/s", data_rate(byte_rate)] if math.isfinite(message_rate) else []
    return " · ".join([*rates, f"{count(messages)} in all", f"{count(gaps)} gap{'' if gaps == 1 else 's'}"])


def _chart(drawing: Drawing, edges: Sequence[float], counts: Sequence[int], summary: Mapping[str, float]) -> None:
    bottom = HEADER + CHART
    drawing.rectangle(PAD, bottom, WIDTH - 2 * PAD, 1, "line")
    if not counts:
        drawing.text(WIDTH / 2, bottom - CHART / 2, "no latencies measured yet", "muted", anchor="middle")
        return
    low, high = _range(edges)
    scale = (WIDTH - 2 * PAD) / math.log(high / low)

    def across(ns: float) -> float:
        return PAD + math.log(min(max(ns, low), high) / low) * scale

    tallest = max(counts)
    bar_paths = []
    for left, right, number in zip(edges, edges[1:], counts, strict=False):
        if number:
            # At least 1.5 px high: the few slowest messages must be seen.
            top = bottom - max(1.5, (CHART - 22) * number / tallest)
            bar_paths.append(f"M{across(left):.1f} {bottom}V{top:.1f}H{across(right) - 0.5:.1f}V{bottom}Z")
    drawing.path("".join(bar_paths), "bid", opacity=0.55)
    _marks(drawing, across, summary)
    for ns in _steps(low, high):
        drawing.rectangle(across(ns) - 0.5, bottom, 1, 4, "muted")
        if PAD < across(ns) < WIDTH - PAD:
            drawing.text(across(ns), bottom + 16, _plain(ns), "muted", size=10, anchor="middle")


def _line_chart(drawing: Drawing, top: float, line: Sequence[tuple[float, ...]]) -> None:
    """Draw the percentiles of each second on a logarithmic scale."""
    known = [value for second in line for value in second if math.isfinite(value)]
    low, high = _range((min(known), max(known)))
    bottom, left = top + LINE_CHART - 20, PAD + GUTTER

    def up(ns: float) -> float:
        return bottom - (bottom - top - 6) * math.log(ns / low) / math.log(high / low)

    free = bottom
    for ns in _steps(low, high):
        if up(ns) > free - 12:
            continue
        free = up(ns)
        drawing.rectangle(left, free, WIDTH - PAD - left, 0.5, "line")
        drawing.text(left - 5, free + 3, _plain(ns), "muted", size=9, anchor="end")
    step = (WIDTH - PAD - left) / max(len(line) - 1, 1)
    roles: tuple[tuple[int, Role], ...] = ((1, "ask"), (0, "bid"))
    for place, role in roles:
        for run in _runs([second[place] for second in line]):
            drawing.line([(left + step * second, up(ns)) for second, ns in run], role, thickness=1.3)
    drawing.text(left, bottom + 14, f"{len(line)} s ago", "muted", size=10)
    drawing.text(WIDTH / 2 - 6, bottom + 14, "p50", "bid", size=10, anchor="end")
    drawing.text(WIDTH / 2 + 6, bottom + 14, "p99", "ask", size=10)
    drawing.text(WIDTH - PAD, bottom + 14, "now", "muted", size=10, anchor="end")


def _runs(values: Sequence[float]) -> list[list[tuple[int, float]]]:
    """The stretches of known values, with their places."""
    runs: list[list[tuple[int, float]]] = [[]]
    for place, value in enumerate(values):
        if math.isfinite(value):
            runs[-1].append((place, value))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _marks(drawing: Drawing, across: Callable[[float], float], summary: Mapping[str, float]) -> None:
    """Mark percentiles with lines; a label that would touch the one before it is left out: the table has the value."""
    free = float("-inf")
    for name in MARKED:
        if name not in summary:
            continue
        x = across(summary[name])
        drawing.rectangle(x - 0.5, HEADER + 14, 1, CHART - 14, "ask")
        half = 3.4 * len(name)
        centre = min(max(x, PAD + half), WIDTH - PAD - half)
        if centre - half > free:
            drawing.text(centre, HEADER + 10, name, "ask", size=10, anchor="middle")
            free = centre + half + 4


def _table(drawing: Drawing, y: float, summaries: Mapping[str, Mapping[str, float]], component: str) -> None:
    step = (WIDTH - 2 * PAD - 90) / len(COLUMNS)
    drawing.text(PAD, y, "latency, µs", "muted", size=11)
    for place, name in enumerate(COLUMNS, start=1):
        drawing.text(PAD + 90 + place * step, y, name, "muted", size=11, anchor="end")
    for summary_name in sorted(summaries, key=lambda name: (name not in COMPONENTS, _place(name), name)):
        y += ROW
        drawing.text(PAD, y, summary_name, bold=summary_name == component)
        for place, name in enumerate(COLUMNS, start=1):
            text = microseconds(summaries[summary_name].get(name))
            drawing.text(PAD + 90 + place * step, y, text, anchor="end", mono=True)


def _plain(ns: float) -> str:
    """Format a round value as a number of µs, many as seconds."""
    return f"{ns / 1e9:,.0f} s" if ns >= 1e10 else f"{ns / 1000:,.10g}"


def _place(name: str) -> int:
    return COMPONENTS.index(name) if name in COMPONENTS else len(COMPONENTS)


def _range(edges: Sequence[float]) -> tuple[float, float]:
    """The range of the axis: the bars, and at least one decade around them."""
    low, high = max(1.0, edges[0]), max(2.0, edges[-1])
    missing = math.sqrt(10 / (high / low))
    return (low / missing, high * missing) if missing > 1 else (low, high)


def _steps(low: float, high: float) -> list[float]:
    """Round values on a logarithmic axis: 1, 2 and 5 of each decade where there is room, else the decades."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = DECADE_STEPS if math.log10(high / low) <= 3 else (1,)
    return [step for decade in decades for factor in factors if low <= (step := factor * 10.0**decade) <= high]
