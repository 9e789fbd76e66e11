"""The live latency panel: how long messages take, component by component, and how many come."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import traitlets

from hftlab.widgets.core.interfaces import Client
from hftlab.widgets.core.live_widget import LiveWidget, page_source
from hftlab.widgets.core.picture import Picture
from hftlab.widgets.core.refresh_loop import REFRESH_LOOP, RefreshLoop
from hftlab.widgets.latency.frame import Component, pack_latency, read_component
from hftlab.widgets.latency.picture import COMPONENTS, latency_svg, traffic_text
from hftlab.widgets.latency.rate_meter import RateMeter, Traffic

__all__ = ["LatencyPanel"]


class LatencyPanel(LiveWidget):
    """A client's latencies, live: a histogram of one component, the percentiles of all, and the traffic.

    At most `rate` updates a second.
    """

    _esm = page_source(Path(__file__).with_name("latency.js"))

    components = traitlets.List(traitlets.Unicode(), list(COMPONENTS)).tag(sync=True)
    """The names that a frame's component numbers stand for."""

    def __init__(
        self,
        client: Client,
        rate: float = 4,
        *,
        timer: Callable[[], float] = time.monotonic,
        refresh_loop: RefreshLoop = REFRESH_LOOP,
    ) -> None:
        self._client = client
        self._timer = timer
        self._meter = RateMeter()
        super().__init__(rate, refresh_loop)

    def snapshot(self) -> bytes:
        """Pack the current latencies and rates; see pack_latency."""
        return pack_latency(*self._read())

    def connection_status(self) -> str:
        """The client's connection status."""
        return str(self._client.connection_status)

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
        with self._guard:
            metrics = self._client.metrics
            traffic = self._meter.read(self._timer(), metrics)
            return traffic, {name: read_component(each) for name, each in dict(metrics.latency).items()}

    def __repr__(self) -> str:
        return "LatencyPanel()"
