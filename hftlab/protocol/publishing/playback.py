"""Where a source stands: waiting for somebody to listen, paused, moved to another position, at its end."""

from __future__ import annotations

from typing import Final

from hftlab.clock import Clock, from_milliseconds, to_milliseconds
from hftlab.errors import MessageParseError, ServerError
from hftlab.protocol import Message, ReplayAction, ReplayControl, ReplayState, ReplayStatus
from hftlab.source import Seekable, Source, Timed, timed

__all__ = ["Playback"]

_STEP: Final = 1000
"""Nanoseconds; the wire has whole microseconds."""


class Playback:
    """One source, or none. A recorded one waits until `begin()`, and can be controlled. No I/O but the source's own.

    A position is source time in ns: all messages up to and including it have been yielded, and none after it.
    """

    def __init__(self, source: Source[Message] | None) -> None:
        self.source = source
        self.clock = Clock() if source is None else source.clock
        self.is_recorded = self.is_waiting = source is not None and source.recorded
        self.is_ended = False
        self.failure: str | None = None
        """What the source has raised; it is left alone from then on."""
        first = None if source is None else source.next_time()
        self._last = self.clock.now() if first is None else first - _STEP
        """The position of what was last yielded; while waiting the source stands there, whatever the clock says."""

    # --- the stream ---

    def next_time(self) -> int | None:
        """When the source's next message is due; None if there is none, or it waits."""
        return None if self.is_waiting else self._due()

    def advance(self, at: int) -> list[Timed[Message]]:
        """What is due by `at`, each with the time when it was."""
        due = self.next_time()
        if self.source is None or due is None or due > at:
            return []
        self._last = due
        return timed(self.source.advance(at), due)

    def fail(self, error: Exception) -> ServerError:
        """The source has raised: nothing more is asked of it. Returns what to tell of that."""
        self.failure = f"{type(error).__name__}: {error}"
        return self._failed()

    def _failed(self) -> ServerError:
        return ServerError(f"{self._name} has failed ({self.failure}) and sends nothing more: start the server again")

    def _due(self) -> int | None:
        return None if self.source is None or self.failure is not None else self.source.next_time()

    def begin(self) -> None:
        """Let a source that waits start where it stands."""
        if self.is_waiting:
            self.is_waiting = False
            self.clock.set(self._last)

    # --- controls ---

    def check(self, request: ReplayControl) -> None:
        """Whether the source can do that. Raises ServerError, or MessageParseError if the request lacks a field."""
        if self.source is None or not self.is_recorded:
            raise ServerError(
                f"{self._name} is live and takes no REPLAY_CONTROL: serve a recording, as with session.replay()"
            )
        if self.failure is not None:
            raise self._failed()
        moves = request.action in (ReplayAction.SEEK, ReplayAction.STEP)
        if moves and not isinstance(self.source, Seekable):
            raise ServerError(f"{self._name} cannot be moved, only paused, resumed and given another speed")
        if request.action is ReplayAction.SEEK and request.position is None:
            raise MessageParseError("field `position` is missing: SEEK needs one, in ms", field="position")

    @property
    def seekable(self) -> Seekable[Message]:
        """The source, where check() has let a SEEK or STEP pass."""
        assert isinstance(self.source, Seekable)
        return self.source

    def pause(self) -> None:
        """Stop where the stream is, which a busy server may reach later than the clock, and at a whole microsecond."""
        self.clock.pause()
        if self.is_waiting:
            return
        now = self.clock.now()
        self.clock.set(self._last if self._is_behind(now) else max(self._last, now - now % _STEP))

    def _is_behind(self, now: int) -> bool:
        """Whether a message is due and has not been yielded yet."""
        due = self.next_time()
        return due is not None and due <= now

    def take(self, count: int) -> list[Timed[Message]]:
        """The next `count` messages, each with its time; the position is theirs afterwards."""
        taken = list(self.seekable.take(count))
        if taken:
            last, following = taken[-1].at, self.seekable.next_time()
            # Messages of the same time that are still to come are not due yet.
            self.move(last - 1 if following == last else last)
        return taken

    def reachable(self, position: int) -> int:
        """The nearest position to go to: before the first message, after the last, or anything between."""
        span = self.seekable.span
        return self.position if span is None else min(max(position, span[0] - _STEP), span[1])

    def move(self, position: int) -> None:
        """Stand at a position that the source has been taken to."""
        self.is_ended = False
        self._last = position
        if not self.is_waiting:
            self.clock.set(position)

    # --- where it stands ---

    @property
    def position(self) -> int:
        span = self.source.span if isinstance(self.source, Seekable) else None
        now = self.clock.now()
        if self.is_waiting or self.failure is not None or self._is_behind(now):
            return self._last
        return now if span is None or not self.is_ended else min(now, span[1])

    @property
    def state(self) -> ReplayState:
        if self.is_ended:
            return ReplayState.ENDED
        if self.clock.paused:
            return ReplayState.PAUSED
        return ReplayState.WAITING if self.is_waiting else ReplayState.PLAYING

    def status(self, *, reset: bool = False) -> ReplayStatus:
        span = self.source.span if isinstance(self.source, Seekable) else None
        return ReplayStatus(
            timestamp=1.0,
            state=self.state,
            position=self._told_position(),
            speed=None if self.clock.unpaced else self.clock.speed,
            start=None if span is None else _whole(span[0]),
            end=None if span is None else _whole(span[1]),
            reset=reset,
        )

    def _told_position(self) -> float:
        """Rounded up, so that who goes there finds all that was before; but never as far as what is still to come."""
        position = self.position
        due = self._due()
        rounded = _whole(position)
        return rounded if due is None or from_milliseconds(rounded) < due else to_milliseconds(position)

    @property
    def _name(self) -> str:
        return "what this server is given by hand" if self.source is None else f"the source {self.source.name!r}"


def _whole(ns: int) -> float:
    """The wire's milliseconds, rounded up to whole microseconds."""
    return to_milliseconds(ns + _STEP - 1)
