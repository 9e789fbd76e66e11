"""Markets that a backtest trades in: recorded ones with modelled fills, and the simulated exchange."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from hftlab.backtest.run_log import RunLog
from hftlab.protocol.order_messages import PRIVATE_MESSAGES
from hftlab.simulator import Exchange
from hftlab.source import Timed
from hftlab.trading.broker import Broker
from hftlab.trading.paper_trading import PaperTrading
from hftlab.trading.stepped_source import SteppedSource
from hftlab.trading.traded_source import TradedSource
from hftlab.trading.venue import VenueRequest, VenueUpdate

__all__ = ["MarketMessages", "ObservedExchange", "RecordedMarket", "SimulatedMarket"]


class MarketMessages(Protocol):
    """Messages of a recorded market, one after the other: the part of hftlab.source.Seekable that a backtest needs."""

    @property
    def symbols(self) -> Sequence[str]:
        """Symbols of the market."""
        ...

    @property
    def span(self) -> tuple[int, int] | None:
        """Times of the first and the last message (ns); None if there are none."""
        ...

    def next_time(self) -> int | None:
        """Return when the next message is due (ns); None after the last."""
        ...

    def take(self, count: int) -> Sequence[Timed[Any]]:
        """Take the next `count` messages, each with its time; fewer at the end."""
        ...


class RecordedMarket:
    """Recorded market in which orders fill by a model (see hftlab.backtest.engine.TradedMarket).

    The recording's own private messages are left out: they are of orders in another market.
    """

    is_whole = True

    def __init__(self, source: MarketMessages, trading: PaperTrading) -> None:
        self._source, self._trading = source, trading
        self._due = source.next_time()
        """When the market's next message is due; None at the end."""
        self.symbols: Sequence[str] = source.symbols
        span = source.span
        self.start: int = 0 if span is None else span[0] - 1
        self.end: int | None = None if span is None else span[1]
        self.handle = trading.handle

    def next(self, until: int | None) -> Sequence[Timed[Any]]:
        """Return the next messages that are due by `until`, or whenever they are for None: all of one time."""
        trading, source = self._trading, self._source
        while (due := self._due) is not None and (until is None or due <= until):
            if some := self._of_accounts(due - 1):
                return some
            items: list[Timed[Any]] = []
            while self._due == due:
                (item,) = source.take(1)
                if not isinstance(item.message, PRIVATE_MESSAGES):
                    items.append(item)
                self._due = source.next_time()
            trading.reach(due)
            if items:
                return items + trading.advance(due)
        if until is not None:
            return self._of_accounts(until)
        while (due := trading.next_time()) is not None:
            if some := self._of_accounts(due):
                return some
        return ()

    def _of_accounts(self, until: int) -> list[Timed[Any]]:
        """Return the next messages of accounts that are due by `until`: all of one time."""
        trading = self._trading
        some = trading.advance_to_next(until)
        return some + trading.advance(trading.now) if some else some


class ObservedExchange:
    """The simulated exchange as a TradingVenue, whose requests and updates are logged."""

    def __init__(self, exchange: Exchange, log: RunLog) -> None:
        self._exchange, self._log = exchange, log
        self.broker: object | None = None
        self.instruments = exchange.instruments
        self.advance, self.phase = exchange.advance, exchange.phase
        self.reference_price = exchange.reference_price

    @property
    def day(self) -> int:
        """Number of the trading day."""
        return self._exchange.day

    @property
    def latency(self) -> int:
        """Nanoseconds that a request takes to the market."""
        return self._exchange.latency

    def submit(self, account: str, request: VenueRequest, at: int) -> None:
        """Send a request of an account at `at`."""
        self._log.arrive(request, at, at + self.latency)
        self._exchange.submit(account, request, at)

    def take_updates(self) -> list[VenueUpdate]:
        """Return the updates since the last call."""
        updates = self._exchange.take_updates()
        for update in updates:
            self._log.update(update)
        return updates


class SimulatedMarket:
    """The simulated exchange for a time (see hftlab.backtest.engine.TradedMarket), whatever its clock says."""

    is_whole = False

    def __init__(self, exchange: Exchange, broker: Broker, end: int) -> None:
        self._source = SteppedSource(TradedSource(exchange, broker))
        self._broker = broker
        self.symbols: Sequence[str] = exchange.symbols
        self.start, self.end = exchange.next_time() - 1, end

    def next(self, until: int | None) -> Sequence[Timed[Any]]:
        """Return the next message that is due by `until`, or by the end for None; nothing if there is none."""
        return self._source.take_until(self.end if until is None else until, 1)

    def handle(self, account: str, request: Any, at: int) -> list[Timed[Any]]:
        """Take a request of an account at `at`; returns the messages that follow at once. Raises ServerError."""
        told = self._broker.handle(account, request, at)
        return [Timed(at, item.message, item.account) for item in told]  # heard now, whenever it has happened
