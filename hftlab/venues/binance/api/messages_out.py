"""Messages of the market streams and answers about the market, as Binance writes them.

Sources: Binance Spot API, "WebSocket Streams" and "Market Data endpoints"; USDⓈ-M and COIN-M Futures API, the same.
"""

from __future__ import annotations

from typing import Final

from hftlab.venues.binance.api.level_differences import Levels
from hftlab.venues.binance.api.level_text import NumberForm
from hftlab.venues.binance.api.markets import Market
from hftlab.venues.binance.api.recorded_market import SymbolState, Trade

__all__ = ["Writer", "wrapped"]

_MS: Final = 1_000_000
_SPOT_DECIMALS: Final = 8


def wrapped(stream: str, payload: bytes) -> bytes:
    """Wrap a message for a connection of combined streams."""
    return b'{"stream":"%b","data":%b}' % (stream.encode(), payload)


class Writer:
    """Writer of the messages about one symbol of a market."""

    def __init__(self, market: Market, state: SymbolState) -> None:
        self.market, self.state = market, state
        self.form = NumberForm(state.instrument, 0 if market.is_futures else _SPOT_DECIMALS)
        pair = state.symbol.partition("_")[0]
        self._pair = f',"ps":"{pair}"' if market.name == "coinm" else ""

    @property
    def _time(self) -> int:
        return self.state.ts_event // _MS

    def _head(self, event: str) -> str:
        """Return the beginning of a message about the book."""
        transaction = f',"T":{self._time}' if self.market.is_futures else ""
        return f'{{"e":"{event}","E":{self._time}{transaction},"s":"{self.state.symbol}"{self._pair}'

    def depth_update(self, last: int, bids: Levels, asks: Levels) -> bytes:
        """Write the changes of the book since its update id `last`."""
        previous = f',"pu":{last}' if self.market.is_futures else ""
        head = f'{self._head("depthUpdate")},"U":{last + 1},"u":{self.state.update_id}{previous}'
        return b'%b,"b":%b,"a":%b}' % (head.encode(), self._levels(bids), self._levels(asks))

    def partial_book(self, last: int, bids: Levels, asks: Levels) -> bytes:
        """Write the top of the book; futures send it in the form of an update."""
        if self.market.is_futures:
            return self.depth_update(last, bids, asks)
        return self._book(f'{{"lastUpdateId":{self.state.update_id}', bids, asks)

    def book(self, bids: Levels, asks: Levels) -> bytes:
        """Write the answer to a request for the order book."""
        head = f'{{"lastUpdateId":{self.state.update_id}'
        if self.market.name == "coinm":
            head += f',"symbol":"{self.state.symbol}","pair":"{self.state.symbol.partition("_")[0]}"'
        if self.market.is_futures:
            head += f',"E":{self._time},"T":{self._time}'
        return self._book(head, bids, asks)

    def _book(self, head: str, bids: Levels, asks: Levels) -> bytes:
        return b'%b,"bids":%b,"asks":%b}' % (head.encode(), self._levels(bids), self._levels(asks))

    def _levels(self, levels: Levels) -> bytes:
        return self.form.levels(levels.ticks, levels.lots)

    def best(self, bids: Levels, asks: Levels) -> bytes:
        """Write the best bid and offer, 0 for an empty side."""
        if self.market.is_futures:
            head = f'{{"e":"bookTicker","u":{self.state.update_id},"s":"{self.state.symbol}"{self._pair}'
            tail = f',"T":{self._time},"E":{self._time}}}'
        else:
            head, tail = f'{{"u":{self.state.update_id},"s":"{self.state.symbol}"', "}"
        bid, ask = self.numbers(bids), self.numbers(asks)
        return f'{head},"b":"{bid[0]}","B":"{bid[1]}","a":"{ask[0]}","A":"{ask[1]}"{tail}'.encode()

    def numbers(self, levels: Levels) -> tuple[str, str]:
        """Return price and size of the first level as texts, 0 if there is none."""
        tick, lots = (int(levels.ticks[0]), int(levels.lots[0])) if len(levels.ticks) else (0, 0)
        return self.form.price(tick * self.state.instrument.tick), self.form.size(lots)

    def trade(self, trade: Trade) -> bytes:
        """Write a trade."""
        time = trade.ts_event // _MS
        numbers = f'"p":"{self.form.price(trade.price)}","q":"{self.form.size(trade.lots)}"'
        maker = "true" if trade.buyer_is_maker else "false"
        head = f'{{"e":"trade","E":{time}'
        if self.market.is_futures:
            middle = f',"T":{time},"s":"{self.state.symbol}"{self._pair},"t":{trade.number},{numbers}'
            return f'{head}{middle},"X":"MARKET","m":{maker}}}'.encode()
        middle = f',"s":"{self.state.symbol}","t":{trade.number},{numbers},"T":{time}'
        return f'{head}{middle},"m":{maker},"M":true}}'.encode()

    def agg_trade(self, first: Trade, last: Trade, lots: int) -> bytes:
        """Write trades of one order at one price; the number of the first is that of them all."""
        time = last.ts_event // _MS
        maker = "true" if first.buyer_is_maker else "false"
        best_match = "" if self.market.is_futures else ',"M":true'
        numbers = f'"p":"{self.form.price(first.price)}","q":"{self.form.size(lots)}"'
        return (
            f'{{"e":"aggTrade","E":{time},"s":"{self.state.symbol}","a":{first.number},{numbers},'
            f'"f":{first.number},"l":{last.number},"T":{time},"m":{maker}{best_match}}}'
        ).encode()
