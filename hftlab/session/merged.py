"""Several recorded sources as one, in the order of time."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import PathLike
from typing import Any

import msgspec

from hftlab.bounds import check_symbol
from hftlab.clock import NANOSECONDS, Clock
from hftlab.errors import ArgumentError, ArgumentTypeError
from hftlab.protocol import Gap, MarketData, Message
from hftlab.session.session import Session, open_session
from hftlab.source import Seekable, Timed, timed

__all__ = ["Merged", "merged"]


def merged(
    recordings: Iterable[Session | Seekable[Message] | PathLike[str] | str],
    *,
    suffixes: Sequence[str] | None = None,
    speed: float = 1.0,
    loop: bool = False,
) -> Merged:
    """Replay several sessions as one source, message by message in the order of their times.

    `recordings` are sessions, their folders, or recorded sources such as session.replay(). A symbol that several of
    them have gets a suffix in each: those of `suffixes`, one a recording, or ":" and the recording's name. Messages of
    one time come in the order of the recordings. With `loop` a server begins again at the end. Raises ValueError for
    names that are the same with their suffixes, and what open_session() does.
    """
    opened = [open_session(one) if isinstance(one, str | PathLike) else one for one in recordings]
    sources = [_source(one) for one in opened]
    if not sources:
        raise ArgumentError("there is nothing to merge: give at least one session")
    if suffixes is None:
        names = [source.name for source in sources]
        repeated = {name for name, count in Counter(names).items() if count > 1}
        suffixes = [f":{name}.{place}" if name in repeated else f":{name}" for place, name in enumerate(names, 1)]
    if isinstance(suffixes, str) or len(suffixes) != len(sources):
        raise ArgumentError(f"suffixes={suffixes!r}: give one for each of the {len(sources)} recordings")
    sessions = [one if isinstance(one, Session) else None for one in opened]
    return Merged(sources, _names(sources, suffixes), sessions, speed=speed, loop=loop)


class Merged:
    """Source of the messages of several recorded sources (hftlab.source.Seekable), on a clock of its own.

    `renamed` maps, for each source, those symbols that have another name here. `sessions` has the session that each
    source streams, None where that is not known.
    """

    recorded = True

    def __init__(
        self,
        sources: Sequence[Seekable[Message]],
        renamed: Sequence[Mapping[str, str]],
        sessions: Sequence[Session | None] = (),
        *,
        speed: float = 1.0,
        loop: bool = False,
    ) -> None:
        self.loop = loop
        self.name = " + ".join(source.name for source in sources)
        self._sessions = list(zip(sessions, renamed, strict=False))
        self._sources = [_Renamed(*pair) for pair in zip(sources, renamed, strict=True)]
        self.symbols = sorted({symbol for source in self._sources for symbol in source.symbols})
        self.clock = Clock(None if self.span is None else self.span[0], speed)
        self._stream = self._merge()
        self._next = next(self._stream, None)

    def __repr__(self) -> str:
        span = self.span
        length = 0.0 if span is None else (span[1] - span[0]) / NANOSECONDS
        return f"Merged({self.name!r}: symbols: {len(self.symbols)}, {length:.1f} s, speed {self.clock.speed:g})"

    @property
    def sessions(self) -> list[tuple[Session, Mapping[str, str]]]:
        """The sessions whose messages these are, each with the symbols that have another name here.

        Raises ArgumentError if one of the sources is not a session.
        """
        found = [(session, names) for session, names in self._sessions if session is not None]
        if len(found) < len(self._sources):
            raise ArgumentError(f"{self.name} is not made of sessions alone: merge sessions or their folders")
        return found

    @property
    def span(self) -> tuple[int, int] | None:
        """Times of the first and the last message (ns); None if there are no messages."""
        spans = [source.span for source in self._sources if source.span is not None]
        return (min(first for first, _ in spans), max(last for _, last in spans)) if spans else None

    def next_time(self) -> int | None:
        """Return when the next message is due (ns), None after the last."""
        return None if self._next is None else self._next.at

    def advance(self, until: int) -> list[Timed[Message]]:
        """Return the messages up to and including `until` that have not been returned yet."""
        due: list[Timed[Message]] = []
        while self._next is not None and self._next.at <= until:
            due.append(self._next)
            self._next = next(self._stream, None)
        return due

    def take(self, count: int) -> list[Timed[Message]]:
        """Return the next `count` messages, whatever their times; fewer at the end."""
        taken: list[Timed[Message]] = []
        while self._next is not None and len(taken) < count:
            taken.append(self._next)
            self._next = next(self._stream, None)
        return taken

    def seek(self, position: int) -> list[Message]:
        """Go on with what comes after `position` (ns), and return public messages that give the state there."""
        # No symbol is in two of them, so that their states do not meet.
        state = [message for source in self._sources for message in source.seek(position)]
        self._stream = self._merge()
        self._next = next(self._stream, None)
        return state

    def _merge(self) -> Iterator[Timed[Message]]:
        return heapq.merge(*(source.stream() for source in self._sources), key=lambda item: item.at)


class _Renamed:
    """One of the sources, with the names that its symbols have in the whole."""

    def __init__(self, source: Seekable[Message], names: Mapping[str, str]) -> None:
        self._source, self._names = source, names
        self.symbols = [names.get(symbol, symbol) for symbol in source.symbols]

    @property
    def span(self) -> tuple[int, int] | None:
        return self._source.span

    def stream(self) -> Iterator[Timed[Message]]:
        """Yield what is left of the source; no more of it is read than was asked for."""
        while (at := self._source.next_time()) is not None:
            for item in timed(self._source.advance(at), at):
                yield self._of(item)

    def seek(self, position: int) -> list[Message]:
        return [self._renamed(message) for message in self._source.seek(position)]

    def _of(self, item: Timed[Message]) -> Timed[Message]:
        message = self._renamed(item.message)
        # The JSON that a message came as has the old name.
        return item if message is item.message else item._replace(message=message, payload=None)

    def _renamed(self, message: Message) -> Message:
        if not self._names:
            return message
        if isinstance(message, MarketData):
            if not any(one.symbol in self._names for one in message.symbols):
                return message
            renamed = [self._structure(one) for one in message.symbols]
            return msgspec.structs.replace(message, symbols=renamed)
        if isinstance(message, Gap):
            names = message.symbols
            # A gap in everything is one in everything of this source.
            symbols = self.symbols if names is None else [self._names.get(one, one) for one in names]
            return msgspec.structs.replace(message, symbols=symbols)
        renamed_message: Message = self._structure(message)
        return renamed_message

    def _structure(self, struct: Any) -> Any:
        name = self._names.get(getattr(struct, "symbol", ""))
        return struct if name is None else msgspec.structs.replace(struct, symbol=name)


def _source(recording: Session | Seekable[Message]) -> Seekable[Message]:
    if isinstance(recording, Session):
        return recording.replay()
    if not isinstance(recording, Seekable):
        raise ArgumentTypeError(f"{recording!r} cannot be merged: give sessions, their folders or recorded sources")
    return recording


def _names(sources: Sequence[Seekable[Message]], suffixes: Sequence[str]) -> list[dict[str, str]]:
    """Return the new names of the symbols that several sources have. Raises ValueError."""
    counts = Counter(symbol for source in sources for symbol in set(source.symbols))
    renamed = [
        {symbol: check_symbol(symbol + suffix) for symbol in source.symbols if counts[symbol] > 1}
        for source, suffix in zip(sources, suffixes, strict=True)
    ]
    final = Counter(
        names.get(symbol, symbol)
        for source, names in zip(sources, renamed, strict=True)
        for symbol in set(source.symbols)
    )
    doubled = sorted(name for name, count in final.items() if count > 1)
    if doubled:
        raise ArgumentError(f"{', '.join(doubled)} would be the name of several symbols: give other suffixes=[...]")
    return renamed
