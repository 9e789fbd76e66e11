"""Counts and latencies of a client."""

from __future__ import annotations

from typing import Any

from hftlab.client.histogram import LatencyHistogram
from hftlab.clock import NANOSECONDS, wall_time
from hftlab.html_table import facts_table

__all__ = ["Metrics"]


class Metrics:
    """Counts of the reference document's PerformanceMetrics in snake case, and latencies by component.

    `latency["feed"]` is the time between the venue's time (ts_event) and the server's send (ts_out),
    `latency["network"]` that from there to our receive, `latency["queue"]` that until the message is taken from the
    inbox, and `latency["handler"]` the time spent in the callbacks for "message". The first two compare clocks:
    `clock_offset` (ns, the server's minus ours) is taken out of the network's, and is 0 while it is not certain.

    `error_count` counts errors of the server and of the network, connections that were lost or could not be made, and
    exceptions of callbacks; an error that a call raises is not counted. `messages_lost` counts the messages of gaps,
    declared or not, `conflated` state skipped for a slow reader, `dropped` messages that the inbox had no room for,
    `duplicates` private messages that came twice and were handed on once.
    """

    def __init__(self) -> None:
        self.messages_received = 0
        self.messages_sent = 0
        self.bytes_received = 0
        self.bytes_sent = 0
        self.reconnection_count = 0
        self.error_count = 0
        self.gaps = 0
        self.messages_lost = 0
        self.conflated = 0
        self.dropped = 0
        self.duplicates = 0
        self.clock_offset = 0
        self.connected_at: int | None = None
        self.latency = {name: LatencyHistogram() for name in ("feed", "network", "queue", "handler")}

    @property
    def average_latency(self) -> float:
        """Mean network latency in seconds."""
        return self.latency["network"].mean / NANOSECONDS

    @property
    def connection_uptime(self) -> float:
        """Seconds since the connection became ready; 0 while there is none."""
        since = self.connected_at  # read once: the connection may end on its own thread meanwhile
        return 0.0 if since is None else (wall_time() - since) / NANOSECONDS

    def as_dict(self) -> dict[str, Any]:
        """Return all values by name, the latencies as summaries in nanoseconds."""
        counts = {name: value for name, value in vars(self).items() if name != "latency"}
        return {
            **counts,
            "average_latency": self.average_latency,
            "connection_uptime": self.connection_uptime,
            "latency": {name: histogram.summary() for name, histogram in self.latency.items()},
        }

    def _repr_html_(self) -> str:
        latency = {
            f"{name} latency": f"p50 {summary['p50'] / 1000:,.0f} µs, p99 {summary['p99'] / 1000:,.0f} µs"
            for name, histogram in self.latency.items()
            if histogram.count and (summary := histogram.summary())
        }
        counts = {name: value for name, value in vars(self).items() if name not in ("latency", "connected_at")}
        facts = {name.replace("_", " "): f"{value:,}" for name, value in counts.items()}
        facts["clock offset"] = f"{self.clock_offset / 1000:,.0f} µs"
        return facts_table("Metrics", {**facts, "connection uptime": f"{self.connection_uptime:,.0f} s", **latency})

    def __repr__(self) -> str:
        p50, p99 = (self.latency["network"].summary()[name] / 1000 for name in ("p50", "p99"))
        return (
            f"Metrics({self.messages_received:,} messages, {self.bytes_received:,} bytes, {self.messages_lost:,} lost, "
            f"network p50 {p50:,.0f} µs, p99 {p99:,.0f} µs)"
        )
