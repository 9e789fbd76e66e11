"""Volume traded at each price, by sellers and by buyers."""

from __future__ import annotations

from typing import Final, NamedTuple

from hftlab.widgets.core.market_tape import TRADES, Print, SymbolTape
from hftlab.widgets.ladder.price_steps import buyers_step, sellers_step, tick_number

__all__ = ["Traded", "VolumeProfile"]

MOST_PRICES: Final = 20_000
"""Prices that are kept; beyond it those farthest from the market are forgotten."""

SLACK: Final = 8
"""Trades that may come while they are counted."""


class Traded(NamedTuple):
    """Volume at one price step: what sellers sold to bids, and what buyers bought from asks."""

    step: int
    sold: float
    bought: float


class VolumeProfile:
    """Volume traded at each price of one symbol, since its market tape began; follows the tape."""

    def __init__(self, tape: SymbolTape) -> None:
        self._tape = tape
        self._epoch = tape.epoch
        self._middle = 0.0
        """The last price."""
        self._printed = 0
        self._by_price: dict[float, tuple[float, float]] = {}
        self._by_step: dict[int, tuple[float, float]] = {}
        self._grid: tuple[float, int] = (0.0, 0)

    def follow(self, tick: float, group: int) -> None:
        """Take in the trades since the last call; the steps are of `group` ticks from now on."""
        new = self._new_trades()
        if self._grid != (tick, group):
            self._grid = tick, group
            self._by_step.clear()
            for price, (sold, bought) in self._by_price.items():
                self._add_to_steps(price, sold, bought)
        for trade in new:
            sold, bought = (trade.size, 0.0) if trade.sign < 0 else (0.0, trade.size)
            before = self._by_price.get(trade.price, (0.0, 0.0))
            self._by_price[trade.price] = before[0] + sold, before[1] + bought
            self._add_to_steps(trade.price, sold, bought)
        if len(self._by_price) > MOST_PRICES:
            self._forget_the_farthest()

    @property
    def count(self) -> int:
        """Number of price steps with volume."""
        return len(self._by_step)

    def rows(self, low: int | None = None, high: int | None = None) -> list[Traded]:
        """Return the steps with volume from `low` to `high`, the lowest first; without bounds all of them."""
        steps = self._by_step
        if low is not None and high is not None and high - low < len(steps):
            found = [step for step in range(low, high + 1) if step in steps]
        else:
            found = sorted(step for step in steps if (low is None or step >= low) and (high is None or step <= high))
        return [Traded(step, *steps[step]) for step in found]

    def _add_to_steps(self, price: float, sold: float, bought: float) -> None:
        tick, group = self._grid
        ticks = tick_number(price, tick)
        for step, sizes in ((sellers_step(ticks, group), (sold, 0.0)), (buyers_step(ticks, group), (0.0, bought))):
            if any(sizes):
                before = self._by_step.get(step, (0.0, 0.0))
                self._by_step[step] = before[0] + sizes[0], before[1] + sizes[1]

    def _new_trades(self) -> list[Print]:
        """Return the trades since the last call, oldest first; all of the tape's if it has begun anew."""
        tail = self._tape.tail(self._tape.printed - self._printed + SLACK)
        if tail.epoch != self._epoch or tail.printed - self._printed > len(tail.trades):
            tail = self._tape.tail(TRADES)
        new = tail.trades[: tail.printed - self._printed]
        if tail.epoch != self._epoch:
            self._epoch, new = tail.epoch, tail.trades
            self._by_price.clear()
            self._by_step.clear()
        self._printed = tail.printed
        if new:
            self._middle = new[0].price
        return new[::-1]

    def _forget_the_farthest(self) -> None:
        nearest = sorted(self._by_price, key=lambda price: abs(price - self._middle))[: MOST_PRICES // 2]
        self._by_price = {price: self._by_price[price] for price in nearest}
        self._grid = (0.0, 0)  # so that the next call sums the steps up again
