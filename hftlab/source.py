"""What a server streams: anything that yields protocol messages in time order on a clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar, runtime_checkable

from hftlab.clock import Clock

__all__ = ["Seekable", "Source", "Tap", "Timed", "timed"]

MessageT_co = TypeVar("MessageT_co", covariant=True)


class Timed(NamedTuple, Generic[MessageT_co]):
    """A message, its time in int64 nanoseconds, and, if it is private, the account that it belongs to.

    The time is when it is due (a source), or when it was received (a client). `payload` is the JSON that the message
    came as, where it did, so that whoever stores or sends it on need not encode it again.
    """

    at: int
    message: MessageT_co
    account: str | None = None
    payload: bytes | None = None


Tap: TypeAlias = Callable[[Timed[Any]], object]
"""Gets every message that a client receives or a server streams. It must be quick, and must not change the message."""


def timed(items: Iterable[Any], at: int) -> list[Timed[Any]]:
    """What a source has yielded, each with its time: a bare message is due at `at` and belongs to no account."""
    return [item if isinstance(item, Timed) else Timed(at, item) for item in items]


@runtime_checkable
class Source(Protocol[MessageT_co]):
    """A simulated exchange, a recorded session or a venue's capture; the server does not know which.

    `clock` is the source's own time, int64 nanoseconds UTC; whoever drives the source waits on it.
    `symbols` are those that can be subscribed to. `name` is for people. `recorded` tells that the source has a first
    and a last message, so that the server holds its clock until somebody listens and says when it has ended.
    """

    name: str
    clock: Clock
    recorded: bool

    @property
    def symbols(self) -> Sequence[str]: ...

    def next_time(self) -> int | None:
        """When the next message is due, in nanoseconds of `clock`; None when there is none left."""
        ...

    def advance(self, until: int) -> Sequence[MessageT_co | Timed[MessageT_co]]:
        """The messages due up to and including `until`, in time order.

        A private message comes as `Timed`, with its account; a bare message is due when next_time() said.
        """
        ...


@runtime_checkable
class Seekable(Source[MessageT_co], Protocol[MessageT_co]):
    """A source whose messages are all there already, so that it can be taken to any time, back as well as forward."""

    @property
    def span(self) -> tuple[int, int] | None:
        """The times of the first and the last message, in nanoseconds of `clock`; None if there is none."""
        ...

    def seek(self, position: int) -> Sequence[MessageT_co]:
        """Go on with what comes after `position`, and leave the clock alone.

        Returns messages that, taken in one after the other, give the state as of `position`: that of all messages up
        to and including it. They are public ones: private messages are no state of the market.
        """
        ...

    def take(self, count: int) -> Sequence[Timed[MessageT_co]]:
        """The next `count` messages, each with its time, whenever they are due; fewer at the end."""
        ...
