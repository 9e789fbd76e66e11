"""Simulated exchange: seeded order flow through the matching engine, as events, books and messages."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from hftlab.clock import NANOSECONDS, Clock, to_milliseconds
from hftlab.errors import HftlabError
from hftlab.events import COLUMNS, EventBatch
from hftlab.html_table import facts_table
from hftlab.instruments import Instrument, find_instrument
from hftlab.log import get_logger
from hftlab.market import Processor
from hftlab.protocol.messages import MarketData, MarketDataSymbol
from hftlab.simulator.profile import Profile, profile_of

if TYPE_CHECKING:
    from hftlab.book.matching import MatchingEngine
    from hftlab.simulator.order_flow import OrderFlow

__all__ = ["SYMBOLS", "Exchange", "Segment", "find_listing"]

SYMBOLS: Final = ("AAPL", "GOOGL", "MSFT", "TSLA", "AMZN", "META", "NVDA", "BRK.A")
"""The reference document's eight."""

_LONG: Final = 6.0
"""Seconds of compiling after which a warning is logged; reading from the cache takes about one."""
_GAP: Final = 0.3
"""Standard deviation of the change from the last close to the opening, as a fraction of a day's."""

_log = get_logger("hftlab.simulator")


class Segment(NamedTuple):
    """Segment of an exchange's time: its events, and its messages with the times (ns) they are due."""

    events: EventBatch
    messages: list[tuple[int, MarketData]]


