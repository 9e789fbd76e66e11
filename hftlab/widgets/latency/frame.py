"""The latency panel's state, and the frame of bytes in which it travels to the page."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from hftlab.widgets.core.interfaces import Histogram
from hftlab.widgets.latency.picture import COMPONENTS
from hftlab.widgets.latency.rate_meter import Traffic

__all__ = ["COMPONENT", "HEADER", "Component", "pack_latency", "read_component"]

HEADER: Final = ("version", "messages", "bytes", "gaps", "messageRate", "byteRate", "componentCount")
"""The frame's first values, as latency.js names them; then the components."""
COMPONENT: Final = ("name", "count", "p50", "p95", "p99", "p999", "max", "barCount")
"""Each component's first values; `name` is its place in COMPONENTS. Then the bars' edges (one more) and counts."""
VERSION: Final = 1
PERCENTILES: Final = ("p50", "p95", "p99", "p99.9", "max")


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a message's way: `summary` and `edges` in ns, `counts[i]` between `edges[i]` and `edges[i + 1]`."""

    count: int = 0
    summary: Mapping[str, float] = field(default_factory=dict)
    edges: Sequence[float] = ()
    counts: Sequence[int] = ()


def read_component(histogram: Histogram) -> Component:
    """Read a histogram's state, without the empty bars at both ends."""
    if not histogram.count:
        return Component()
    edges, counts = histogram.bars()
    filled = [index for index, number in enumerate(counts) if number]
    if not filled:
        return Component(histogram.count, histogram.summary())
    first, end = filled[0], filled[-1] + 1
    return Component(histogram.count, histogram.summary(), edges[first : end + 1], counts[first:end])


def pack_latency(traffic: Traffic, components: Mapping[str, Component]) -> bytes:
    """Pack the state as little-endian float64: HEADER, then each component; names not in COMPONENTS are left out."""
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
