"""Interfaces of what widgets show: a client, its order books, counters and histograms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from hftlab.protocol.messages import ChannelInfo, MarketDataSymbol, ReplayStatus

__all__ = [
    "Book",
    "Client",
    "ConnectedClient",
    "ConnectionMetrics",
    "DebugLog",
    "Histogram",
    "Level",
    "LogEntry",
    "Metrics",
    "Replay",
    "StreamingClient",
]

Level: TypeAlias = tuple[float, float, int]
"""(price, size, orders)"""


class Book(Protocol):
    """An order book; `ts_event` in ns, `stale` while newer levels are known to be lost."""

    @property
    def stale(self) -> bool: ...
    @property
    def ts_event(self) -> int: ...
    def bids(self, n: int, /) -> Sequence[Level]: ...
    def asks(self, n: int, /) -> Sequence[Level]: ...


class Histogram(Protocol):
    """A latency histogram; all values in nanoseconds."""

    @property
    def count(self) -> int: ...
    def summary(self) -> Mapping[str, float]: ...
    def bars(self) -> tuple[Sequence[float], Sequence[int]]: ...


class Metrics(Protocol):
    """A client's counters, and a histogram of each component of its latency."""

    @property
    def latency(self) -> Mapping[str, Histogram]: ...
    @property
    def messages_received(self) -> int: ...
    @property
    def bytes_received(self) -> int: ...
    @property
    def gaps(self) -> int: ...


class Replay(Protocol):
    """The controls of a replay; `status` is None while the server streams no recording.

    Each call returns once the server has done it. Positions are source time in ns.
    """

    @property
    def status(self) -> ReplayStatus | None: ...
    def pause(self) -> object: ...
    def resume(self, *, loop: bool | None = None) -> object: ...
    def step(self, count: int = 1, *, seconds: float | None = None) -> object: ...
    def seek(self, position: int, /) -> object: ...
    def set_speed(self, speed: float, /) -> object: ...


class Client(Protocol):
    """A client that widgets read. Every call comes from the refresh thread, and must be safe and cheap there."""

    @property
    def connection_status(self) -> Any: ...
    @property
    def symbols(self) -> Sequence[str]: ...
    @property
    def offered_symbols(self) -> Sequence[str]: ...
    @property
    def replay(self) -> Replay: ...
    @property
    def metrics(self) -> Metrics: ...
    def book(self, symbol: str, /) -> Book | None: ...
    def latest(self, symbol: str, /) -> MarketDataSymbol | None: ...


class StreamingClient(Client, Protocol):
    """A client whose messages can be followed as they come."""

    @property
    def channels(self) -> Sequence[ChannelInfo]: ...
    def on(self, event: str, callback: Callable[..., object], /) -> Callable[[], None]: ...


class LogEntry(Protocol):
    """An entry of a client's log; `timestamp` in ms since 1970."""

    @property
    def timestamp(self) -> float: ...
    @property
    def level(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def data(self) -> Mapping[str, Any] | None: ...


class DebugLog(Protocol):
    """A client's log: the newest entries, oldest first."""

    def logs(self, level: None = None, limit: int = 100) -> Sequence[LogEntry]: ...


class ConnectionMetrics(Metrics, Protocol):
    """All counters of a client; `clock_offset` and `connected_at` in ns."""

    @property
    def messages_sent(self) -> int: ...
    @property
    def bytes_sent(self) -> int: ...
    @property
    def reconnection_count(self) -> int: ...
    @property
    def error_count(self) -> int: ...
    @property
    def messages_lost(self) -> int: ...
    @property
    def conflated(self) -> int: ...
    @property
    def dropped(self) -> int: ...
    @property
    def duplicates(self) -> int: ...
    @property
    def clock_offset(self) -> int: ...
    @property
    def connected_at(self) -> int | None: ...


class ConnectedClient(Client, Protocol):
    """A client that tells of its connection."""

    @property
    def url(self) -> str: ...
    @property
    def metrics(self) -> ConnectionMetrics: ...
    @property
    def debug_log(self) -> DebugLog: ...
    @property
    def channels(self) -> Sequence[ChannelInfo]: ...
