"""Arbitrage detection: one symbol on several venues at prices that allow a gain, found as the books change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from hftlab.clock import from_milliseconds
from hftlab.market.consolidated import Consolidated, Levels, VenueBook, consolidate
from hftlab.market.costs import Costs, Terms
from hftlab.market.opportunity import Opportunity, executable_edge
from hftlab.protocol.enums import ArbitrageState
from hftlab.protocol.messages import Arbitrage, MarketData, MarketDataSymbol, OrderBookLevel

__all__ = ["ArbitrageDetector"]


class ArbitrageDetector:
    """Detector that compares the books of a symbol's venues and reports opportunities as they open, change and close.

    Feed it every state of every listing: `update()` takes levels and nanoseconds, `receive()` MARKET_DATA, of a
    live stream or a recording. An opportunity is to buy at one venue and to sell at another at a gain after `costs`;
    there is at most one for each pair of venues and direction. Times are ts_event; where venues' clocks disagree, a
    symbol's time stays rather than going back. Nothing is compared while a symbol has one venue only.
    """

    def __init__(self, costs: Costs | None = None) -> None:
        self.costs = costs or Costs()
        self._books: defaultdict[str, dict[str, _Listing]] = defaultdict(dict)
        self._open: dict[tuple[str, str, str], Opportunity] = {}
        self._clocks: dict[str, int] = {}

    @property
    def open(self) -> list[Opportunity]:
        """Opportunities that are open now, as last reported."""
        return list(self._open.values())

    def clear(self) -> None:
        """Forget all books and opportunities, as after a gap or a seek, without reporting any as closed."""
        self._books.clear()
        self._open.clear()
        self._clocks.clear()

    def consolidated(self, symbol: str) -> Consolidated:
        """Return the best bid and offer of a symbol over all venues, in the currency of the costs (or the venues')."""
        listings = self._books.get(symbol, {})
        first = next(iter(listings.values()), None)
        books = {}
        for venue, listing in listings.items():
            assert first is not None
            _, _, worth = self.costs.common(first.terms, listing.terms)
            books[venue] = VenueBook(listing.bids, listing.asks, worth)
        return consolidate(books)

    def receive(self, message: MarketData) -> list[Arbitrage]:
        """Apply a message's books, all as of the latest of them, and return what that changes.

        Raises ValueError for a venue without fee or currency, as `Costs` says.
        """
        together: defaultdict[str, dict[str, tuple[Levels, Levels]]] = defaultdict(dict)
        times: dict[str, int] = {}
        for one in message.symbols:
            symbol, at = _plain(one), from_milliseconds(one.timestamp)
            bids = _levels(one.bids, one.bid, one.bid_size)
            together[symbol][one.exchange] = bids, _levels(one.asks, one.ask, one.ask_size)
            times[symbol] = max(at, times.get(symbol, at))
        changes = (change for symbol, books in together.items() for change in self.update(symbol, books, times[symbol]))
        return [change.to_message() for change in changes]

    def update(self, symbol: str, books: Mapping[str, tuple[Levels, Levels]], at: int) -> list[Opportunity]:
        """Replace books of a symbol (named without its venue), venue -> (bids, asks), and return what that changes.

        Levels are (price, size), best first, in the listing's currency and units; `at` is in ns.
        """
        listings = self._books[symbol]
        for venue, (bids, asks) in books.items():
            known = listings.get(venue)
            listings[venue] = _Listing(bids, asks, self.costs.terms(symbol, venue) if known is None else known.terms)
        at = self._clocks[symbol] = max(at, self._clocks.get(symbol, at))
        pairs = (pair for one in books for other in listings if other != one for pair in ((one, other), (other, one)))
        changes = (self._compare((symbol, buy, sell), at) for buy, sell in dict.fromkeys(pairs))
        return [change for change in changes if change is not None]

    def _compare(self, key: tuple[str, str, str], at: int) -> Opportunity | None:
        symbol, buy_venue, sell_venue = key
        buy, sell = self._books[symbol][buy_venue], self._books[symbol][sell_venue]
        known = self._open.get(key)
        currency, buy_worth, sell_worth = self.costs.common(buy.terms, sell.terms)
        edge = executable_edge(
            VenueBook(buy.bids, buy.asks, buy_worth),
            buy.terms.fee,
            VenueBook(sell.bids, sell.asks, sell_worth),
            sell.terms.fee,
        )
        if known is None and edge.size <= 0:
            return None
        if known is not None and (known.ask, known.bid, known.size, known.edge) == edge:
            return None
        opened, peak = (at, edge.gain) if known is None else (known.opened, max(known.peak_edge, edge.gain))
        state = ArbitrageState.OPEN if known is None else ArbitrageState.UPDATE
        if edge.size <= 0:
            state = ArbitrageState.CLOSE
        now = Opportunity(
            symbol,
            buy_venue,
            sell_venue,
            state,
            at,
            opened,
            edge.ask,
            edge.bid,
            edge.size,
            edge.gain,
            peak,
            currency,
        )
        if state is ArbitrageState.CLOSE:
            del self._open[key]
        else:
            self._open[key] = now
        return now


class _Listing(NamedTuple):
    bids: Levels
    asks: Levels
    terms: Terms


def _plain(symbol: MarketDataSymbol) -> str:
    """Return the symbol without the venue that `Instrument.wire_symbol` adds off the primary market."""
    return symbol.symbol.removesuffix(f":{symbol.exchange}")


def _levels(levels: list[OrderBookLevel] | None, price: float, size: float) -> Levels:
    """Return levels as pairs; only the best quote for a subscription without ORDER_BOOK."""
    if levels is None:
        return [(price, size)] if price > 0 and size > 0 else []
    return [(level.price, level.size) for level in levels]
