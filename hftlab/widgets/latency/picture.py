"""Latencies as an SVG, from plain data: for saved notebooks and for reports."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from hftlab.widgets.core.numbers import UNKNOWN, count, data_rate, duration, round_duration
from hftlab.widgets.core.picture import Drawing

__all__ = ["COMPONENTS", "latency_svg", "traffic_text"]

COMPONENTS: Final = ("network", "feed", "queue", "handler")
"""The components of a latency, the most interesting first."""

WIDTH: Final = 560
PAD: Final = 14
HEADER: Final = 34
CHART: Final = 132
AXIS: Final = 22
ROW: Final = 20
COLUMNS: Final = ("p50", "p95", "p99", "p99.9", "max")
MARKED: Final = ("p50", "p99", "p99.9")
DECADE_STEPS: Final = (1, 2, 5)


def latency_svg(
    summaries: Mapping[str, Mapping[str, float]],
    bars: tuple[Sequence[float], Sequence[int]],
    *,
    component: str = "network",
    note: str = "",
) -> str:
    """Draw latencies as an SVG document; all times in nanoseconds.

    `summaries` maps each component to its percentiles; `bars` are the edges (n + 1) and the counts (n) of the
    histogram of `component`; `note` is one line of text at the top.
    """
    height = HEADER + CHART + AXIS + ROW * (1 + max(1, len(summaries))) + 12
    drawing = Drawing(WIDTH, height, f"Latency: {component}")
    drawing.text(PAD, 22, f"{component} latency", size=14, bold=True)
    drawing.text(WIDTH - PAD, 22, note, "muted", size=11, anchor="end")
    _chart(drawing, *bars, summaries.get(component, {}))
    _table(drawing, HEADER + CHART + AXIS + 16, summaries, component)
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
        drawing.text(across(ns), bottom + 16, round_duration(ns), "muted", size=10, anchor="middle")


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
    for place, name in enumerate(COLUMNS, start=1):
        drawing.text(PAD + 90 + place * step, y, name, "muted", size=11, anchor="end")
    for summary_name in sorted(summaries, key=lambda name: (name not in COMPONENTS, _place(name), name)):
        y += ROW
        drawing.text(PAD, y, summary_name, bold=summary_name == component)
        for place, name in enumerate(COLUMNS, start=1):
            value = summaries[summary_name].get(name)
            text = UNKNOWN if value is None else duration(value)
            drawing.text(PAD + 90 + place * step, y, text, anchor="end", mono=True)


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