class Exchange:
    """Exchange of one venue or several with simulated traders; a source (see hftlab.source) that never ends.

    `symbols` are names as they are on the wire (AAPL, AAPL:NYSE, VOD, BTCUSDT), or one such name; None stands for
    the reference document's eight. Listings of one name share its fundamental price, which each venue's market makers
    see with a lag and an error of their own. Every `interval` ns there is one message with all symbols whose book has
    changed, with ten levels a side, true order counts, the trades of the interval and the day's statistics. The books
    are full when the clock starts, and the first message is due then.

    The same seed on a clock that starts at the same time gives the same events and messages, however time advances;
    None takes a new one, kept in `seed`. With `self_exciting` False orders arrive at random instead of in bursts.
    `prices` replaces last closes of the document, by plain symbol; `closes` has all last closes (1e-9). `events()` and
    `segments()` run ahead at full speed. Raises HftlabError for a symbol that is not known.
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
    ) -> None:
        if interval <= 0:
            raise ValueError(f"interval must be above 0 ns, got {interval}")
        self.seed = int(np.random.SeedSequence(seed).entropy) % 2**63 if seed is None else seed  # type: ignore[arg-type]
        names = [symbols] if isinstance(symbols, str) else symbols or SYMBOLS
        self.instruments: Final = tuple(find_listing(symbol) for symbol in dict.fromkeys(names))
        self.interval = interval
        # The time of a clock that is given counts from before the compilation, the wall's from after it.
        began = None if clock is None else clock.now()
        _compile()
        self.clock = Clock() if clock is None else clock
        # Messages are due at multiples of the interval, which is where the processor cuts time.
        self.start: Final = (self.clock.now() if began is None else began) // interval * interval
        profiles = [_profile(instrument, prices or {}) for instrument in self.instruments]
        opened = [_opened(*pair, self.seed) for pair in zip(self.instruments, profiles, strict=True)]
        self._flow = _flow(self.instruments, opened, self.seed, self.start, self_exciting)
        self.closes: Final = {
            one: _close(one, profile) for one, profile in zip(self.instruments, profiles, strict=True)
        }
        self._processor = Processor(self.instruments, depth, pace=interval, previous_close=self.closes)
        self._reached, self._is_open, self._events_only = self.start, False, False

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
        return self._reached

    def next_time(self) -> int:
        return self._reached + self.interval if self._is_open else self.start

    def advance(self, until: int) -> list[MarketData]:
        return [message for segment in self._segments(until) for _, message in segment.messages]

    def segments(self, seconds: float) -> Iterator[Segment]:
        """Make the next `seconds` at full speed, in segments of some ten thousand events."""
        return self._segments(self._reached + round(seconds * NANOSECONDS))

    def events(self, seconds: float) -> Iterator[EventBatch]:
        """Make only the events of the next `seconds`, in batches: many times as fast as with messages.

        The exchange makes no messages afterwards: their statistics would be wrong.
        """
        self._events_only = True
        self._reached += round(seconds * NANOSECONDS)
        yield from self._flow.run(self._reached)

    def _segments(self, until: int) -> Iterator[Segment]:
        if self._events_only:
            raise HftlabError("this exchange has made events without messages: make another one for messages")
        if not self._is_open and self.start <= until:
            yield self._opening()
        last = until // self.interval * self.interval
        if last <= self._reached:
            return
        for batch in self._flow.run(last - 1):
            yield Segment(batch, self._merged(self._processor.process(batch)))
        self._reached = last
        nothing = _nothing(self.instruments)
        yield Segment(nothing, self._merged(self._processor.process(nothing, last - 1)))

    def _opening(self) -> Segment:
        """Make the orders that rest at the start, and the one message of that instant."""
        batch = EventBatch.concat(self._flow.run(self.start))
        timed = [*self._processor.process(batch), *self._processor.flush()]
        self._is_open = True
        return Segment(batch, [(self.start, self._message(self.start, [message for _, message in timed]))])

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
        seconds = (self._reached - self.start) / NANOSECONDS
        facts = {
            "symbols": ", ".join(self.symbols),
            "seed": self.seed,
            "made": f"{seconds:,.1f} s",
            "live orders": len(self.books),
        }
        return facts_table("Exchange", facts)


def find_listing(name: str) -> Instrument:
    """Return the instrument of a name as in messages, if the exchange has a market for it. Raises HftlabError."""
    symbol, _, venue = name.partition(":")
    found = find_instrument(symbol, venue or None)
    if found is not None:
        try:
            profile_of(found)
        except KeyError:
            found = None
    if found is None:
        raise HftlabError(
            f"the exchange has no market for {name!r}: choose names such as {', '.join(SYMBOLS)}, AAPL:NYSE, VOD or "
            f"BTCUSDT"
        )
    return found


def _profile(instrument: Instrument, prices: Mapping[str, float]) -> Profile:
    profile = profile_of(instrument)
    price = prices.get(instrument.symbol, profile.price)
    if not 0 < price < math.inf:
        raise ValueError(f"the price of {instrument.symbol} must be above 0, got {price:g}")
    return profile._replace(price=price)


def _close(instrument: Instrument, profile: Profile) -> int:
    return instrument.round_to_tick(instrument.ticks(profile.price) * instrument.tick)


def _opened(instrument: Instrument, profile: Profile, seed: int) -> Profile:
    """Return the profile at the day's opening price, which the listings of one name share."""
    gap = np.random.default_rng([seed, *instrument.symbol.encode()]).normal()
    return profile._replace(price=profile.price * math.exp(_GAP * profile.volatility * gap))


def _flow(
    instruments: Sequence[Instrument], profiles: list[Profile], seed: int, start: int, self_exciting: bool
) -> OrderFlow:
    from hftlab.simulator.order_flow import OrderFlow

    return OrderFlow(instruments, profiles, seed, start, self_exciting=self_exciting)


@cache
def _nothing(instruments: tuple[Instrument, ...]) -> EventBatch:
    return EventBatch(**{name: np.empty(0, dtype) for name, dtype in COLUMNS.items()}, instruments=instruments)


@cache
def _compile() -> None:
    """Compile everything, or read it from numba's cache, before the clock starts."""
    notice = threading.Timer(_LONG, _log.warning, ["compiling the exchange, which takes about a minute the first time"])
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
