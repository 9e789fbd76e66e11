"""Engine of a backtest: a strategy and a market on a virtual clock, without sockets."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Final, Protocol

from hftlab.backtest.latency_models import Latency
from hftlab.backtest.run_log import RunLog
from hftlab.backtest.strategy import Strategy
from hftlab.backtest.strategy_market import StrategyMarket
from hftlab.backtest.strategy_trading import StrategyTrading
from hftlab.backtest.wakes import Wakes
from hftlab.clock import duration, in_words
from hftlab.errors import ArgumentError, NameNotFound, ServerError, WireError
from hftlab.nearest import describe_unknown, meant
from hftlab.protocol.messages import MarketData, Message
from hftlab.protocol.order_messages import PRIVATE_MESSAGES, NewOrder, OrderUpdate, ReplaceOrder
from hftlab.source import Timed
from hftlab.trading.blotter import Blotter

__all__ = ["ACCOUNT", "Engine", "TradedMarket", "is_of_another", "timer_interval"]

ACCOUNT: Final = "backtest"
"""Account in which a backtest trades."""

_MARKET, _PRIVATE, _TIMER = range(3)
"""Kinds of what a strategy hears, in the order in which what is of one time comes."""

_MOST_AT_A_TIME: Final = 100_000
"""Timers and private messages at one time after which time is taken to stand still."""


class TradedMarket(Protocol):
    """Market that is traded in: its messages and those of its accounts, in the order of their times (ns)."""

    symbols: Sequence[str]
    is_whole: bool
    """True if next() returns all messages of a time at once, but for those that requests of this time cause."""

    @property
    def start(self) -> int:
        """The time before the first message."""
        ...

    @property
    def end(self) -> int | None:
        """The time of the last message of the market."""
        ...

    def next(self, until: int | None) -> Sequence[Timed[Any]]:
        """Return the next messages that are due by `until`, or whenever they are for None; they are of one time.

        Without messages time has gone on to `until`.
        """
        ...

    def handle(self, account: str, request: Any, at: int) -> list[Timed[Any]]:
        """Take a request of an account at `at`; returns the messages that follow at once. Raises ServerError."""
        ...


class Engine:
    """Engine of one run of a strategy in a market.

    What comes next in time is handed to the strategy, and what it sends goes out at that very time. The market's
    messages reach it after `latency.feed`; how long requests and reports take, is the market's business.
    """

    def __init__(
        self, strategy: Strategy, market: TradedMarket, latency: Latency, log: RunLog, *, prefix: str = "S"
    ) -> None:
        self._strategy, self._market, self._log = strategy, market, log
        self._feed = latency.start().feed
        self._is_fed_late = latency.feed != Latency.none.feed
        self._heard = market.start
        self._is_over = False
        self._blotter = Blotter()
        self._pending: list[tuple[int, int, int, Any]] = []
        self._count = 0
        self._has_sent = False
        """True if the strategy has sent something, of which the market may tell more at the same time."""
        self._at_a_time = 0
        """Timers and private messages that the strategy has had at its time."""
        self._symbols = _chosen(strategy, market.symbols)
        self._wanted = frozenset(self._symbols)
        self.known = StrategyMarket(self._symbols, market.start)
        self._wakes = Wakes(strategy.wake)
        strategy.market = self.known
        strategy.trading = StrategyTrading(self._blotter, self._send, lambda: self.known.now, self._symbols, prefix)
        strategy._runner = self
        self._every = timer_interval(strategy)
        self.on_step: Callable[[int], object] | None = None
        """Called with the time of each message of the market, after the strategy."""

    @property
    def now(self) -> int:
        """The strategy's time."""
        return self.known.now

    def know(self, messages: Iterable[Message]) -> None:
        """Take in what is known of the market and the account before the start; the strategy is not called."""
        for message in messages:
            if isinstance(message, PRIVATE_MESSAGES):
                self._blotter.receive(message)
            else:
                if isinstance(message, MarketData):
                    message = _of_symbols(message, self._wanted)
                self.known.take_in(message, self.now)

    def refuse(self, request: NewOrder, reason: str) -> None:
        """Note that a new order was not taken."""
        tracked = self._blotter.find(request.client_order_id)
        assert tracked is not None, "the order has been tracked before it was sent"
        self._blotter.refuse(tracked, reason, self.now)
        self._log.refuse(request.client_order_id, reason, self.now)

    def wake_at(self, at: int) -> None:
        """Call on_timer() at a time, or now where that is over."""
        self._push(max(at, self.now), _TIMER, None)

    def run(self, until: int | None = None) -> None:
        """Run to the end of the market, or to `until`."""
        strategy, market = self._strategy, self._market
        end = market.end if until is None else until
        strategy.on_start()
        if self._every is not None:
            self._push(self.now + self._every, _TIMER, self._every)
        pending = self._pending
        while True:
            limit = pending[0][0] if pending else until
            if limit is not None and end is not None and limit > end:
                limit = end
            if items := market.next(limit):
                for item in items:
                    self._take(item)
                reached = items[0].at
                if market.is_whole and (end is None or reached <= end):
                    self._deliver_until(reached)
                continue
            if not pending or (end is not None and pending[0][0] > end):
                break
            self._deliver_until(pending[0][0])
        self.finish()

    def finish(self) -> None:
        """Tell the strategy that the run is over. What it sends from now on goes out only if it ends orders."""
        self._is_over = True
        self._strategy.on_end()

    def _deliver_until(self, reached: int) -> None:
        """Hand what is due by a time of which the market has told all to the strategy, as far as it sends nothing."""
        pending, self._has_sent = self._pending, False
        while pending and pending[0][0] <= reached and not self._has_sent:
            at, kind, _, what = heapq.heappop(pending)
            self._deliver(at, kind, what)

    def _take(self, item: Timed[Any]) -> None:
        """Note when the strategy will hear a message."""
        if isinstance(item.message, PRIVATE_MESSAGES):
            if item.account == ACCOUNT:
                self._push(item.at, _PRIVATE, item.message)
            return
        at, message = item.at, item.message
        if isinstance(message, MarketData):
            message = _of_symbols(message, self._wanted)
            self._log.quote(message, at)  # what the market was, whenever the strategy hears of it
        if self._is_fed_late:
            self._heard = at = max(self._heard, at + self._feed.draw(at))
        self._push(at, _MARKET, message)

    def _push(self, at: int, kind: int, what: Any) -> None:
        self._count += 1
        heapq.heappush(self._pending, (at, kind, self._count, what))

    def _deliver(self, at: int, kind: int, what: Any) -> None:
        strategy, known = self._strategy, self.known
        if kind != _MARKET:
            self._check_time(at)
        if kind == _MARKET:
            message = known.take_in(what, at)
            if isinstance(message, MarketData) and message.symbols:
                if self._wakes.wakes(message):
                    strategy.on_market_data(message)
                if self.on_step is not None:
                    self.on_step(at)
        elif kind == _PRIVATE:
            known.now = at
            self._blotter.receive(what)
            if isinstance(what, OrderUpdate):
                self._log.hear(what, at)
                strategy.on_order_update(what)
        else:
            known.now = at
            if what is not None:
                self._push(at + what, _TIMER, what)
            strategy.on_timer(at)

    def _check_time(self, at: int) -> None:
        """Raise ArgumentError where the strategy's own timers or orders keep time from going on."""
        self._at_a_time = self._at_a_time + 1 if at == self.known.now else 0
        if self._at_a_time == _MOST_AT_A_TIME:
            name = type(self._strategy).__qualname__
            raise ArgumentError(
                f"{name} is called at {in_words(at)} again and again, and time stands still: ask for a later time in "
                "wake_at(), do not send a request for each update in on_order_update(), or give a latency"
            )

    def _send(self, request: Any) -> None:
        """Take a request of the strategy, and note when it will hear what follows at once."""
        at, self._has_sent = self.known.now, True
        self._log.send(ACCOUNT, request, at)
        if self._is_over and isinstance(request, NewOrder | ReplaceOrder):
            if isinstance(request, NewOrder):
                self.refuse(request, "the run is over")
            return
        try:
            items = self._market.handle(ACCOUNT, request, at)
        except ServerError as error:
            if not isinstance(request, NewOrder) or is_of_another(error):
                raise
            self.refuse(request, str(error))
            return
        for item in items:
            self._take(item)


