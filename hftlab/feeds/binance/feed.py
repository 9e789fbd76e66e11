"""Binance's live market data as a source."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from types import TracebackType
from typing import Any, Final, Literal, Self

from hftlab.bounds import check_symbol
from hftlab.clock import Clock, wall_time
from hftlab.errors import ArgumentError, ArgumentTypeError
from hftlab.events import EventBatch
from hftlab.feeds.binance.arrivals import Arrival, Failed, Frame, Listed, Lost, Overflow, Snapshot, Subscribed
from hftlab.feeds.binance.feed_stats import FeedStats
from hftlab.feeds.binance.feed_timing import FeedTiming
from hftlab.feeds.binance.live_market import LiveMarket, gap
from hftlab.feeds.binance.markets import MARKETS, Market
from hftlab.feeds.binance.receiver import Receiver, ReceiverTerms
from hftlab.forking import Home
from hftlab.html_table import facts_table
from hftlab.instruments import BINANCE, UNIT, Instrument
from hftlab.nearest import meant
from hftlab.protocol import Message
from hftlab.source import Status, Timed
from hftlab.venues.binance.live_decoder import LiveDecoder

__all__ = ["Binance"]

_MOST_WAITING: Final = 256 * 1024 * 1024
"""Bytes of frames that wait for a reader; those beyond are dropped, and the symbols synchronised anew."""
_SNAPSHOT_LEVELS: Final = 1000
_STATUS: Final = (Listed, Subscribed, Lost, Failed)


class Binance:
    """Live feed of Binance's market data; a source (see hftlab.source) of kind Live, and a context manager.

    Each symbol's book is made of its depth stream and a REST snapshot, by the venue's rules, and compared with the
    venue's best bid and offer. Where an update is missing, a book crosses or differs, that symbol is flagged with a GAP
    and synchronised anew; the others go on. A connection is replaced before the venue ends it after 24 hours, by one
    that overlaps it. `ts_recv` is our wall clock's time of the last bytes of a frame, `ts_event` the venue's.

    `symbols` are names as the venue lists them, or one such name. `market` is "spot", "usdm" or "coinm".
    `ws_url` and `rest_url` are other addresses than the venue's own, such as those of a replay in Binance's wire.
    `depth_speed` is that of the depth stream ("100ms" by default, the fastest), `depth` the levels a side in messages,
    `snapshot_depth` those of the snapshots that books begin with. `book_tickers` False leaves the comparison out.
    `timing` has the times after which connections are renewed, given up, or tried again.

    It connects when a server or a recording begins to read it, and leaves when the last one has ended. Raises
    ArgumentError for an argument that cannot be; symbols that the venue does not list show when it has connected, as a
    SubscriptionFailed of wait() and advance().
    """

    recorded = False

    def __init__(
        self,
        symbols: str | Sequence[str],
        market: Literal["spot", "usdm", "coinm"] = "spot",
        *,
        ws_url: str | None = None,
        rest_url: str | None = None,
        depth_speed: str | None = None,
        depth: int = 10,
        snapshot_depth: int = _SNAPSHOT_LEVELS,
        book_tickers: bool = True,
        timing: FeedTiming | None = None,
    ) -> None:
        found = _market(market)
        timing = FeedTiming() if timing is None else timing
        self.symbols: Final = _symbols(symbols)
        self.market: Final[str] = found.name
        self.name = f"binance {found.name}"
        self.clock = Clock(timer=wall_time)
        self._terms = ReceiverTerms(
            market=found,
            ws_url=_address("ws_url", ws_url or found.ws_url, ("ws", "wss")),
            rest_url=_address("rest_url", rest_url or found.rest_url, ("http", "https")),
            speed=_speed(found, depth_speed),
            snapshot_levels=_levels(found, snapshot_depth),
            trades=True,
            tickers=book_tickers,
            link=timing.link_terms(found.requests_per_second),
        )
        if isinstance(depth, bool) or not isinstance(depth, int) or depth < 1:
            raise ArgumentError(f"depth={depth!r} is not a number of levels: give 1 or more")
        self._depth = depth
        _compile()
        self.status_taps: list[Callable[[Status], object]] = []
        self.raw_taps: list[Callable[[str, int, bytes], object]] = []
        self.event_taps: list[Callable[[EventBatch], object]] = []
        self._heard_raw: list[Callable[[str, int, bytes], object]] = []
        self._home = Home()
        self._lock = threading.Lock()
        self._watchers: list[Callable[[], None]] = []
        self._receiver: Receiver | None = None
        self._is_receiving = False
        self._begin()

    def _begin(self) -> None:
        self._arrivals: deque[Arrival] = deque()
        self._bytes_in = self._bytes_out = self._dropped = 0
        self._is_full = self._has_told = False
        self._due: tuple[int, int] | None = None
        self._is_known = threading.Event()
        self._failure: Exception | None = None
        self._decoder: LiveDecoder | None = None
        self._market: LiveMarket | None = None
        self.instruments: Sequence[Instrument] = ()
        """Instruments with their ticks and lots, once wait() has returned True."""

    # --- life ---

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Receive from now on; see hftlab.source.Live."""
        self._home.check("this feed", "hl.feeds.Binance(...)")
        with self._lock:
            self._watchers = [*self._watchers, callback]
            if not self._is_receiving:
                self._is_receiving = True
                self._begin()
                self._receiver = Receiver(self._terms, self.symbols, self._tell)
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
            was_receiving, self._is_receiving = self._is_receiving, False
        if was_receiving and self._receiver is not None and self._home.is_here:
            self._receiver.stop()

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
                    self._arrivals.append(Overflow(arrival.at, 1))
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
        self._begin_raw()
        items: list[Timed[Message]] = []
        at = 0
        for arrival in self._taken(until):
            at = arrival.at
            if isinstance(arrival, Frame):
                self._take_frame(arrival)
            else:
                items += self._take(arrival)
        if self._decoder is not None and self._market is not None and at:
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
        symbol = self._decoder.frame(frame.payload, frame.at)
        if symbol is not None and self.raw_taps:
            self._tap_raw(symbol, frame.at, frame.payload)

    def _take(self, arrival: Arrival) -> list[Timed[Message]]:
        decoder = self._decoder
        match arrival:
            case Listed(at, instruments):
                self._decoder = LiveDecoder(instruments)
                self._market = LiveMarket(instruments, self._depth)
                return [Timed(at, gap(self.symbols, "there is no snapshot yet"))]
            case Failed(_, error):
                raise error
            case Snapshot(at, symbol, payload) if decoder is not None:
                if self.raw_taps:
                    self._tap_raw(symbol, at, payload)
                decoder.snapshot(symbol, payload, at)
            case Subscribed(at, symbols, url) if decoder is not None:
                decoder.subscribed(symbols)
                self._tap_status(Status("connect", at, symbols, url))
            case Lost(at, symbols, url, reason, since) if decoder is not None:
                decoder.lost(symbols, at, reason)
                self._tap_status(Status("disconnect", at, symbols, f"{url}: {reason}", since))
            case Overflow(at) if decoder is not None:
                decoder.doubt(at, "frames were dropped, as nobody has read the feed")
        return []

    def _processed(self, decoder: LiveDecoder, market: LiveMarket, at: int) -> list[Timed[Message]]:
        items = market.process(decoder.take())
        market.compare(decoder.tickers(), at)
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

    def _begin_raw(self) -> None:
        """Ask for snapshots when a tap of raw frames is new: updates alone make no book when they are read again."""
        taps = list(self.raw_taps)
        if taps == self._heard_raw:
            return
        is_new, self._heard_raw = any(tap not in self._heard_raw for tap in taps), taps
        if is_new and self._market is not None and self._receiver is not None:
            for symbol in set(self.symbols) - self._market.unreliable:  # those of the others are asked for anyway
                self._receiver.want(symbol, 0)

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
        """Sentence that says what is wrong with the connections, None if nothing is."""
        receiver = self._receiver
        if receiver is None or not self._is_receiving:
            return None
        problems = [receiver.problem, *(link.problem for link in receiver.links)]
        return "; ".join(dict.fromkeys(one for one in problems if one is not None)) or None

    @property
    def stats(self) -> FeedStats:
        """Counts since it began to receive last, and what is true now."""
        return FeedStats.of(self._receiver, self._decoder, self._market, self._dropped)

    def __repr__(self) -> str:
        return f"Binance({', '.join(self.symbols[:4])}{', ...' if len(self.symbols) > 4 else ''}, {self.market!r})"

    def _repr_html_(self) -> str:
        facts: dict[str, Any] = {"symbols": ", ".join(self.symbols), "market": self.market, "problem": self.problem}
        counts = {name.replace("_", " "): value for name, value in self.stats.to_dict().items() if value}
        return facts_table("Binance", {name: value for name, value in (facts | counts).items() if value is not None})


