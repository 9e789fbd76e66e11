"""The view of a client's latencies: how long messages take, component by component, and how many come."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

from hftlab.clock import wall_time
from hftlab.widgets.core.interfaces import Client, Histogram
from hftlab.widgets.core.picture import Picture
from hftlab.widgets.core.view import Reply, View
from hftlab.widgets.latency.bars import EMPTY, PERCENTILES, Bars, read_bars
from hftlab.widgets.latency.frame import Component, pack_latency
from hftlab.widgets.latency.picture import COMPONENTS, latency_svg, traffic_text
from hftlab.widgets.latency.rate_meter import RateMeter, Traffic
from hftlab.widgets.latency.timeline import Timeline

__all__ = ["LatencyView"]

WORDS: Final = {
    "network": "from the server's send to our receipt, with the offset of the clocks taken out",
    "feed": "from the venue's event to the server's send: two clocks, which may disagree",
    "queue": "from our receipt until your code takes the message; not measured before it first does",
    "handler": 'the time spent in callbacks for "message", those of views included',
}
"""Meaning of each component."""


@dataclass(frozen=True, slots=True)
class _Baseline:
    """The state of the counters when they were reset; `at` in ns since 1970, 0 for the client's start."""

    at: int = 0
    traffic: Traffic = field(default_factory=Traffic)
    bars: Mapping[str, Bars] = field(default_factory=dict)


class LatencyView(View):
    """Latencies and traffic of a client, since its start or since reset().

    The settings `components` and `words` name what a frame's component numbers stand for, and what they mean.
    """

    page: ClassVar[Path] = Path(__file__).with_name("latency.js")

    def __init__(self, client: Client, rate: float = 4, *, timer: Callable[[], float] = time.monotonic) -> None:
        super().__init__(client, rate, components=list(COMPONENTS), words=[WORDS[name] for name in COMPONENTS])
        self._timer = timer
        self._meter = RateMeter()
        self._timeline = Timeline()
        self._baseline = _Baseline()

    def reset(self) -> None:
        """Count from now on, in this view; the client's own metrics go on."""
        metrics = self.client.metrics
        now = Traffic(metrics.messages_received, metrics.bytes_received, metrics.gaps)
        bars = {name: read_bars(histogram) for name, histogram in metrics.latency.items()}
        self._baseline = _Baseline(wall_time(), now, bars)
        self._timeline = Timeline()
        self.changed()

    def checked(self, name: str, value: Any) -> Any:  # noqa: ARG002
        """Refuse every change. Raises ValueError."""
        raise ValueError(f"{name} is not changed by the page")

    def receive(self, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> Reply | None:  # noqa: ARG002
        """Reset when a page asks for it by {"reset": true}."""
        if content.get("reset"):
            self.reset()
        return None

    def snapshot(self) -> bytes:
        """Pack the current latencies and rates; see pack_latency."""
        return pack_latency(*self._read(), self._baseline.at)

    def picture(self) -> Picture:
        """Draw the current latencies as a static picture."""
        traffic, components = self._read()
        chosen = next((name for name in COMPONENTS if name in components and components[name].count), COMPONENTS[0])
        shown = components.get(chosen, Component())
        note = traffic_text(traffic.message_rate, traffic.byte_rate, traffic.messages, traffic.gaps)
        svg = latency_svg(
            {name: each.summary for name, each in components.items() if each.count},
            shown.bars,
            line=shown.line,
            component=chosen,
            note=note,
        )
        return Picture(svg, "latencies")

    def _read(self) -> tuple[Traffic, dict[str, Component]]:
        metrics, now = self.client.metrics, self._timer()
        histograms = dict(metrics.latency)
        bars = {name: read_bars(histogram) for name, histogram in histograms.items()}
        if self._timeline.due(now):
            self._timeline.read(now, bars)
        components = {name: self._component(name, each, bars[name]) for name, each in histograms.items()}
        return self._meter.read(now, metrics).since(self._baseline.traffic), components

    def _component(self, name: str, histogram: Histogram, bars: Bars) -> Component:
        line = tuple(self._timeline.lines.get(name, ()))
        if not self._baseline.at:
            summary = histogram.summary() if histogram.count else {}
            return Component(
                histogram.count, {each: summary[each] for each in PERCENTILES if each in summary}, bars, line
            )
        bars = bars.since(self._baseline.bars.get(name, EMPTY))
        return Component(bars.total, bars.summary(), bars, line)
