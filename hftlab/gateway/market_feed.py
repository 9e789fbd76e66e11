"""Order of a cluster's market data at a gateway: what is lost is noticed, declared, and made good by a snapshot."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from hftlab.gateway.announcement import Announcement
from hftlab.gateway.market_frame import FrameKind, MarketFrame, Part, joined, part_of, whole_of
from hftlab.protocol.encoded_market_data import EncodedMarketData
from hftlab.protocol.messages import Gap, Message

__all__ = ["MarketFeed"]

_MOST_WAITING: Final = 10_000
"""Frames of a symbol that wait for its snapshot; beyond them it is asked for anew."""
_PATIENCE: Final = 0.3
"""Seconds after which a snapshot that has not come is asked for again."""
_LOST: Final = "messages were lost between the publisher and the gateway"
SILENCE: Final = 2.0
"""Seconds after which a publisher that is not heard counts as gone."""


class _Symbol:
    """State of one symbol: in step with its publisher, or waiting for a snapshot."""

    __slots__ = ("asked_at", "cleared", "has_begun", "has_sent", "is_flagged", "last", "run", "waiting")

    def __init__(self, run: str) -> None:
        self.run = run
        self.has_begun = False
        """True once it has been in step with that run."""
        self.last = 0
        self.waiting: deque[MarketFrame] | None = deque()
        """Frames since the snapshot was asked for; None while in step."""
        self.cleared = 0
        """Frames that have come and wait no more, as the snapshot is asked for anew."""
        self.asked_at: float | None = None
        self.has_sent = self.is_flagged = False

    def wait(self) -> None:
        """Wait for a snapshot that has yet to be asked for."""
        self.cleared += len(self.waiting or ())
        self.waiting, self.asked_at = deque(), None

    def go_on(self, sequence: int) -> int:
        """Be in step as of a sequence; returns how many frames before it have not come."""
        assert self.waiting is not None
        came = {one.sequence for one in self.waiting if self.last < one.sequence <= sequence}
        lost = sequence - self.last - len(came) - self.cleared if self.has_begun else 0
        self.waiting, self.asked_at, self.last, self.has_begun, self.cleared = None, None, sequence, True, 0
        return max(0, lost)


class MarketFeed:
    """Market data of a cluster's publishers, without I/O. Each symbol is one publisher's, the newest that has it.

    A publisher that is not heard loses its symbols to any other that has them, whenever that was started. Symbols that
    only a replaced publisher had are offered no more.

    `receive()`, `snapshot()` and `beat()` take what comes, `now` in seconds of a clock that never goes back; messages
    wait in `items`. A symbol whose frames are not in sequence is flagged with a GAP, once, and goes on with a snapshot:
    `wanted()` tells what to ask for.
    """

    def __init__(self) -> None:
        self.items: list[EncodedMarketData | Message] = []
        self.publishers: dict[str, Announcement] = {}
        """Publishers that are heard, by their run."""
        self.lost = 0
        """Frames that were lost on the way, as the snapshots behind them show; those that cannot be read are some."""
        self.strays = 0
        """Frames of symbols that another, newer publisher has."""
        self._symbols: dict[str, _Symbol] = {}
        self._heard: dict[str, float] = {}
        self._silent: set[str] = set()
        self._replaced: set[str] = set()
        """Runs that have lost a symbol, or the orders, to another: they stop, if they live."""
        self._group: list[Part] = []
        self._gap: Gap | None = None
        """GAP whose symbols come one after the other."""
        self._group_key: tuple[str, int] | None = None
        """Run and number of the message whose symbols come one after the other."""
        self._seen: tuple[str, int, int] | None = None
        """That message and how many of its symbols had come, at the last flush_stalled()."""

    # --- publishers ---

    @property
    def symbols(self) -> list[str]:
        """Symbols of all publishers, in the order in which they were announced."""
        return list(self._symbols)

    @property
    def silent(self) -> list[Announcement]:
        """Publishers that have not been heard for a while, and that none has replaced."""
        return [self.publishers[run] for run in self._silent]

    @property
    def is_silent(self) -> bool:
        """True if no publisher of any symbol is heard."""
        return bool(self._symbols) and all(symbol.run in self._silent for symbol in self._symbols.values())

    def knows(self, run: str) -> bool:
        """Return whether a publisher has been announced."""
        return run in self.publishers

    def owns(self, run: str) -> bool:
        """Return whether a publisher has any symbol that none has taken over."""
        return any(symbol.run == run for symbol in self._symbols.values())

    def announce(self, publisher: Announcement, now: float) -> bool:
        """Take in who a publisher is; returns whether that is news. Its symbols begin with a snapshot."""
        if publisher.run in self.publishers:
            self._heard[publisher.run] = now
            return False
        self.publishers[publisher.run] = publisher
        self._heard[publisher.run] = now
        for name in publisher.symbols:
            known = self._symbols.get(name)
            if known is None:
                self._symbols[name] = _Symbol(publisher.run)
            elif self._gives_way(known.run, publisher):
                self._take_over(name, known, publisher.run)
        if publisher.session is not None:
            traders = [one.run for one in self.publishers.values() if one.session is not None and one is not publisher]
            self._replaced.update(run for run in traders if self._gives_way(run, publisher))
        self._withdraw_left_over()
        return True

    def _gives_way(self, run: str, to: Announcement) -> bool:
        return run in self._silent or to.is_later_than(self.publishers[run])

    def _take_over(self, name: str, symbol: _Symbol, run: str) -> None:
        """Make a symbol that of another run."""
        self._replaced.add(symbol.run)
        self._flag(name, symbol, "its publisher was started again")
        symbol.run, symbol.has_begun, symbol.last = run, False, 0
        symbol.wait()

    def _withdraw_left_over(self) -> bool:
        """Offer no more what is left of publishers that are gone and were replaced; returns whether that is any."""
        ended = self._silent & self._replaced
        left = [name for name, symbol in self._symbols.items() if symbol.run in ended]
        for name in left:
            symbol = self._symbols.pop(name)
            symbol.is_flagged = False  # that it is not heard was said before
            self._flag(name, symbol, "its publisher was started again without it")
        used = {symbol.run for symbol in self._symbols.values()}
        self._silent &= used
        return bool(left)

    def beat(self, run: str, sequences: Mapping[str, int], now: float) -> None:
        """Take in a sign of life: the newest sequences of symbols that have changed lately."""
        self._heard[run] = now
        self._silent.discard(run)
        for name, sequence in sequences.items():
            symbol = self._symbols.get(name)
            if symbol is not None and symbol.run == run and symbol.waiting is None and symbol.last < sequence:
                self._lose(name, symbol)

    def listen_anew(self, now: float) -> None:
        """Give publishers time again: nobody could be heard here for a while."""
        self._heard = dict.fromkeys(self._heard, now)

    def tick(self, now: float) -> bool:
        """Flag the symbols of publishers that have fallen silent, or pass them on; returns whether `symbols` change."""
        fallen = [run for run in self._fallen(now) if self.owns(run)]
        if not fallen:
            return False
        self._silent.update(fallen)
        for run in fallen:
            self._pass_to_heirs(run, now)
            if run not in self._replaced:
                left = [name for name, symbol in self._symbols.items() if symbol.run == run]
                self.interrupt(left, f"its publisher has not been heard for {SILENCE:g} s")
        return self._withdraw_left_over()

    def _fallen(self, now: float) -> list[str]:
        return [run for run, heard in self._heard.items() if now - heard > SILENCE and run not in self._silent]

    def _pass_to_heirs(self, run: str, now: float) -> None:
        """Give the symbols of a run to others that have them and are heard, of several to the latest."""
        heirs = [self.publishers[other] for other, heard in self._heard.items() if now - heard <= SILENCE]
        heirs.sort(key=lambda heir: (heir.started_at, heir.run))
        latest = {name: heir.run for heir in heirs for name in heir.symbols}
        for name, symbol in self._symbols.items():
            if symbol.run == run and name in latest:
                self._take_over(name, symbol, latest[name])

    def interrupt(self, symbols: Iterable[str], reason: str) -> None:
        """Flag symbols of which nothing comes at present; they go on with a snapshot."""
        for name in symbols:
            symbol = self._symbols[name]
            self._flag(name, symbol, reason)
            symbol.wait()

    # --- frames ---

    def receive(self, name: str, frame: MarketFrame) -> None:
        """Take in a frame of a symbol."""
        symbol = self._symbols.get(name)
        if symbol is None:
            return  # of a publisher that is not announced yet: its symbols begin with a snapshot
        if frame.run != symbol.run:
            self.strays += 1
            return
        if symbol.waiting is None and frame.sequence == symbol.last + 1:
            symbol.last = frame.sequence
            try:
                self._deliver(name, symbol, frame)
            except ValueError:  # msgspec.DecodeError is one
                self.lost += 1
                self._lose(name, symbol, "a message of the publisher cannot be read")
            return
        if symbol.waiting is None and frame.sequence > symbol.last:
            self._lose(name, symbol)
        if symbol.waiting is not None:
            self._wait(symbol, frame)
        if not frame.more:
            self.flush()  # the last of its message, which goes on without it

    def snapshot(self, name: str, frame: MarketFrame) -> None:
        """Take in the state of a symbol as of a sequence, and go on from there. Raises ValueError."""
        symbol = self._symbols.get(name)
        if symbol is None or frame.run != symbol.run or symbol.waiting is None:
            return
        newer = [one for one in symbol.waiting if one.sequence > frame.sequence]
        if newer and newer[0].sequence != frame.sequence + 1:
            symbol.wait()  # it was asked for too early: once more
            return
        self._deliver(name, symbol, frame)  # raises before anything is changed; then it is asked for again
        self.lost += symbol.go_on(frame.sequence)
        for one in newer:
            self.receive(name, one)

    def _wait(self, symbol: _Symbol, frame: MarketFrame) -> None:
        assert symbol.waiting is not None
        symbol.waiting.append(frame)
        if len(symbol.waiting) > _MOST_WAITING:
            symbol.wait()

    def _deliver(self, name: str, symbol: _Symbol, frame: MarketFrame) -> None:
        if frame.kind is FrameKind.NOTHING:
            return
        part = part_of(name, frame) if frame.kind is FrameKind.PART else whole_of(frame)
        key = frame.run, frame.group
        if key != self._group_key:
            self.flush()
            self._group_key = key
        symbol.has_sent, symbol.is_flagged = True, isinstance(part, Gap)
        if isinstance(part, Part):
            self._group.append(part)
        elif not isinstance(part, Gap):
            self.items.append(part)
        elif self._gap is None:
            self._gap = gap([name], part.reason)
        else:
            _symbols_of(self._gap).append(name)
        if not frame.more:
            self.flush()

    def flush(self) -> None:
        """End the message whose symbols come one after the other, if some of them do not come."""
        if self._group:
            self.items.append(joined(self._group))
            self._group = []
        if self._gap is not None:
            self.items.append(self._gap)
            self._gap = None
        self._group_key = None

    def flush_stalled(self) -> None:
        """End that message if none of its symbols has come since the last call."""
        if self._group_key is None:
            return
        come = len(self._group) if self._gap is None else len(_symbols_of(self._gap))
        seen = (*self._group_key, come)
        if seen == self._seen:
            self.flush()
        self._seen = seen

    def _lose(self, name: str, symbol: _Symbol, reason: str = _LOST) -> None:
        self._flag(name, symbol, reason)
        symbol.wait()

    def _flag(self, name: str, symbol: _Symbol, reason: str) -> None:
        if symbol.has_sent and not symbol.is_flagged:
            symbol.is_flagged = True
            self.flush()
            last = self.items[-1] if self.items else None
            if isinstance(last, Gap) and last.reason == reason:
                _symbols_of(last).append(name)
            else:
                self.items.append(gap([name], reason))

    # --- snapshots ---

    @property
    def is_complete(self) -> bool:
        """True if every symbol is in step with its publisher."""
        return all(symbol.waiting is None for symbol in self._symbols.values())

    def out_of_step(self) -> list[str]:
        """Return the symbols that wait for a snapshot."""
        return [name for name, symbol in self._symbols.items() if symbol.waiting is not None]

    def wanted(self, now: float) -> dict[str, list[str]]:
        """Return the symbols to ask for a snapshot of, by the run of their publisher; silent ones are not asked."""
        wanted: dict[str, list[str]] = {}
        for name, symbol in self._symbols.items():
            if symbol.waiting is None or symbol.run in self._silent:
                continue
            if symbol.asked_at is None or now - symbol.asked_at > _PATIENCE:
                symbol.asked_at = now
                wanted.setdefault(symbol.run, []).append(name)
        return wanted

    def take(self) -> Sequence[EncodedMarketData | Message]:
        """Return the messages since the last call."""
        items, self.items = self.items, []
        return items


def gap(symbols: list[str], reason: str) -> Gap:
    """Return a GAP of symbols; channels number their own."""
    return Gap(timestamp=1.0, from_sequence=0, to_sequence=0, reason=reason, symbols=symbols)


def _symbols_of(message: Gap) -> list[str]:
    assert message.symbols is not None
    return message.symbols
