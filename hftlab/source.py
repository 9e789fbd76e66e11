"""What a server streams: anything that yields protocol messages in time order on a clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar, runtime_checkable

from hftlab.clock import Clock

__all__ = ["Seekable", "Source"]

MessageT = TypeVar("MessageT", covariant=True)


@runtime_checkable
class Source(Protocol[MessageT]):
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

    def advance(self, until: int) -> Sequence[MessageT]:
        """The messages due up to and including `until`, in time order."""
        ...


@runtime_checkable
class Seekable(Source[MessageT], Protocol[MessageT]):
    """A source whose messages are all there already, so that it can be taken to any time, back as well as forward."""

    @property
    def span(self) -> tuple[int, int] | None:
        """The times of the first and the last message, in nanoseconds of `clock`; None if there is none."""
        ...

    def seek(self, position: int) -> Sequence[MessageT]:
        """Go on with what comes after `position`, and leave the clock alone.

        Returns messages that, taken in one after the other, give the state as of `position`: that of all messages up
        to and including it.
        """
        ...

    def take(self, count: int) -> Sequence[tuple[int, MessageT]]:
        """The next `count` messages, each with its time, whenever they are due; fewer at the end."""
        ...
