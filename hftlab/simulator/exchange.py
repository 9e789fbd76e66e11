"""Simulated exchange: seeded order flow through the matching engine, as events, books and messages."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from hftlab.clock import NANOSECONDS, Clock, to_milliseconds
from hftlab.compilation import is_watched
from hftlab.errors import HftlabError
from hftlab.events import COLUMNS, EventBatch
from hftlab.html_table import facts_table
from hftlab.instruments import Instrument
from hftlab.log import get_logger
from hftlab.market import Filters, Processor
from hftlab.protocol.messages import MarketData, MarketDataSymbol
from hftlab.simulator.arguments import check_nanoseconds, check_seed
from hftlab.simulator.listings import SYMBOLS, find_listing, last_close, listed_profile, opened
from hftlab.simulator.profile import Profile, profile_of
from hftlab.simulator.trading_controls import TradingControls
from hftlab.trading.venue import MarketPhase, VenueRequest, VenueUpdate

if TYPE_CHECKING:
    from hftlab.book.matching import MatchingEngine
    from hftlab.simulator.order_entry import OrderEntry
    from hftlab.simulator.order_flow import OrderFlow

__all__ = ["Exchange", "Segment"]

_LONG: Final = 6.0
"""Seconds of compiling after which a warning is logged; reading from the cache takes about one."""

_log = get_logger("hftlab.simulator")


_NO_FILTERS: Final = Filters(off_tick=False, duplicates=False, positive=False)
"""The matching engine makes nothing that would have to be filtered."""


class Segment(NamedTuple):
    """Segment of an exchange's time: its events, and its messages with the times (ns) they are due."""

    events: EventBatch
    messages: list[tuple[int, MarketData]]


