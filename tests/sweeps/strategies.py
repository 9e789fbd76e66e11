"""Strategies of the sweeps' tests, which their processes import."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import hftlab as hl

__all__ = ["Joiner", "joiner", "maker", "taker"]


class Joiner(hl.Strategy):
    """Buys at the best bid and sells at the best ask, `ticks` away, an order a second on each side.

    With `fault` it raises, exits, or kills its own process.
    """

    every = "1s"
    wake = "timer"

    def __init__(self, size: int = 100, ticks: int = 0, fault: str = "") -> None:
        self.size, self.ticks, self.fault = size, ticks, fault
        if fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)

    def on_start(self) -> None:
        if self.fault == "raise":
            raise ZeroDivisionError("by nothing")
        if self.fault == "exit":
            sys.exit(3)

    def on_timer(self, at: int) -> None:
        best = self.market.best("AAPL")
        self.trading.cancel_all()
        if best is not None:
            self.trading.buy("AAPL", self.size, price=round(best[0] - 0.01 * self.ticks, 2))
            self.trading.sell("AAPL", self.size, price=round(best[1] + 0.01 * self.ticks, 2))


@hl.compiled(every="200ms", state={"bid": 0, "ask": 0}, parameters={"ticks": 0, "lots": 1})
def maker(market: Any, orders: Any, state: Any, parameters: Any) -> None:
    """Quotes on both sides of the market, `ticks` behind the best."""
    bid, ask = market.bid() - parameters.ticks, market.ask() + parameters.ticks
    if not orders.replace(state.bid, parameters.lots, bid):
        state.bid = orders.buy(parameters.lots, bid)
    if not orders.replace(state.ask, parameters.lots, ask):
        state.ask = orders.sell(parameters.lots, ask)


def joiner(ticks: int, **more: Any) -> Joiner:
    """Make the class by a function."""
    return Joiner(ticks=ticks, **more)


def taker(ticks: int = 0) -> int:
    """A function that makes no strategy."""
    return ticks