def _nothing() -> None:
    pass


def _market(name: object) -> Market:
    if name not in MARKETS:
        raise ArgumentError(f"market={name!r} is not a market of Binance's: give {', '.join(MARKETS)}").advise(
            instead=meant([str(name)], MARKETS)
        )
    return MARKETS[str(name)]


def _symbols(symbols: str | Sequence[str]) -> list[str]:
    listed = [symbols] if isinstance(symbols, str) else list(symbols)
    for one in listed:
        if not isinstance(one, str):
            raise ArgumentTypeError(f"symbols are names such as 'BTCUSDT', got {one!r}")
    if not listed:
        raise ArgumentError("a feed needs at least one symbol, such as 'BTCUSDT'")
    return [check_symbol(one.upper()) for one in dict.fromkeys(listed)]


def _address(name: str, url: str, schemes: Sequence[str]) -> str:
    scheme, slashes, rest = url.partition("://")
    if scheme.lower() not in schemes or not slashes or not rest.strip("/"):
        raise ArgumentError(f"{name}={url!r} is not an address: give one such as {schemes[1]}://host:port")
    return url.rstrip("/")


def _speed(market: Market, speed: str | None) -> str:
    if speed is None:
        return market.speeds[0]
    if speed not in market.speeds:
        raise ArgumentError(
            f"depth_speed={speed!r} is not a speed of the market {market.name!r}: give {' or '.join(market.speeds)}"
        ).advise(instead=meant([str(speed)], market.speeds))
    return speed


def _levels(market: Market, levels: int) -> int:
    allowed = [limit for limit, _ in market.depth_weights]
    if levels not in (5, 10, 20, 50, *allowed):
        raise ArgumentError(
            f"snapshot_depth={levels!r} is not a depth of snapshots: give {', '.join(map(str, allowed))}"
        )
    return levels


@cache
def _compile() -> None:
    """Compile everything, or read it from numba's cache, before there are connections that would be kept waiting."""
    instrument = Instrument("BTCUSDT", BINANCE, UNIT, UNIT, "USDT")
    decoder, market = LiveDecoder([instrument]), LiveMarket([instrument], 10)
    decoder.subscribed(["BTCUSDT"])
    decoder.snapshot("BTCUSDT", b'{"lastUpdateId":1,"bids":[["1","1"]],"asks":[["2","1"]]}', 1_700_000_000_000_000_000)
    market.process(decoder.take())
