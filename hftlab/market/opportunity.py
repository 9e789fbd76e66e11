"""Arbitrage opportunities: buying at one venue what another pays more for, in size and in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from hftlab.clock import to_milliseconds
from hftlab.market.consolidated import VenueBook
from hftlab.market.costs import Fee
from hftlab.protocol.enums import ArbitrageState
from hftlab.protocol.messages import Arbitrage

__all__ = ["Edge", "Opportunity", "executable_edge"]


class Edge(NamedTuple):
    """Gain that can be had at once: the best prices, the size that can be bought and sold at a gain, the total gain."""

    ask: float
    bid: float
    size: float
    gain: float


@dataclass(frozen=True, slots=True)
class Opportunity:
    """Opportunity as of `at`, when it opened, changed or closed; all times int64 ns.

    `ask` and `bid` are in the currencies of the two listings, `edge` and `peak_edge` (the largest so far) in
    `currency`, after fees. Once closed, `size` and `edge` are 0.
    """

    symbol: str
    buy_venue: str
    sell_venue: str
    state: ArbitrageState
    at: int
    opened: int
    ask: float
    bid: float
    size: float
    edge: float
    peak_edge: float
    currency: str

    @property
    def lifetime(self) -> int:
        """Time since it opened, in ns."""
        return self.at - self.opened

    def to_message(self) -> Arbitrage:
        """Build the ARBITRAGE message."""
        closed = to_milliseconds(self.at) if self.state is ArbitrageState.CLOSE else None
        return Arbitrage(
            timestamp=to_milliseconds(self.at),
            symbol=self.symbol,
            state=self.state,
            buy_venue=self.buy_venue,
            sell_venue=self.sell_venue,
            ask=self.ask,
            bid=self.bid,
            size=self.size,
            edge=self.edge,
            peak_edge=self.peak_edge,
            currency=self.currency,
            opened=to_milliseconds(self.opened),
            closed=closed,
        )


def executable_edge(buy: VenueBook, buy_fee: Fee, sell: VenueBook, sell_fee: Fee) -> Edge:
    """Compute the gain of buying from one book's asks and selling to the other's bids, by level, after fees.

    It continues for as long as the next unit brings more than it costs, by more than rounding can account for. The gain
    is rounded to 1e-9, so that the same levels in other portions gain the same.
    """
    ask = buy.asks[0][0] if buy.asks else 0.0
    bid = sell.bids[0][0] if sell.bids else 0.0
    offered, wanted = iter(buy.asks), iter(sell.bids)
    size = gain = left_to_buy = left_to_sell = cost = proceeds = 0.0
    while True:
        if left_to_buy <= 0:
            price, left_to_buy = next(offered, (0.0, -1.0))
            cost = buy_fee.bought(price) * buy.worth
        if left_to_sell <= 0:
            price, left_to_sell = next(wanted, (0.0, -1.0))
            proceeds = sell_fee.sold(price) * sell.worth
        if left_to_buy < 0 or left_to_sell < 0 or proceeds - cost <= _ROUNDING * cost:
            return Edge(ask, bid, size, round(gain, 9))
        amount = min(left_to_buy, left_to_sell)
        size += amount
        gain += amount * (proceeds - cost)
        left_to_buy -= amount
        left_to_sell -= amount


_ROUNDING = 1e-12