def is_of_another(error: WireError) -> bool:
    """Tell whether a new order was refused for its clientOrderId, which is another order's: that one goes on."""
    return "clientOrderId" in (error.context or {})


def timer_interval(strategy: Strategy) -> int | None:
    """Return the time between two timers of a strategy in ns, None for none. Raises ArgumentError."""
    every = strategy.every
    if every is None:
        return None
    nanoseconds = every if isinstance(every, int) and not isinstance(every, bool) else duration(every)
    if nanoseconds <= 0:
        raise ArgumentError(f"every is {every!r}: give a time above 0, such as '100ms' or ns")
    return nanoseconds


def _chosen(strategy: Strategy, symbols: Sequence[str]) -> list[str]:
    wanted = [strategy.symbols] if isinstance(strategy.symbols, str) else strategy.symbols
    if wanted is None:
        return list(symbols)
    unknown = [symbol for symbol in wanted if symbol not in symbols]
    if unknown:
        raise NameNotFound(f"the strategy's market does not have {describe_unknown(unknown, symbols)}").advise(
            instead=meant(unknown, symbols)
        )
    return list(wanted)


def _of_symbols(message: MarketData, symbols: Collection[str]) -> MarketData:
    """Leave out of a message what is not about the strategy's symbols."""
    for one in message.symbols:
        if one.symbol not in symbols:
            return MarketData(
                timestamp=message.timestamp,
                id=message.id,
                sequence=message.sequence,
                symbols=[one for one in message.symbols if one.symbol in symbols],
                snapshot=message.snapshot,
                ts_recv=message.ts_recv,
            )
    return message
