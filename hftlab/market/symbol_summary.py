"""Summary of one instrument: its trades and statistics from message to message."""

from __future__ import annotations

from hftlab.clock import to_milliseconds
from hftlab.events import ASK, BID
from hftlab.instruments import UNIT, Instrument
from hftlab.market.book_rows import Quote, TradeRow
from hftlab.market.trade_statistics import TradeStatistics
from hftlab.protocol.enums import Side
from hftlab.protocol.messages import MarketDataSymbol, OrderBookLevel, Trade

__all__ = ["SymbolSummary"]


class SymbolSummary:
    """Trades and statistics of one instrument; `previous_close` is in 1e-9, None where it is not known."""

    def __init__(self, instrument: Instrument, previous_close: int | None) -> None:
        self._instrument, self._previous_close = instrument, previous_close
        self._statistics = TradeStatistics()
        self._new_trades: list[Trade] = []
        self._last_trade: Trade | None = None
        self._mid: float | None = None

    def add_trade(self, row: TradeRow) -> None:
        """Add a trade to the statistics and to the next message."""
        trade = Trade(
            price=row.price / UNIT,
            size=self._instrument.size(row.size),
            timestamp=to_milliseconds(row.ts_event),
            side=self._aggressor(row),
        )
        self._statistics.add(row.price, row.size)
        self._new_trades.append(trade)
        self._last_trade = trade

    def _aggressor(self, row: TradeRow) -> Side:
        if row.side == BID:
            return Side.BUY
        if row.side == ASK:
            return Side.SELL
        # Messages have no third side; where the venue does not report it, the tick test guesses.
        return Side.BUY if row.price >= self._statistics.last else Side.SELL

    def describe(self, quote: Quote) -> MarketDataSymbol | None:
        """Build the symbol's part of a message. Returns None before its book has had a level."""
        bids = _levels(quote.bid_prices, quote.bid_sizes, quote.bid_orders)
        asks = _levels(quote.ask_prices, quote.ask_sizes, quote.ask_orders)
        if bids or asks:
            self._mid = quote.mid
        if self._mid is None:
            return None
        trades, self._new_trades = self._new_trades, []
        price, opened, high, low = self._prices(self._mid)
        previous_close = opened if self._previous_close is None else self._previous_close / UNIT
        change = self._change(self._mid)
        return MarketDataSymbol(
            symbol=self._instrument.wire_symbol,
            exchange=self._instrument.venue.name,
            price=price,
            bid=bids[0].price if bids else 0.0,
            ask=asks[0].price if asks else 0.0,
            bid_size=bids[0].size if bids else 0.0,
            ask_size=asks[0].size if asks else 0.0,
            volume=self._instrument.size(self._statistics.volume),
            change=change,
            change_percent=change / previous_close * 100 if previous_close else 0.0,
            high=high,
            low=low,
            open=opened,
            previous_close=previous_close,
            timestamp=to_milliseconds(quote.ts_event),
            bids=bids,
            asks=asks,
            last_trade=self._last_trade,
            trades=trades or None,
        )

    def _prices(self, mid: float) -> tuple[float, float, float, float]:
        """Return price, open, high and low."""
        so_far = self._statistics
        if so_far.trades == 0:
            return mid, mid, mid, mid
        return so_far.last / UNIT, so_far.open / UNIT, so_far.high / UNIT, so_far.low / UNIT

    def _change(self, mid: float) -> float:
        """Return the change since the close before, a difference of integers, so that it carries no rounding noise."""
        so_far = self._statistics
        last = so_far.last if so_far.trades else round(mid * UNIT)
        first = so_far.open if so_far.trades else last
        return (last - (first if self._previous_close is None else self._previous_close)) / UNIT


def _levels(prices: list[float], sizes: list[float], orders: list[int]) -> list[OrderBookLevel]:
    return [
        OrderBookLevel(price=price, size=size, orders=count)
        for price, size, count in zip(prices, sizes, orders, strict=True)
        if size
    ]