class Exchange(TradingControls):
    """Exchange of one venue or several with simulated traders; a source (see hftlab.source) that never ends.

    It is also a TradingVenue (see hftlab.trading.venue): orders of accounts join the queues of its books, trade with
    the simulated traders and with each other, and move the market.

    `symbols` are names as they are on the wire (AAPL, AAPL:NYSE, VOD, BTCUSDT), or one such name; None stands for
    the reference document's eight. Listings of one name share its fundamental price, which each venue's market makers
    see with a lag and an error of their own. Every `interval` ns there is one message with all symbols whose book has
    changed, with ten levels a side, true order counts, the trades of the interval and the day's statistics. The books
    are full when the clock starts, and the first message is due then.

    The same seed on a clock that starts at the same time gives the same events and messages, however time advances;
    None takes a new one, kept in `seed`. With `self_exciting` False orders arrive at random instead of in bursts.
    `prices` replaces last closes of the document, by plain symbol; `closes` has all last closes (1e-9). `events()` and
    `segments()` run ahead at full speed. Requests of accounts arrive `order_latency` ns after they were sent; the same
    seed and requests give the same fills. One thread may submit while another advances. Raises HftlabError for a symbol
    that is not known.
    """

    name = "exchange"
    recorded = False

    def __init__(
        self,
        seed: int | None = None,
        symbols: Sequence[str] | None = None,
        *,
        clock: Clock | None = None,
        interval: int = NANOSECONDS // 10,
        depth: int = 10,
        self_exciting: bool = True,
        prices: Mapping[str, float] | None = None,
        order_latency: int = 0,
    ) -> None:
        interval = check_nanoseconds("interval", interval, least=1)
        order_latency = check_nanoseconds("order_latency", order_latency)
        check_seed(seed)
        self.seed = int(np.random.SeedSequence(seed).entropy) % 2**63 if seed is None else seed  # type: ignore[arg-type]
        names = [symbols] if isinstance(symbols, str) else symbols or SYMBOLS
        self.instruments: Final = tuple(find_listing(symbol) for symbol in dict.fromkeys(names))
        self.broker: object | None = None
        self.interval = interval
        # The time of a clock that is given counts from before the compilation, the wall's from after it.
        began = None if clock is None else clock.now()
        _compile()
        self.clock = Clock() if clock is None else clock
        # Messages are due at multiples of the interval, which is where the processor cuts time.
        self.start: Final = (self.clock.now() if began is None else began) // interval * interval
        profiles = {one: listed_profile(one, prices or {}) for one in self.instruments}
        today = [opened(*pair, self.seed) for pair in profiles.items()]
        self._flow = _flow(self.instruments, today, self.seed, self.start, self_exciting)
        self._entry = _order_entry(self._flow, self.instruments, order_latency, self.start)
        self.closes: Final = {one: last_close(one, profile) for one, profile in profiles.items()}
        self._processor = Processor(
            self.instruments, depth, pace=interval, filters=_NO_FILTERS, previous_close=self.closes
        )
        self._reached, self._is_open, self._events_only = self.start, False, False
        self._opening: Segment | None = None
        # Messages that are made and not due yet, because the flow had to be made further for orders.
        self._early: deque[tuple[int, MarketData]] = deque()
        self._lock = threading.RLock()

    @property
    def symbols(self) -> list[str]:
        return [instrument.wire_symbol for instrument in self.instruments]

    @property
    def books(self) -> MatchingEngine:
        """Books of the venue after the last event made: `books["AAPL"].bids(10)`."""
        return self._flow.engine

    @property
    def now(self) -> int:
        """Time (ns) up to which events have been made."""
        return max(self._reached, self._entry.made)

    def next_time(self) -> int:
        """Time at which the next message is due, or at which a live order of an account may trade, or one arrives."""
        with self._lock:
            if not self._is_open or self._opening is not None:
                return self.start
            due, acts = self._reached + self.interval, self._entry.next_time()
            return due if acts is None else min(due, acts)

    def advance(self, until: int) -> list[MarketData]:
        """Let time go on up to and including `until`, and return the messages that are due by then."""
        with self._lock:
            return [message for segment in self._segments(until) for _, message in segment.messages]

    def segments(self, seconds: float) -> Iterator[Segment]:
        """Make the next `seconds` at full speed, in segments of some ten thousand events."""
        return self._segments(self.now + round(seconds * NANOSECONDS))

    def events(self, seconds: float) -> Iterator[EventBatch]:
        """Make only the events of the next `seconds`, in batches: many times as fast as with messages.

        Orders can be sent as before. The exchange makes no messages afterwards: their statistics would be wrong.
        """
        self._events_only = True
        self._reached = self.now + round(seconds * NANOSECONDS)
        if self._opening is not None:
            opening, self._opening = self._opening, None
            yield opening.events
        yield from self._entry.run(self._reached)

    # --- orders ---

    @property
    def latency(self) -> int:
        """Nanoseconds that a request takes to reach the market."""
        return self._entry.latency

    def submit(self, account: str, request: VenueRequest, at: int) -> None:
        """Send a request of an account at `at`, or now if that is over; it is matched `latency` later.

        Without a latency its outcome is in take_updates() when this returns. What cannot be done is an update REJECT
        with a reason, not an error.
        """
        with self._lock:
            self._open()
            self._entry.submit(account, request, at)

    def take_updates(self) -> list[VenueUpdate]:
        """Return the updates of all accounts' orders since the last call, in the order in which they happened."""
        with self._lock:
            return self._entry.take_updates()

    def phase(self, symbol: str) -> MarketPhase:
        """Return an instrument's phase. Raises KeyError for a symbol that is not listed."""
        return self._entry.phase(symbol)

    def reference_price(self, symbol: str) -> int | None:
        """Return the last trade's price, else the middle of the book, in 1e-9; None before the opening.

        Raises KeyError for a symbol that is not listed.
        """
        with self._lock:
            return self._entry.reference_price(symbol)

    # --- messages ---

    def _segments(self, until: int) -> Iterator[Segment]:
        if self._events_only:
            raise HftlabError("this exchange has made events without messages: make another one for messages")
        if self.start <= until:
            self._open()
            if self._opening is not None:
                opening, self._opening = self._opening, None
                yield opening
        last = until // self.interval * self.interval
        if last > self._reached:
            newest = _nothing(self.instruments)
            for batch in self._entry.run(last - 1):
                if len(newest):
                    yield Segment(newest, self._due(self._processor.process(newest), last))
                newest = batch
            self._reached = last
            yield Segment(newest, self._due(self._processor.process(newest, last - 1), last))
        self._entry.advance(until)

    def _open(self) -> None:
        """Make the orders that rest at the start, and the one message of that instant."""
        if self._is_open or self._events_only:
            return
        self._is_open = True
        batch = EventBatch.concat(self._flow.run(self.start))
        timed = [*self._processor.process(batch), *self._processor.flush()]
        message = self._message(self.start, [message for _, message in timed])
        self._opening = Segment(batch, [(self.start, message)])

    def _due(self, timed: list[tuple[int, MarketData]], last: int) -> list[tuple[int, MarketData]]:
        """Return the messages that are due by `last`, of those that were early and of new ones."""
        self._early.extend(self._merged(timed))
        due: list[tuple[int, MarketData]] = []
        while self._early and self._early[0][0] <= last:
            due.append(self._early.popleft())
        return due

    def _merged(self, timed: list[tuple[int, MarketData]]) -> list[tuple[int, MarketData]]:
        """Merge the messages of each interval, one for each symbol, into one."""
        intervals: dict[int, list[MarketData]] = {}
        for ts_recv, message in timed:
            intervals.setdefault((ts_recv // self.interval + 1) * self.interval, []).append(message)
        return [(at, self._message(at, messages)) for at, messages in intervals.items()]

    def _message(self, at: int, parts: list[MarketData]) -> MarketData:
        by_name: dict[str, MarketDataSymbol] = {one.symbol: one for part in parts for one in part.symbols}
        now = to_milliseconds(at)
        return MarketData(
            timestamp=now, id=f"md_{now:.0f}", symbols=[by_name[name] for name in self.symbols if name in by_name]
        )

    def __repr__(self) -> str:
        return f"Exchange(seed={self.seed}, {', '.join(self.symbols)})"

    def _repr_html_(self) -> str:
        seconds = (self.now - self.start) / NANOSECONDS
        facts = {
            "symbols": ", ".join(self.symbols),
            "seed": self.seed,
            "made": f"{seconds:,.1f} s",
            "live orders": len(self.books),
        }
        return facts_table("Exchange", facts)


def _flow(
    instruments: Sequence[Instrument], profiles: list[Profile], seed: int, start: int, self_exciting: bool
) -> OrderFlow:
    from hftlab.simulator.order_flow import OrderFlow

    return OrderFlow(instruments, profiles, seed, start, self_exciting=self_exciting)


def _order_entry(flow: OrderFlow, instruments: Sequence[Instrument], latency: int, start: int) -> OrderEntry:
    from hftlab.simulator.order_entry import OrderEntry

    return OrderEntry(flow, instruments, latency, start)


@cache
def _nothing(instruments: tuple[Instrument, ...]) -> EventBatch:
    return EventBatch(**{name: np.empty(0, dtype) for name, dtype in COLUMNS.items()}, instruments=instruments)


def _tell() -> None:
    if not is_watched():
        _log.warning("compiling the exchange, which takes about a minute the first time")


@cache
def _compile() -> None:
    """Compile everything, or read it from numba's cache, before the clock starts."""
    notice = threading.Timer(_LONG, _tell)
    notice.daemon = True
    notice.start()
    try:
        instrument = find_listing("BRK.A")
        flow = _flow([instrument], [profile_of(instrument)], 0, 0, True)
        processor = Processor([instrument], pace=NANOSECONDS)
        for batch in flow.run(NANOSECONDS):
            processor.process(batch)
    finally:
        notice.cancel()
