"""Markets that a backtest trades in: recorded ones with modelled fills, and the simulated exchange."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from hftlab.simulator import Exchange
from hftlab.source import Timed, timed
from hftlab.trading.broker import Broker
from hftlab.trading.paper_source import PaperSource
from hftlab.trading.traded_source import TradedSource

__all__ = ["RecordedMarket", "SimulatedMarket"]


class RecordedMarket:
    """Recorded market in which orders fill by a model (see hftlab.backtest.engine.TradedMarket)."""

    def __init__(self, source: PaperSource) -> None:
        self._source = source
        self.symbols: Sequence[str] = source.symbols
        span = source.span
        self.start: int = 0 if span is None else span[0] - 1
        self.end: int | None = None if span is None else span[1]

    def next(self, until: int | None) -> Timed[Any] | None:
        """Return the next message that is due by `until`, or whenever it is for None; None if there is none."""
        items = self._source.take(1) if until is None else self._source.take_until(until, 1)
        return items[0] if items else None

    def handle(self, account: str, request: Any, at: int) -> list[Timed[Any]]:
        """Take a request of an account at `at`; returns the messages that follow at once. Raises ServerError."""
        return self._source.trading.handle(account, request, at)


class SimulatedMarket:
    """The simulated exchange for a time (see hftlab.backtest.engine.TradedMarket), on a clock that is run by hand."""

    def __init__(self, exchange: Exchange, broker: Broker, end: int) -> None:
        self._source = TradedSource(exchange, broker)
        self._broker = broker
        self._waiting: deque[Timed[Any]] = deque()
        self.symbols: Sequence[str] = exchange.symbols
        self.start, self.end = exchange.now - 1, end

    def next(self, until: int | None) -> Timed[Any] | None:
        """Return the next message that is due by `until`, or by the end for None; None if there is none."""
        until = self.end if until is None else until
        while not self._waiting:
            due = self._source.next_time()
            if due is None or due > until:
                return None
            self._waiting.extend(timed(self._source.advance(due), due))
        return self._waiting.popleft() if self._waiting[0].at <= until else None

    def handle(self, account: str, request: Any, at: int) -> list[Timed[Any]]:
        """Take a request of an account at `at`; returns the messages that follow at once. Raises ServerError."""
        return self._broker.handle(account, request, at)
