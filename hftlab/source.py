"""Sources: what a server streams, anything that yields protocol messages in time order on a clock."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar, runtime_checkable

from hftlab.clock import Clock

__all__ = [
    "Live",
    "ReadsAhead",
    "Seekable",
    "Source",
    "SourceDecorator",
    "Status",
    "Steppable",
    "Tap",
    "Timed",
    "timed",
    "undecorated",
]

MessageT = TypeVar("MessageT")
MessageT_co = TypeVar("MessageT_co", covariant=True)


class Timed(NamedTuple, Generic[MessageT_co]):
    """A message, its time in int64 nanoseconds, and, if it is private, the account that it belongs to.

    The time is when it is due (a source), or when it was received (a client). `payload` is the JSON that the message
    came as, where it did, so that it need not be encoded again to be stored or sent.
    """

    at: int
    message: MessageT_co
    account: str | None = None
    payload: bytes | None = None


Tap: TypeAlias = Callable[[Timed[Any]], object]
"""Function that gets every message which a client receives or a server streams.

It must return quickly and must not change the message."""


def timed(items: Iterable[Any], at: int) -> list[Timed[Any]]:
    """Give each item that a source has yielded its time: a bare message is due at `at` and belongs to no account."""
    return [item if isinstance(item, Timed) else Timed(at, item) for item in items]


@runtime_checkable
class Source(Protocol[MessageT_co]):
    """Simulated exchange, recorded session, venue's capture or live feed; the server does not know which.

    `clock` is the source's own time, int64 nanoseconds UTC; the server waits on it. `symbols` are those
    that can be subscribed to. `name` is for display. `recorded` is True for a source that has a first and a last
    message: the server then holds the clock until a client has subscribed, and announces the end.
    """

    name: str
    clock: Clock
    recorded: bool

    @property
    def symbols(self) -> Sequence[str]: ...

    def next_time(self) -> int | None:
        """Time at which the next message is due, in nanoseconds of `clock`; None when no message is left."""
        ...

    def advance(self, until: int) -> Sequence[MessageT_co | Timed[MessageT_co]]:
        """Return the messages due up to and including `until`, in time order.

        A private message comes as `Timed`, with its account. A bare message is public, and due at the time that
        next_time() gave.
        """
        ...


@runtime_checkable
class Steppable(Source[MessageT_co], Protocol[MessageT_co]):
    """Source whose messages can be taken one by one, whenever they are due."""

    def take(self, count: int) -> Sequence[Timed[MessageT_co]]:
        """Take the next `count` messages, each with its time, whenever they are due; fewer at the end."""
        ...


@runtime_checkable
class Seekable(Steppable[MessageT_co], Protocol[MessageT_co]):
    """Source that can be moved to any time, back as well as forward, because all its messages exist already."""

    @property
    def span(self) -> tuple[int, int] | None:
        """Times of the first and the last message, in nanoseconds of `clock`; None if there are no messages."""
        ...

    def seek(self, position: int) -> Sequence[MessageT_co]:
        """Continue with the messages after `position`. The clock is left alone.

        Returns public messages that, applied one after the other, give the state of the market as of `position`: that
        of all messages up to and including it.
        """
        ...


@runtime_checkable
class ReadsAhead(Protocol):
    """Methods of a source whose messages come from a disk or a network, so that next_time() may have to wait."""

    def is_ready(self, patience: float | None = 0.0) -> bool:
        """Tell whether the next message is at hand; wait up to `patience` seconds for it (None: until it is)."""
        ...


class Status(NamedTuple):
    """Change of what a live source gets: an `event` of a recording's control table, "connect" or "disconnect".

    `at` is its time in ns, `symbols` those that it concerns, and `since` when the last of them was heard before a
    disconnect.
    """

    event: str
    at: int
    symbols: tuple[str, ...]
    detail: str
    since: int | None = None


@runtime_checkable
class Live(Protocol):
    """Methods of a source that a network pushes messages to: nobody knows when the next one is due.

    It receives as long as somebody watches it. next_time() is None while nothing has come, and otherwise a time that
    has passed; a gap in what came is a GAP message of its symbols, from which on they are not to be relied on until
    their next message. Functions in the lists of taps are called by advance(), in the order of what they are told, and
    must not raise: `status_taps` with what becomes of connections, `raw_taps` with (symbol, ts_recv, payload) of each
    frame and snapshot as it came, `event_taps` with the EventBatches that the messages were made of.
    """

    name: str
    instruments: Sequence[Any]
    """Instruments with their ticks and lots; none until wait() has returned True."""
    status_taps: list[Callable[[Status], object]]
    raw_taps: list[Callable[[str, int, bytes], object]]
    event_taps: list[Callable[[Any], object]]

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Receive from now on, and call `callback`, on any thread, when messages have come while there were none.

        Returns a function that ends the watch; behind the last one the connections are closed.
        """
        ...

    def wait(self, timeout: float) -> bool:
        """Wait, while it is watched, until it knows its instruments; False if it does not in `timeout` seconds.

        Raises HftlabError if it never will, as for a symbol that the venue does not list.
        """
        ...

    @property
    def unreliable(self) -> Collection[str]:
        """Symbols that are flagged by a GAP at present."""
        ...

    @property
    def problem(self) -> str | None:
        """Sentence that says what is wrong with its connections and what to do about it, None if nothing is."""
        ...


class SourceDecorator(Generic[MessageT]):
    """Base of a source that changes or adds to the messages of another one, on the other's clock.

    A decorator of a Seekable source is Seekable itself, and one of another source is not: subclass it twice.
    """

    def __init__(self, source: Source[MessageT]) -> None:
        self._source = source
        self.name, self.recorded = source.name, source.recorded
        self._reader = source if isinstance(source, ReadsAhead) else None

    @property
    def decorated(self) -> Source[MessageT]:
        """The source that it decorates."""
        return self._source

    @property
    def clock(self) -> Clock:
        """Clock of the decorated source; setting it sets that one's."""
        return self._source.clock

    @clock.setter
    def clock(self, clock: Clock) -> None:
        self._source.clock = clock

    @property
    def symbols(self) -> Sequence[str]:
        """Symbols of the decorated source."""
        return self._source.symbols

    def is_ready(self, patience: float | None = 0.0) -> bool:
        """Tell whether the decorated source has its next message at hand; see ReadsAhead."""
        return self._reader is None or self._reader.is_ready(patience)

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Watch the decorated source if it is a live one; see Live."""
        watch = getattr(self._source, "watch", None)
        ended: Callable[[], None] = _nothing if watch is None else watch(callback)
        return ended


def _nothing() -> None:
    pass


def undecorated(source: object) -> object:
    """Return the source that is below all decorators: itself if there are none."""
    while isinstance(source, SourceDecorator):
        source = source._source
    return source
