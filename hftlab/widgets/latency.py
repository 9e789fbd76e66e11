"""The latency panel: how long messages take, part by part, and how many come."""

from __future__ import annotations

import struct
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any

import traitlets

from hftlab.widgets.latency_picture import COMPONENTS, latency_svg, traffic_text
from hftlab.widgets.picture import Picture
from hftlab.widgets.refresh_loop import Client, Histogram, Metrics
from hftlab.widgets.widget import LiveWidget, page_source

__all__ = ["Component", "LatencyPanel", "RateMeter", "Traffic", "pack_latency", "read_component"]

HEADER = ["version", "messages", "bytes", "gaps", "messageRate", "byteRate", "componentCount"]
"""The frame's first values, as latency.js names them; then the components."""
COMPONENT = ["name", "count", "p50", "p95", "p99", "p999", "max", "barCount"]
"""Each component's first values; `name` is its place in COMPONENTS. Then the bars' edges (one more) and counts."""
VERSION = 1
SHORTEST = 0.1  # seconds over which a rate means something
PERCENTILES = ("p50", "p95", "p99", "p99.9", "max")


@dataclass(frozen=True, slots=True)
class Traffic:
    messages: int = 0
    bytes: int = 0
    gaps: int = 0
    message_rate: float = nan
    """per second; NaN while it is not known"""
    byte_rate: float = nan


@dataclass(frozen=True, slots=True)
class Component:
    """One part of the way: `summary` and `edges` in nanoseconds, `counts[i]` between `edges[i]` and `edges[i + 1]`."""

    count: int = 0
    summary: Mapping[str, float] = field(default_factory=dict)
    edges: Sequence[float] = ()
    counts: Sequence[int] = ()


class RateMeter:
    """Turns counters into rates over the last seconds."""

    def __init__(self, window: float = 2.0) -> None:
        self._window = window
        self._samples: deque[tuple[float, int, int]] = deque()

    def read(self, now: float, metrics: Metrics) -> Traffic:
        messages, size, gaps = metrics.messages_received, metrics.bytes_received, metrics.gaps
        samples = self._samples
        if samples and messages < samples[-1][1]:  # the client started its counters anew
            samples.clear()
        samples.append((now, messages, size))
        while len(samples) > 2 and samples[1][0] <= now - self._window:
            samples.popleft()
        then, messages_then, size_then = samples[0]
        passed = now - then
        if passed < SHORTEST:
            return Traffic(messages, size, gaps)
        return Traffic(messages, size, gaps, (messages - messages_then) / passed, (size - size_then) / passed)


def read_component(histogram: Histogram) -> Component:
    """A histogram's state, without the empty bars at both ends."""
    if not histogram.count:
        return Component()
    edges, counts = histogram.bars()
    filled = [index for index, number in enumerate(counts) if number]
    if not filled:
        return Component(histogram.count, histogram.summary())
    first, end = filled[0], filled[-1] + 1
    return Component(histogram.count, histogram.summary(), edges[first : end + 1], counts[first:end])


def pack_latency(traffic: Traffic, components: Mapping[str, Component]) -> bytes:
    """The state as little-endian float64: HEADER, then each component; names that are not in COMPONENTS stay out."""
    known = [(COMPONENTS.index(name), each) for name, each in components.items() if name in COMPONENTS]
    values: list[float] = [
        VERSION,
        traffic.messages,
        traffic.bytes,
        traffic.gaps,
        traffic.message_rate,
        traffic.byte_rate,
        len(known),
    ]
    for index, each in known:
        values += [index, each.count, *(each.summary.get(name, 0) for name in PERCENTILES), len(each.counts)]
        values += [*each.edges, *each.counts]
    return struct.pack(f"<{len(values)}d", *values)


class LatencyPanel(LiveWidget):
    """A client's latencies, live: a histogram of one component, the percentiles of all, and the traffic.

    At most `rate` updates a second.
    """

    _esm = page_source("latency.js")

    components = traitlets.List(traitlets.Unicode(), list(COMPONENTS)).tag(sync=True)
    """The names that a frame's component numbers stand for."""

    def __init__(
        self, client: Client, rate: float = 4, *, timer: Callable[[], float] = time.monotonic, **feed: Any
    ) -> None:
        self._client = client
        self._timer = timer
        self._meter = RateMeter()
        super().__init__(rate, **feed)

    def snapshot(self) -> bytes:
        return pack_latency(*self._read())

    def connection_status(self) -> str:
        return str(self._client.connection_status)

    def picture(self) -> Picture:
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
