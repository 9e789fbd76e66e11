"""A recorded session as a source."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from hftlab.clock import NANOSECONDS, Clock
from hftlab.protocol import Message
from hftlab.protocol.encoded_market_data import EncodedMarketData
from hftlab.session.read_ahead import ReadAhead
from hftlab.session.recorded import Recorded
from hftlab.source import Timed

if TYPE_CHECKING:
    from hftlab.session.session import Session

__all__ = ["Replay"]


class _Messages(Protocol):
    """Recorded messages by position, such as hftlab.session.reader.Reader gives them."""

    def messages(
        self, after: int | None = None, *, beyond: int | None = None, is_encoded: Callable[[], bool] = ...
    ) -> Iterator[Recorded]: ...
    def state(self, at: int) -> list[Message]: ...
    def time_of(self, number: int) -> int | None: ...


class _Preference:
    """Wish of a replay for encoded messages: all that the thread which reads ahead knows of the replay."""

    def __init__(self) -> None:
        self.encoded = False

    def is_encoded(self) -> bool:
        return self.encoded


class Replay:
    """Source that streams recorded messages in the order and at the times of their reception (hftlab.source.Seekable).

    `advance` yields what was received, message for message: public messages bare, private ones as `Timed` with their
    account, which is None where the recorder did not know it. A thread reads ahead by a bounded amount, verifies what
    it reads, and ends with the replay; a seek reads only the row groups that it needs. What is damaged is never served:
    SessionDamaged comes in its place, and names the part. With `loop` a server begins again at the end.
    """

    recorded = True

    def __init__(
        self,
        name: str,
        symbols: Sequence[str],
        messages: _Messages,
        span: tuple[int, int] | None,
        *,
        speed: float = 1.0,
        loop: bool = False,
        session: Session | None = None,
    ) -> None:
        self.name = name
        self.session = session
        """The session whose messages these are, where it is one."""
        self.symbols = list(symbols)
        self.span, self.loop = span, loop
        self.clock = Clock(None if span is None else span[0], speed)
        self._recorded = messages
        self._preference = _Preference()
        self._messages = self._from()
        self._next: Recorded | None = None
        self._is_at_hand = False
        """True if `_next` is the next message, None at the end; else it has to be taken from the read-ahead."""

    def __repr__(self) -> str:
        length = 0.0 if self.span is None else (self.span[1] - self.span[0]) / NANOSECONDS
        return f"Replay({self.name!r}: symbols: {len(self.symbols)}, {length:.1f} s, speed {self.clock.speed:g})"

    def next_time(self) -> int | None:
        """Return when the next message was received (ns), None after the last; wait until that is read."""
        following = self._following()
        return None if following is None else following.ts_recv

    def is_ready(self, patience: float | None = 0.0) -> bool:
        """Tell whether the next message has been read; wait up to `patience` seconds for it (None: until it has)."""
        return self._is_at_hand or self._messages.is_ready(patience)

    def advance(self, until: int) -> list[Message | Timed[Message]]:
        """Return the messages received up to and including `until` that have not been returned yet."""
        due: list[Message | Timed[Message]] = []
        while (following := self._following()) is not None and following.ts_recv <= until:
            due.append(following.item)
            self._is_at_hand = False
        return due

    def advance_ready(self, until: int) -> list[Message | Timed[Message]]:
        """Return what advance() would, as far as it has been read: the rest is there for the next call."""
        self._preference.encoded = False
        due: list[Message | Timed[Message]] = []
        while self.is_ready() and (following := self._following()) is not None and following.ts_recv <= until:
            due.append(following.item)
            self._is_at_hand = False
        return due

    def advance_encoded(self, until: int) -> list[Message | Timed[Message] | EncodedMarketData]:
        """Return what advance_ready() would, with market data as JSON where it can be: for a server at full speed.

        What is read ahead from now on is made into JSON, until advance_ready() is called again.
        """
        self._preference.encoded = True
        due: list[Message | Timed[Message] | EncodedMarketData] = []
        while self.is_ready() and (following := self._following()) is not None and following.ts_recv <= until:
            due.append(following.streamed)
            self._is_at_hand = False
        return due

    def take(self, count: int) -> list[Timed[Message]]:
        """Return the next `count` messages, whatever their times; fewer at the end."""
        taken: list[Timed[Message]] = []
        while len(taken) < count and (following := self._following()) is not None:
            taken.append(following.timed)
            self._is_at_hand = False
        return taken

    def seek(self, position: int) -> list[Message]:
        """Go on with what was received after `position` (ns), and return public messages that give the state there."""
        self._messages.close()
        state = self._recorded.state(position)
        messages = self._from(position)
        messages.is_ready(None)
        self._messages, self._is_at_hand = messages, False
        return state

    def time_of(self, number: int) -> int | None:
        """Return when the message with this number, or the last one before it, was received; None before the first."""
        return self._recorded.time_of(number)

    def close(self) -> None:
        """End the read-ahead. A closed replay has no messages until the next seek()."""
        self._messages.close()
        self._next, self._is_at_hand = None, True

    def _following(self) -> Recorded | None:
        if not self._is_at_hand:
            self._next, self._is_at_hand = next(self._messages, None), True
        return self._next

    def _from(self, after: int | None = None) -> ReadAhead[Recorded]:
        recorded, is_encoded = self._recorded, self._preference.is_encoded

        def again(last: Recorded | None) -> Iterator[Recorded]:
            if last is None:
                return recorded.messages(after, is_encoded=is_encoded)
            return recorded.messages(beyond=last.number, is_encoded=is_encoded)

        return ReadAhead(lambda: recorded.messages(after, is_encoded=is_encoded), again)
