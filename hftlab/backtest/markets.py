"""Markets that a backtest trades in: recorded ones with modelled fills, and the simulated exchange."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hftlab.backtest.run_log import RunLog
from hftlab.simulator import Exchange
from hftlab.source import Timed
from hftlab.trading.broker import Broker
from hftlab.trading.paper_source import PaperSource
from hftlab.trading.stepped_source import SteppedSource
from hftlab.trading.traded_source import TradedSource
from hftlab.trading.venue import VenueRequest, VenueUpdate

__all__ = ["ObservedExchange", "RecordedMarket", "SimulatedMarket"]


class RecordedMarket:
    """Recorded market in which orders fill by a model (see hftlab.backtest.engine.TradedMarket)."""

    def __init__(self, source: PaperSource) -> None:
        self._source = source
        self.symbols: Sequence[str] = source.symbols
        span = source.span
        self.start: int = 0 if span is None else span[0] - 1
        self.end: int | None = None if span is None else span[1]

    def next(self, until: int | None) -> Sequence[Timed[Any]]:
        """Return the next messages that are due by `until`, or whenever they are for None; they are of one time."""
        return self._source.take_next(until)

    def handle(self, account: str, request: Any, at: int) -> list[Timed[Any]]:
        """Take a request of an account at `at`; returns the messages that follow at once. Raises ServerError."""
        return self._source.trading.handle(account, request, at)


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
