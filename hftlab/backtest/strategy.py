"""Strategies: what reacts to a market with orders, be it a backtest, a replay, an exchange or a live feed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

from hftlab.backtest.strategy_market import StrategyMarket
from hftlab.backtest.strategy_trading import StrategyTrading
from hftlab.protocol.messages import MarketData
from hftlab.protocol.order_messages import OrderUpdate

__all__ = ["Runner", "Strategy", "Wake"]

Wake: TypeAlias = Literal["message", "best", "trade", "timer"]
"""Occasion of on_market_data(): every message, a change of the best bid or ask, a trade, or none."""


class Runner(Protocol):
    """Runner of a strategy: it keeps its timers."""

    def wake_at(self, at: int) -> None:
        """Call on_timer() at a time."""
        ...


class Strategy:
    """Strategy: derive a class, and implement the calls that it reacts to.

    The same class runs in `hl.backtest(S, session)` and over the wire in `hl.run(S(), client)`. Whoever runs it sets
    `market`, which knows what the strategy has been told so far, and `trading`, which takes its orders: calls there
    return at once, and what becomes of an order comes to on_order_update(). A strategy must not look at another clock
    than `market.now`, nor wait.

    `symbols` are those that it wants (None for all that there are), `every` is the time between two calls of on_timer()
    ("100ms", a timedelta or ns; None for none), and `wake` says what on_market_data() is called for. Its own orders
    always wake it.
    """

    symbols: ClassVar[Sequence[str] | None] = None
    every: ClassVar[Any] = None
    wake: ClassVar[Wake] = "message"

    market: StrategyMarket
    trading: StrategyTrading
    _runner: Runner

    def on_start(self) -> None:
        """React to the start; `market.now` is the time before the first message."""

    def on_market_data(self, message: MarketData) -> None:
        """React to a message of market data; `market` has taken it in."""

    def on_timer(self, at: int) -> None:
        """React to a timer: every `every`, and when wake_at() has asked for it. `at` is `market.now`."""

    def on_order_update(self, update: OrderUpdate) -> None:
        """React to an update of an own order; `trading` has taken it in."""

    def on_end(self) -> None:
        """React to the end. New orders are REJECTED now, and replacements go nowhere; cancels still go out."""

    def wake_at(self, at: int) -> None:
        """Ask for a call of on_timer() at a time (ns UTC), or now where that is over."""
        self._runner.wake_at(at)
