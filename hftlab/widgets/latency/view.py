"""The view of a client's latencies: how long messages take, component by component, and how many come."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from hftlab.widgets.core.interfaces import Client
from hftlab.widgets.core.picture import Picture
from hftlab.widgets.core.view import View
from hftlab.widgets.latency.frame import Component, pack_latency, read_component
from hftlab.widgets.latency.picture import COMPONENTS, latency_svg, traffic_text
from hftlab.widgets.latency.rate_meter import RateMeter, Traffic

__all__ = ["LatencyView"]


class LatencyView(View):
    """Latencies and traffic of a client; the setting `components` names what a frame's component numbers stand for."""

    page: ClassVar[Path] = Path(__file__).with_name("latency.js")

    def __init__(self, client: Client, rate: float = 4, *, timer: Callable[[], float] = time.monotonic) -> None:
        super().__init__(client, rate, components=list(COMPONENTS))
        self._timer = timer
        self._meter = RateMeter()

    def snapshot(self) -> bytes:
        """Pack the current latencies and rates; see pack_latency."""
        return pack_latency(*self._read())

    def picture(self) -> Picture:
        """Draw the current latencies as a static picture."""
        traffic, components = self._read()
        chosen = next((name for name in COMPONENTS if name in components and components[name].count), COMPONENTS[0])
        shown = components.get(chosen, Component())
        note = traffic_text(traffic.message_rate, traffic.byte_rate, traffic.messages, traffic.gaps)
        svg = latency_svg(
            {name: each.summary for name, each in components.items() if each.count},
            (shown.edges, shown.counts),
            component=chosen,
            note=note,
        )
        return Picture(svg, "latencies")

    def _read(self) -> tuple[Traffic, dict[str, Component]]:
        metrics = self.client.metrics
        traffic = self._meter.read(self._timer(), metrics)
        return traffic, {name: read_component(each) for name, each in dict(metrics.latency).items()}
