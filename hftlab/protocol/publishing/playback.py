"""The position and state of a source: waiting for a first subscription, playing, paused, moved, ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from hftlab.clock import Clock, from_milliseconds, to_milliseconds
from hftlab.errors import MessageParseError, ServerError
from hftlab.protocol import Message, ReplayAction, ReplayControl, ReplayState, ReplayStatus
from hftlab.protocol.publishing.source_check import SourceCheck
from hftlab.source import ReadsAhead, Seekable, Source, Steppable, Timed, timed

__all__ = ["Playback"]

_CONTROL_ADVICE: Final = "serve a recording, as with session.replay(), or an exchange with stepped=True"
_STEP: Final = 1000
"""Nanoseconds; the wire has whole microseconds."""


class Playback:
    """Plays one source, or none. A recorded one waits until `begin()`, and can be controlled. No I/O of its own.

    A position is source time in nanoseconds: all messages up to and including it have been yielded, and none after it.
    """

    def __init__(self, source: Source[Message] | None) -> None:
        self.source = source
        self.clock = Clock() if source is None else source.clock
        self.is_recorded = self.is_waiting = source is not None and source.recorded
        self.is_ended = False
        self.is_moving = False
        """True while another thread takes the source to another position: nothing else may ask it until then."""
        self.is_looping: bool = getattr(source, "loop", False)
        """True if it begins again at its end."""
        self._has_advanced = False
        self.check_of_source = SourceCheck(source)
        self._reader = source if isinstance(source, ReadsAhead) else None
        self._advance: Any = getattr(source, "advance_ready", getattr(source, "advance", None))
        # What a subclass yields is checked, and for that it has to be decoded.
        own = source if self.check_of_source.trusts_source else None
        self._advance_encoded: Any = getattr(own, "advance_encoded", self._advance)
        self._order_time: Callable[[int], int] | None = getattr(source, "order_time", None)
        self._take_until: Any = getattr(source, "take_until", None)
        self._watch: Callable[[Callable[[], None]], Callable[[], None]] | None = getattr(source, "watch", None)
        self.failure: str | None = None
        """The exception that the source has raised; the source is not asked again after it."""
        first = None if source is None else self.check_of_source.time(source.next_time())
        self._last = self.clock.now() if first is None else first - _STEP
        """The position after the last message; a source that waits stands there, whatever the clock says."""

    # --- the stream ---

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Let a live source receive, which calls `callback` when messages have come; returns a function that ends it.

        See hftlab.source.Live. Nothing happens for another source.
        """
        return _nothing if self._watch is None else self._watch(callback)

    def next_time(self) -> int | None:
        """Return when the next message is due; None if there is none, or the source waits."""
        return None if self.is_waiting else self._due()

    def is_ready(self, patience: float | None = 0.0) -> bool:
        """Tell whether the source has its next message at hand; wait up to `patience` seconds (None: until it has).

        As long as it has not, next_time() is that of the last message, and advance() may return nothing.
        """
        return self._reader is None or self.failure is not None or self._reader.is_ready(patience)

    def advance(self, at: int, *, encoded: bool = False) -> list[Timed[Any]]:
        """Return the messages that are due by `at`, each with its time and, if it is private, its account.

        With `encoded` MARKET_DATA may come as EncodedMarketData.
        """
        due = self.next_time()
        if self.source is None or due is None or due > at:
            return []
        if not self.is_ready():
            return []
        self._last, self._has_advanced = due, True
        advance = self._advance_encoded if encoded else self._advance
        return self.check_of_source.timed(timed(advance(due), due))

    def fail(self, error: Exception) -> ServerError:
        """Note that the source has raised, after which it is not asked again; returns the error to report."""
        self.failure = f"{type(error).__name__}: {error}"
        return self._failed()

    def _failed(self) -> ServerError:
        return ServerError(f"{self.name} has failed ({self.failure}) and sends nothing more: start the server again")

    def _due(self) -> int | None:
        if self.source is None or self.failure is not None or self.is_moving:
            return None
        return self.check_of_source.time(self.source.next_time()) if self.is_ready() else self._last

    def begin(self) -> None:
        """Start a source that waits."""
        if self.is_waiting:
            self.is_waiting = False
            self.clock.set(self._last)

    # --- controls ---

    def check(self, request: ReplayControl) -> None:
        """Check that the source can do that. Raises ServerError, or MessageParseError if a field is missing."""
        if self.source is None or not self.is_recorded:
            advice = getattr(self.source, "control_advice", _CONTROL_ADVICE)
            raise ServerError(f"{self.name} is live and cannot be controlled: {advice}")
        if self.failure is not None:
            raise self._failed()
        can_step, can_seek = isinstance(self.source, Steppable), isinstance(self.source, Seekable)
        if (request.action is ReplayAction.STEP and not can_step) or (
            request.action is ReplayAction.SEEK and not can_seek
        ):
            others = "stepped, paused" if can_step else "paused"
            raise ServerError(f"{self.name} cannot be moved, only {others}, resumed and given another speed")
        if request.loop and not can_seek:
            raise ServerError(f"{self.name} has no end at which to begin again: leave `loop` out")
        if request.action is ReplayAction.SEEK and request.position is None and request.sequence is None:
            raise MessageParseError("field `position` is missing: SEEK needs one, in ms", field="position")
        if request.sequence is not None and not hasattr(self.source, "time_of"):
            raise ServerError(f"{self.name} does not number its messages: SEEK to a `position`")

    @property
    def seekable(self) -> Seekable[Message]:
        """The source, once check() has accepted a SEEK."""
        assert isinstance(self.source, Seekable)
        return self.source

    @property
    def steppable(self) -> Steppable[Message]:
        """The source, once check() has accepted a STEP."""
        assert isinstance(self.source, Steppable)
        return self.source

    def pause(self) -> None:
        """Stop at the stream's position, which is behind the clock on a busy server, on a whole microsecond."""
        self.clock.pause()
        if self.is_waiting:
            return
        now = self.clock.now()
        self.clock.set(self._last if self._is_behind(now) else max(self._last, now - now % _STEP))

    def _is_behind(self, now: int) -> bool:
        """True if a message is due and has not been yielded yet."""
        due = self.next_time()
        return due is not None and due <= now

    def take(self, count: int) -> list[Timed[Message]]:
        """Take the next `count` messages, each with its time, and move to the position of the last."""
        taken = list(self.steppable.take(count))
        if taken:
            last, following = taken[-1].at, self.steppable.next_time()
            # Messages of the same time that are still to come are not due yet.
            self.move(last - 1 if following == last else last)
        return self.check_of_source.timed(taken)

    def take_until(self, position: int, most: int) -> list[Timed[Message]]:
        """Take the messages up to and including `position`, at most `most` at once; move there after the last."""
        if self._take_until is not None:
            taken: list[Timed[Message]] = list(self._take_until(position, most))
        else:
            taken = self._taken_one_by_one(position, most)
        if len(taken) < most:
            self.move(position)
        elif taken:
            last = taken[-1].at
            self.move(last - 1 if self.steppable.next_time() == last else last)
        return self.check_of_source.timed(taken)

    def _taken_one_by_one(self, position: int, most: int) -> list[Timed[Message]]:
        taken: list[Timed[Message]] = []
        while len(taken) < most and (due := self.steppable.next_time()) is not None and due <= position:
            taken += self.steppable.take(1)
        return taken

    def time_of(self, sequence: int) -> int:
        """Return the time of a message by its number, that of the first or last message if there is no such number."""
        span = self.seekable.span
        at: int | None = self.source.time_of(sequence)  # type: ignore[union-attr]
        return at if at is not None else self.position if span is None else span[0] - _STEP

    def seek(self, position: int) -> list[Message]:
        """Take the source to a position; returns the messages that give its state there."""
        return self.check_of_source.messages(self.seekable.seek(position))

    def reachable(self, position: int) -> int:
        """Return the nearest position that the source can go to: from just before its first message to its last."""
        if not isinstance(self.source, Seekable):
            return position  # of a market that goes on
        span = self.source.span
        return self.position if span is None else min(max(position, span[0] - _STEP), span[1])

    @property
    def start(self) -> int | None:
        """The position from which to begin again at the end; None if it does not, or there is nothing to stream."""
        span = self.source.span if isinstance(self.source, Seekable) and self.failure is None else None
        if span is None or not self.is_looping or self.clock.paused or self.is_waiting or not self._has_advanced:
            return None
        return span[0] - _STEP

    def move(self, position: int) -> None:
        """Note that the source has been taken to a position."""
        self.is_ended = self._has_advanced = False
        self._last = position
        if not self.is_waiting:
            self.clock.set(position)

    # --- where it stands ---

    @property
    def position(self) -> int:
        """The source time up to which all messages have been yielded."""
        span = self.source.span if isinstance(self.source, Seekable) else None
        now = self.clock.now()
        if self.is_waiting or self.failure is not None or self.is_moving or self._is_behind(now):
            return self._last
        return now if span is None or not self.is_ended else min(now, span[1])

    @property
    def order_time(self) -> int:
        """The time of an order that is sent now."""
        return self.position if self._order_time is None else self._order_time(self.position)

    @property
    def state(self) -> ReplayState:
        """The state that REPLAY_STATUS tells."""
        if self.is_ended:
            return ReplayState.ENDED
        if self.clock.paused:
            return ReplayState.PAUSED
        return ReplayState.WAITING if self.is_waiting else ReplayState.PLAYING

    def status(self, *, reset: bool = False) -> ReplayStatus:
        """Describe the playback; `reset` tells clients to forget the state that they know."""
        span = self.source.span if isinstance(self.source, Seekable) else None
        return ReplayStatus(
            timestamp=1.0,
            state=self.state,
            position=self._wire_position(),
            speed=None if self.clock.unpaced else self.clock.speed,
            start=None if span is None else _whole(span[0]),
            end=None if span is None else _whole(span[1]),
            reset=reset,
            loop=self.is_looping,
            order_time=None if self._order_time is None else self.order_time,
        )

    def _wire_position(self) -> float:
        """The position rounded up, so that a SEEK to it finds all messages before, but short of the next message."""
        position = self.position
        due = self._due()
        rounded = _whole(position)
        return rounded if due is None or from_milliseconds(rounded) < due else to_milliseconds(position)

    @property
    def name(self) -> str:
        """Name of the source in error messages."""
        return "a server without a source" if self.source is None else f"the source {self.source.name!r}"


def _nothing() -> None:
    pass


def _whole(ns: int) -> float:
    """The wire's milliseconds, rounded up to whole microseconds."""
    return to_milliseconds(ns + _STEP - 1)
