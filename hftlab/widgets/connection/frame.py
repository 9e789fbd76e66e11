"""State of a connection panel, and the frame of bytes in which it travels to the page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec

from hftlab.clock import NANOSECONDS, from_milliseconds
from hftlab.widgets.core.interfaces import ConnectedClient, ConnectionMetrics, LogEntry
from hftlab.widgets.core.numbers import UNKNOWN, clock_time, count, data_rate, data_size, elapsed
from hftlab.widgets.latency.rate_meter import Traffic

__all__ = ["ConnectionFrame", "Event", "Fact", "Subscription", "pack_connection", "read_connection"]

EVENTS: Final = 20
SILENT: Final = 3.0
"""Seconds without a message after which that is worth a warning."""
_FOR_PROGRAMS: Final = ("type", "action", "delay")
"""Values of a log entry that its text says already."""


class Fact(NamedTuple):
    """A name and its value as text; `warns` where it is worth a look, `hint` says what it is."""

    name: str
    text: str
    hint: str = ""
    warns: bool = False


class Subscription(NamedTuple):
    """A channel: its symbols, its data types, how often it comes, and what a slow reader gets."""

    symbols: str
    data_types: str
    every: str
    when_slow: str


class Event(NamedTuple):
    """An entry of the client's log; `time` is UTC."""

    time: str
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class ConnectionFrame:
    """State of a connection panel, as texts; `events` has the newest first."""

    status: str
    lasting: str
    facts: Sequence[Fact] = ()
    counters: Sequence[Fact] = ()
    subscriptions: Sequence[Subscription] = ()
    events: Sequence[Event] = ()
    version: int = 1


def read_connection(client: ConnectedClient, traffic: Traffic, silence: float | None, now: int) -> ConnectionFrame:
    """Read a client's state at `now` ns; `silence` is the age of the last message in seconds, None if not known."""
    status = str(client.connection_status)
    logs = client.debug_log.logs(limit=1000)
    since = _since(status, logs, client.metrics)
    return ConnectionFrame(
        status,
        "" if since is None else elapsed(max(0, now - since) / NANOSECONDS),
        _facts(client, traffic, silence),
        _counters(client),
        _subscriptions(client),
        [_event(entry) for entry in islice(reversed(logs), EVENTS)],
    )


def pack_connection(frame: ConnectionFrame) -> bytes:
    """Pack the frame as JSON in UTF-8."""
    return msgspec.json.encode(frame)


def _since(status: str, logs: Sequence[LogEntry], metrics: ConnectionMetrics) -> int | None:
    """Time (ns) at which the client came to its state; None if the log does not go back as far."""
    entry = next((entry for entry in reversed(logs) if entry.message == status), None)
    return metrics.connected_at if entry is None else from_milliseconds(entry.timestamp)


def _facts(client: ConnectedClient, traffic: Traffic, silence: float | None) -> list[Fact]:
    metrics = client.metrics
    offset = f"{metrics.clock_offset / 1000:+,.0f} µs" if metrics.clock_offset else "not certain yet"
    return [
        Fact("server", client.url),
        Fact(
            "last message",
            UNKNOWN if silence is None else f"{elapsed(silence, tenths=True)} ago",
            "when the newest message of any kind was received",
            silence is not None and silence >= SILENT,
        ),
        Fact("rate", _rate(traffic), "over the last two seconds"),
        Fact("received", f"{count(metrics.messages_received)} messages, {data_size(metrics.bytes_received)}"),
        Fact("sent", f"{count(metrics.messages_sent)} messages, {data_size(metrics.bytes_sent)}"),
        Fact("clock offset", offset, "the server's clock less ours, by PING; latencies are corrected by it"),
    ]


def _rate(traffic: Traffic) -> str:
    rate = traffic.message_rate
    if math.isnan(rate):
        return UNKNOWN
    return f"{rate:,.{1 if rate < 10 else 0}f} messages/s, {data_rate(traffic.byte_rate)}"


def _counters(client: ConnectedClient) -> list[Fact]:
    metrics = client.metrics
    stale = 0
    for symbol in client.symbols:
        book = client.book(symbol)
        stale += book is not None and book.stale
    counters = {
        "reconnects": (metrics.reconnection_count, "connections made again after one was lost"),
        "gaps": (metrics.gaps, "interruptions of a channel's sequence; its state is asked for anew"),
        "lost": (metrics.messages_lost, "messages of gaps"),
        "resyncing": (stale, "symbols whose book is stale now, until its state has come anew"),
        "conflated": (
            metrics.conflated,
            "state that the server skipped because this client was slow; nothing is missing",
        ),
        "dropped": (metrics.dropped, "messages for which the inbox had no room"),
        "duplicates": (metrics.duplicates, "private messages that came twice and were handed on once"),
        "errors": (metrics.error_count, "of the server, the network and callbacks"),
    }
    return [Fact(name, count(number), hint, number > 0) for name, (number, hint) in counters.items()]


def _subscriptions(client: ConnectedClient) -> list[Subscription]:
    if not client.channels and client.symbols:  # a server without channels, or no connection yet
        return [Subscription(", ".join(client.symbols), UNKNOWN, UNKNOWN, UNKNOWN)]
    return [
        Subscription(
            ", ".join(channel.symbols),
            ", ".join(str(kind) for kind in channel.data_types),
            f"{channel.frequency:g} ms" if channel.frequency else "every change",
            str(channel.slow_consumer).lower(),
        )
        for channel in client.channels
    ]


def _event(entry: LogEntry) -> Event:
    return Event(clock_time(from_milliseconds(entry.timestamp)), entry.level, _text(entry.message, entry.data or {}))


def _text(message: str, data: Mapping[str, Any]) -> str:
    if "detail" in data:
        return f"{message}, attempt {data['detail']}" if message == "RECONNECTING" else f"{message}: {data['detail']}"
    more = _pairs((name, value) for name, value in data.items() if name not in _FOR_PROGRAMS)
    return f"{message}: {more}" if more else message


def _pairs(items: Iterable[tuple[str, Any]]) -> str:
    return ", ".join(f"{name} {value}" for name, value in items if value is not None)
