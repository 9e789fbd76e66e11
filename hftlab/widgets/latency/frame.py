"""The latency panel's state, and the frame of bytes in which it travels to the page."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from hftlab.widgets.latency.bars import EMPTY, PERCENTILES, Bars
from hftlab.widgets.latency.picture import COMPONENTS
from hftlab.widgets.latency.rate_meter import Traffic

__all__ = ["COMPONENT", "HEADER", "LINE_UNIT", "Component", "pack_latency"]

HEADER: Final = ("version", "messages", "bytes", "gaps", "messageRate", "byteRate", "since", "componentCount")
"""The frame's first float64 values, as latency.js names them; `since` in ms since 1970, 0 for the client's start."""
COMPONENT: Final = ("name", "count", "p50", "p95", "p99", "p999", "max", "low", "ratio", "barCount", "lineCount")
"""Each component's float64 values; `name` is its place in COMPONENTS, `low` the first bar's lower edge in ns.

Behind those of all components come, for each, the bars' counts as uint32, and the line's seconds as two uint16.
"""
VERSION: Final = 2
LINE_UNIT: Final = 5000
"""A line's value is the logarithm to base ten of the ns, times this; 0 is unknown."""
MOST: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a message's way: `summary` in ns, `bars` of all latencies, `line` the percentiles of each second."""

    count: int = 0
    summary: Mapping[str, float] = field(default_factory=dict)
    bars: Bars = EMPTY
    line: Sequence[tuple[float, ...]] = ()


def pack_latency(traffic: Traffic, components: Mapping[str, Component], since: int = 0) -> bytes:
    """Pack the state, little-endian: HEADER, each COMPONENT, then bars and lines; names not in COMPONENTS are left out.

    `since` in ns.
    """
    known = [(COMPONENTS.index(name), each) for name, each in components.items() if name in COMPONENTS]
    values: list[float] = [VERSION, traffic.messages, traffic.bytes, traffic.gaps]
    values += [traffic.message_rate, traffic.byte_rate, since / 1e6, len(known)]
    tail = b""
    for index, each in known:
        counts = [min(number, MOST) for number in each.bars.counts]
        low = each.bars.edges[0] if counts else math.nan
        values += [index, each.count, *(each.summary.get(name, math.nan) for name in PERCENTILES)]
        values += [low, each.bars.ratio, len(counts), len(each.line)]
        codes = [_code(value) for second in each.line for value in second]
        tail += struct.pack(f"<{len(counts)}I{len(codes)}H", *counts, *codes)
    return struct.pack(f"<{len(values)}d", *values) + tail


def _code(ns: float) -> int:
    return round(LINE_UNIT * math.log10(max(ns, 1.0))) or 1 if math.isfinite(ns) else 0
