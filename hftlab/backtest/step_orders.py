"""Own orders as the step of a compiled strategy sees them, and the requests that it makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.backtest.decimal_grid import HIGHEST_PRICE
from hftlab.backtest.step_market import known_instrument
from hftlab.backtest.step_requests import (
    COUNTS,
    HOLDING,
    MOST_OPEN,
    MOST_REQUESTS,
    NEWS,
    OPEN,
    REQUEST,
    Records,
    cancel,
    find_open,
    replace,
    send,
)
from hftlab.book.matching.entries import EntryType, InForce
from hftlab.events import ASK, BID
from hftlab.kernels.compiling import IntArray
from hftlab.kernels.methods import TupleType, with_methods

__all__ = ["Orders", "OrdersType", "grow_orders", "new_orders"]

_LIMIT, _MARKET = int(EntryType.LIMIT), int(EntryType.MARKET)
_DAY, _IOC, _FOK = int(InForce.DAY), int(InForce.IOC), int(InForce.FOK)


class OrdersType(TupleType):
    """Numba's type of Orders."""


@with_methods(OrdersType)
class Orders(NamedTuple):
    """Own orders and positions of a compiled strategy, and what it asks for. Prices are in ticks, sizes in lots.

    `open` has the open orders, `count` of them, as records of number, instrument, side (1 or -1), ticks, quantity, lots
    (still open) and state. They are as the strategy has heard: one that it has just sent is there, as PENDING_NEW.
    """

    open: Records
    holdings: Records
    requests: Records
    news: Records
    counts: Records
    filled: IntArray

    @property
    def count(self) -> Any:
        """Number of open orders."""
        return self.counts[0]["open"]

    def position(self, instrument: int = 0) -> Any:
        """Return the position in lots, short below 0."""
        return self.holdings[known_instrument(instrument, len(self.holdings))]["position"]

    def cash(self, instrument: int = 0) -> Any:
        """Return what an instrument's sales have brought less what its purchases cost: ticks times lots, no fees."""
        return self.holdings[known_instrument(instrument, len(self.holdings))]["cash"]

    def fills(self, instrument: int = 0) -> Any:
        """Return the number of fills so far."""
        return self.holdings[known_instrument(instrument, len(self.holdings))]["fills"]

    def buy(
        self, lots: int, ticks: int, instrument: int = 0, post_only: bool = False, ioc: bool = False, fok: bool = False
    ) -> Any:
        """Send a limit order to buy, and return its number."""
        return send(self, instrument, BID, _LIMIT, _FOK if fok else _IOC if ioc else _DAY, ticks, lots, post_only)

    def sell(
        self, lots: int, ticks: int, instrument: int = 0, post_only: bool = False, ioc: bool = False, fok: bool = False
    ) -> Any:
        """Send a limit order to sell, and return its number."""
        return send(self, instrument, ASK, _LIMIT, _FOK if fok else _IOC if ioc else _DAY, ticks, lots, post_only)

    def buy_market(self, lots: int, instrument: int = 0) -> Any:
        """Send a market order to buy, and return its number."""
        return send(self, instrument, BID, _MARKET, _DAY, 0, lots, False)

    def sell_market(self, lots: int, instrument: int = 0) -> Any:
        """Send a market order to sell, and return its number."""
        return send(self, instrument, ASK, _MARKET, _DAY, 0, lots, False)

    def cancel(self, number: int) -> Any:
        """Ask for the cancellation of an order; False if it is not open any more, or that has been asked for."""
        return cancel(self, number)

    def replace(self, number: int, lots: int, ticks: int) -> Any:
        """Ask for another size and price of an order; False if it is not open any more, or is about to be cancelled.

        The size is that of the whole order, with what has been filled.
        """
        return replace(self, number, lots, ticks)

    def cancel_all(self) -> Any:
        """Ask for the cancellation of every open order, and return for how many."""
        asked = 0
        for row in range(self.counts[0]["open"]):
            asked += cancel(self, self.open[row]["number"])
        return asked

    def find(self, number: int) -> Any:
        """Return the row of `open` that has an order; -1 if it is not open."""
        return find_open(self, number)

    def is_open(self, number: int) -> Any:
        """Tell whether an order is open, or on its way."""
        return find_open(self, number) >= 0


def grow_orders(orders: Orders, needed: int) -> Orders:
    """Return the orders with room for so many requests, news and numbers of orders, and as many again."""
    columns = {name: getattr(orders, name) for name in ("requests", "news", "filled")}
    return orders._replace(**{name: _longer(column, 2 * needed) for name, column in columns.items()})


def _longer(array: npt.NDArray[Any], length: int) -> npt.NDArray[Any]:
    longer = np.zeros(length, array.dtype)
    longer[: len(array)] = array
    return longer


def new_orders(ticks: Sequence[int]) -> Orders:
    """Make the orders of a strategy that has none yet, in instruments with these ticks (1e-9)."""
    holdings = np.zeros(len(ticks), HOLDING)
    holdings["highest"] = [HIGHEST_PRICE // tick for tick in ticks]
    return Orders(
        open=np.zeros(MOST_OPEN, OPEN),
        holdings=holdings,
        requests=np.zeros(2 * MOST_REQUESTS, REQUEST),
        news=np.zeros(2 * MOST_REQUESTS, NEWS),
        counts=np.zeros(1, COUNTS),
        filled=np.zeros(2 * MOST_REQUESTS, np.int64),
    )
