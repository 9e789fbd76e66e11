"""Live market data of a venue as a source: what the feeds of all venues have in common."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Final, Generic, Protocol, Self, TypeVar

from hftlab.clock import Clock, wall_time
from hftlab.events import EventBatch
from hftlab.feeds.arrivals import Arrival, Failed, Frame, Listed, Lost, Overflow, Snapshot, Subscribed, Suspended
from hftlab.feeds.feed_stats import FeedStats
from hftlab.feeds.live_market import LiveMarket, gap
from hftlab.feeds.receiver import Receiver
from hftlab.forking import Home
from hftlab.html_table import facts_table
from hftlab.instruments import Instrument
from hftlab.protocol import Message
from hftlab.source import Status, Timed
from hftlab.venues.symbol_parts import SymbolParts, Wanted

__all__ = ["FrameDecoder", "LiveFeed"]

_MOST_WAITING: Final = 256 * 1024 * 1024
"""Bytes of frames that wait for a reader; those beyond are dropped, and the symbols synchronised anew."""
_STATUS: Final = (Listed, Subscribed, Lost, Failed)


class FrameDecoder(Protocol):
    """Decoder of a venue's frames, without I/O: the messages of many symbols, each synchronised by itself.

    How it takes a frame is its venue's own.

    What is wrong with one symbol concerns that symbol alone. Times are int64 ns of our clock.
    """

    def lost(self, symbols: Iterable[str], at: int, reason: str) -> None:
        """Note that nothing comes any more of some symbols."""
        ...

    def distrust(self, symbol: str, at: int, reason: str) -> None:
        """Clear the book of a symbol, which was found to be wrong."""
        ...

    def doubt(self, at: int, reason: str) -> None:
        """Note that frames of whichever symbols were lost on this side."""
        ...

    def take(self) -> list[SymbolParts]:
        """Return what has become of each symbol since the last call."""
        ...

    def wanted(self) -> list[Wanted]:
        """Return the symbols of which a snapshot is to be asked for now; they count as asked for from here on."""
        ...


D = TypeVar("D", bound=FrameDecoder)
M = TypeVar("M", bound=LiveMarket)
R = TypeVar("R", bound=Receiver)


class LiveFeed(ABC, Generic[D, M, R]):
    """Live feed of a venue's market data; a source (see hftlab.source) of kind Live, and a context manager.

    A venue's feed makes the decoder of its frames, the market, and the receiver with its connections. Each symbol is
    flagged with a GAP while its book cannot be relied on; `ts_recv` is our wall clock's time of the last bytes of a
    frame, `ts_event` the venue's. It connects when a server or a recording begins to read it, and leaves when the last
    one has ended.
    """

    recorded = False
    name: str
    symbols: list[str]

    def __init__(self, name: str, symbols: list[str]) -> None:
        self.name, self.symbols = name, symbols
        self.clock = Clock(timer=wall_time)
        self.status_taps: list[Callable[[Status], object]] = []
        self.raw_taps: list[Callable[[str, int, bytes], object]] = []
        self.event_taps: list[Callable[[EventBatch], object]] = []
        self._heard_raw: list[Callable[[str, int, bytes], object]] = []
        self._home = Home()
        self._lock = threading.Lock()
        self._watchers: list[Callable[[], None]] = []
        self._receiver: R | None = None
        self._is_receiving = False
        self._begin()

    def _begin(self) -> None:
        self._arrivals: deque[Arrival] = deque()
        self._bytes_in = self._bytes_out = self._dropped = 0
        self._is_full = self._has_told = False
        self._due: tuple[int, int] | None = None
        self._is_known = threading.Event()
        self._failure: Exception | None = None
        self._decoder: D | None = None
        self._market: M | None = None
        self.instruments: Sequence[Instrument] = ()
        """Instruments with their ticks and lots, once wait() has returned True."""

    # --- what a venue's feed says ---

    @abstractmethod
    def _new_receiver(self) -> R:
        """Make a receiver that tells _tell() what comes."""

    @abstractmethod
    def _new_market(self, instruments: Sequence[Instrument]) -> tuple[D, M]:
        """Make the decoder and the market of instruments that have become known."""

    @abstractmethod
    def _decode(self, decoder: D, payload: bytes, at: int) -> str | None:
        """Let the decoder take a frame. Returns the symbol that it is of; None for what is of none that is known."""

    @abstractmethod
    def _subscribed(self, decoder: D, symbols: Sequence[str]) -> None:
        """Tell the decoder that all messages of some symbols come from now on."""

    @abstractmethod
    def _refresh(self, decoder: D, market: M, at: int) -> None:
        """Ask for a snapshot of the symbols whose books are reliable; those of the others are asked for anyway."""

    @abstractmethod
    def _counts(self, decoder: D) -> dict[str, Any]:
        """Return the decoder's counts, as FeedStats has them."""

    def _book_problems(self, decoder: D) -> list[str]:  # noqa: ARG002 - a venue's feed may have some
        """Return sentences about books that are found to be wrong over and over."""
        return []

    def _compare(self, decoder: D, market: M, at: int) -> None:
        """Compare books with what else the venue says of them."""

    # --- life ---

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Receive from now on; see hftlab.source.Live."""
        self._home.check("this feed", f"hl.feeds.{type(self).__name__}(...)")
        with self._lock:
            self._watchers = [*self._watchers, callback]
            if not self._is_receiving:
                self._is_receiving = True
                self._begin()
                self._receiver = self._new_receiver()
                self._receiver.start()

        def unwatch() -> None:
            with self._lock:
                self._watchers = [one for one in self._watchers if one is not callback]
                is_last = not self._watchers
            if is_last:
                self._stop()

        return unwatch

    def _stop(self) -> None:
        with self._lock:
            # Taken within the lock: whoever watches it from here on has a receiver of its own.
            receiver = self._receiver if self._is_receiving else None
            self._is_receiving = False
        if receiver is not None and self._home.is_here:
            receiver.stop()

    def wait(self, timeout: float = 10.0) -> bool:
        """Wait, while it is watched, until the instruments are known; False if they are not in `timeout` seconds.

        Raises SubscriptionFailed for symbols that the venue does not list.
        """
        is_known = self._is_known.wait(timeout)
        if self._failure is not None:
            raise self._failure
        return is_known

    def close(self) -> None:
        """Close the connections, whoever reads them."""
        with self._lock:
            self._watchers = []
        self._stop()

    def __enter__(self) -> Self:
        self.watch(_nothing)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- the network's thread ---

    def _tell(self, arrival: Arrival) -> None:
        if isinstance(arrival, Frame):
            waiting = self._bytes_in - self._bytes_out
            if waiting > _MOST_WAITING or (self._is_full and waiting > _MOST_WAITING // 2):
                self._dropped += 1
                if not self._is_full:
                    self._is_full = True
                    self._arrivals.append(Overflow(arrival.at))
                return
            self._is_full = False
            self._bytes_in += len(arrival.payload)
        self._arrivals.append(arrival)
        if isinstance(arrival, Failed):
            self._failure = arrival.error
            self._is_known.set()
        elif isinstance(arrival, Listed):
            self.instruments = arrival.instruments
            self._is_known.set()
        if not self._has_told:
            self._has_told = True
            for callback in self._watchers:
                callback()

    # --- the source ---

    def next_time(self) -> int | None:
        """Return when the newest of what has come was received; None if nothing has come since the last advance()."""
        if self._due is None and (count := len(self._arrivals)):
            # A clock that was set back since keeps nothing waiting.
            self._due = min(self._arrivals[count - 1].at, self.clock.now()), count
        return None if self._due is None else self._due[0]

    def advance(self, until: int) -> list[Timed[Message]]:
        """Return the messages of what has come up to and including `until`, each at its ts_recv.

        Raises SubscriptionFailed for symbols that the venue does not list.
        """
        self._has_told = False
        items: list[Timed[Message]] = []
        at = 0
        for arrival in self._taken(until):
            at = arrival.at
            if isinstance(arrival, Frame):
                self._take_frame(arrival)
            else:
                items += self._take(arrival)
        if self._decoder is not None and self._market is not None and at:
            if self._has_new_raw_tap():
                # Updates alone make no book when they are read again.
                self._refresh(self._decoder, self._market, at)
            items += self._processed(self._decoder, self._market, at)
        return items

    def _taken(self, until: int) -> Iterator[Arrival]:
        """Take what came until then; news of connections begin a call of their own, so that taps hear it in order."""
        arrivals = self._arrivals
        due, self._due = self._due, None
        count = due[1] if due is not None and due[0] <= until else sum(one.at <= until for one in list(arrivals))
        for number in range(count):
            if number and isinstance(arrivals[0], _STATUS):
                return
            yield arrivals.popleft()

    def _take_frame(self, frame: Frame) -> None:
        self._bytes_out += len(frame.payload)
        if self._decoder is None:
            return
        symbol = self._decode(self._decoder, frame.payload, frame.at)
        if symbol is not None and self.raw_taps:
            self._tap_raw(symbol, frame.at, frame.payload)

    def _take(self, arrival: Arrival) -> list[Timed[Message]]:
        decoder = self._decoder
        match arrival:
            case Listed(at, instruments):
                self._decoder, self._market = self._new_market(instruments)
                self._heard_raw = list(self.raw_taps)  # they hear the first snapshots
                return [Timed(at, gap(self.symbols, "there is no snapshot yet"))]
            case Failed(_, error):
                raise error
            case Snapshot() if decoder is not None:
                self._take_snapshot(decoder, arrival)
            case Subscribed(at, symbols, url) if decoder is not None:
                self._subscribed(decoder, symbols)
                self._tap_status(Status("connect", at, symbols, url))
            case Lost(at, symbols, url, reason, since) if decoder is not None:
                decoder.lost(symbols, at, reason)
                self._tap_status(Status("disconnect", at, symbols, f"{url}: {reason}", since))
            case Suspended(at, symbols, reason) if decoder is not None:
                decoder.lost(symbols, at, reason)
            case Overflow(at) if decoder is not None:
                decoder.doubt(at, "frames were dropped, as nobody has read the feed")
        return []

    def _take_snapshot(self, decoder: D, snapshot: Snapshot) -> None:
        """Take the answer to a request for a book, of a venue where it comes beside the streams."""

    def _processed(self, decoder: D, market: M, at: int) -> list[Timed[Message]]:
        items = market.process(decoder.take())
        self._compare(decoder, market, at)
        while market.wrong:
            wrong, market.wrong = market.wrong, []
            for one in wrong:
                decoder.distrust(one.symbol, max(one.at, at), one.reason)
            items += market.process(decoder.take())
        receiver = self._receiver
        for symbol, attempts in decoder.wanted():
            if receiver is not None:
                receiver.want(symbol, attempts)
        batches, market.batches = market.batches, []
        for batch in batches if self.event_taps else ():
            for tap in tuple(self.event_taps):
                tap(batch)
        return items

    def _has_new_raw_tap(self) -> bool:
        taps, heard = list(self.raw_taps), self._heard_raw
        self._heard_raw = taps
        return any(tap not in heard for tap in taps)

    def _tap_raw(self, symbol: str, at: int, payload: bytes) -> None:
        for tap in tuple(self.raw_taps):
            tap(symbol, at, payload)

    def _tap_status(self, status: Status) -> None:
        for tap in tuple(self.status_taps):
            tap(status)

    # --- how it goes ---

    @property
    def unreliable(self) -> list[str]:
        """Symbols whose books cannot be relied on at present."""
        return list(self.symbols) if self._market is None else sorted(self._market.unreliable)

    @property
    def problem(self) -> str | None:
        """Sentence that says what is wrong with the connections or the books, None if nothing is."""
        receiver, decoder = self._receiver, self._decoder
        if receiver is None or not self._is_receiving:
            return None
        problems = [receiver.problem, *(link.problem for link in receiver.links)]
        if decoder is not None:
            problems += self._book_problems(decoder)
        return "; ".join(dict.fromkeys(one for one in problems if one is not None)) or None

    @property
    def stats(self) -> FeedStats:
        """Counts since it began to receive last, and what is true now."""
        receiver, decoder, market = self._receiver, self._decoder, self._market
        return FeedStats.of(
            {"dropped": self._dropped},
            {} if receiver is None else receiver.stats(),
            {} if decoder is None else self._counts(decoder),
            {} if market is None else market.stats(),
        )

    def _facts(self) -> dict[str, Any]:
        """Return what the feed is asked for beyond its symbols, for display."""
        return {}

    def __repr__(self) -> str:
        listed = f"{', '.join(self.symbols[:4])}{', ...' if len(self.symbols) > 4 else ''}"
        return f"{type(self).__name__}({', '.join([listed, *map(repr, self._facts().values())])})"

    def _repr_html_(self) -> str:
        facts: dict[str, Any] = {"symbols": ", ".join(self.symbols), **self._facts(), "problem": self.problem}
        counts = {name.replace("_", " "): value for name, value in self.stats.to_dict().items() if value}
        shown = {name: value for name, value in (facts | counts).items() if value is not None}
        return facts_table(type(self).__name__, shown)


def _nothing() -> None:
    pass
