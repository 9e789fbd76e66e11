"""Messages of the market streams and answers about the market, as Binance writes them.

Sources: Binance Spot API, "WebSocket Streams" and "Market Data endpoints"; USDⓈ-M and COIN-M Futures API, the same.
"""

from __future__ import annotations

from typing import Final

from hftlab.instruments import UNIT
from hftlab.venues.binance.api.aggregation import AggTrade
from hftlab.venues.binance.api.level_text import NumberForm
from hftlab.venues.binance.api.markets import Market, contract_size
from hftlab.venues.decimal_text import decimal_text
from hftlab.venues.market_state.day_statistics import Day
from hftlab.venues.market_state.level_differences import Levels
from hftlab.venues.market_state.recorded_market import SymbolState, Trade

__all__ = ["Writer", "wrapped"]

_MS: Final = 1_000_000
_SPOT_DECIMALS: Final = 8


def wrapped(stream: str, payload: bytes) -> bytes:
    """Wrap a message for a connection of combined streams."""
    return b'{"stream":"%b","data":%b}' % (stream.encode(), payload)


class Writer:
    """Writer of the messages about one symbol of a market.

    `time_unit` is that of all times in ns: ms, or µs as of streams with timeUnit=MICROSECOND.
    """

    def __init__(self, market: Market, state: SymbolState, *, time_unit: int = _MS) -> None:
        self.market, self.state, self._unit = market, state, time_unit
        self.form = NumberForm(state.instrument, 0 if market.is_futures else _SPOT_DECIMALS)
        pair = state.symbol.partition("_")[0]
        self._pair = f',"ps":"{pair}"' if market.name == "coinm" else ""

    def timed(self, time_unit: int) -> Writer:
        """Return a writer of the same messages whose times are in another unit (ns)."""
        return self if time_unit == self._unit else Writer(self.market, self.state, time_unit=time_unit)

    @property
    def _time(self) -> int:
        return self.state.ts_event // self._unit

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
        time = trade.ts_event // self._unit
        numbers = f'"p":"{self.form.price(trade.price)}","q":"{self.form.size(trade.lots)}"'
        maker = "true" if trade.buyer_is_maker else "false"
        head = f'{{"e":"trade","E":{time}'
        if self.market.is_futures:
            middle = f',"T":{time},"s":"{self.state.symbol}"{self._pair},"t":{trade.number},{numbers}'
            return f'{head}{middle},"X":"MARKET","m":{maker}}}'.encode()
        middle = f',"s":"{self.state.symbol}","t":{trade.number},{numbers},"T":{time}'
        return f'{head}{middle},"m":{maker},"M":true}}'.encode()

    def agg_trade(self, trades: AggTrade) -> bytes:
        """Write trades that belong together; the number of the first is that of them all."""
        time = trades.last.ts_event // self._unit
        return f'{{"e":"aggTrade","E":{time},"s":"{self.state.symbol}",{self._aggregated(trades)}}}'.encode()

    def _aggregated(self, trades: AggTrade) -> str:
        first, last = trades.first, trades.last
        numbers = f'"p":"{self.form.price(first.price)}","q":"{self.form.size(trades.lots)}"'
        maker = "true" if first.buyer_is_maker else "false"
        tail = "" if self.market.is_futures else ',"M":true'
        ids = f'"f":{first.number},"l":{last.number},"T":{last.ts_event // self._unit}'
        return f'"a":{first.number},{numbers},{ids},"m":{maker}{tail}'

    def listed_agg_trade(self, trades: AggTrade) -> bytes:
        """Write trades that belong together as an entry of an answer."""
        return f"{{{self._aggregated(trades)}}}".encode()

    def listed_trade(self, trade: Trade) -> bytes:
        """Write a trade as an entry of an answer."""
        units = trade.lots * self.state.instrument.lot
        if self.market.name == "coinm":
            quantity, other = "baseQty", units * contract_size(self.state.symbol) * UNIT // max(trade.price, 1)
        else:
            quantity, other = "quoteQty", trade.price * units // UNIT
        quote = decimal_text(other, _SPOT_DECIMALS)
        maker = "true" if trade.buyer_is_maker else "false"
        tail = "" if self.market.is_futures else ',"isBestMatch":true'
        return (
            f'{{"id":{trade.number},"price":"{self.form.price(trade.price)}","qty":"{self.form.size(trade.lots)}",'
            f'"{quantity}":"{quote}","time":{trade.ts_event // self._unit},"isBuyerMaker":{maker}{tail}}}'
        ).encode()

    # --- statistics of 24 hours ---

    def listed_best(self, bids: Levels, asks: Levels) -> bytes:
        """Write the best bid and offer as an answer."""
        bid, ask = self.numbers(bids), self.numbers(asks)
        time = f',"time":{self._time}' if self.market.is_futures else ""
        return (
            f'{{"symbol":"{self.state.symbol}","bidPrice":"{bid[0]}","bidQty":"{bid[1]}","askPrice":"{ask[0]}",'
            f'"askQty":"{ask[1]}"{time}}}'
        ).encode()

    def listed_day(self, day: Day, bids: Levels, asks: Levels) -> bytes:
        """Write the long statistics as an answer; futures' have no best bid and offer."""
        price, size = self.form.price, self.form.size
        best = ""
        if not self.market.is_futures:
            bid, ask = self.numbers(bids), self.numbers(asks)
            best = (
                f'"prevClosePrice":"{price(day.open)}","bidPrice":"{bid[0]}","bidQty":"{bid[1]}",'
                f'"askPrice":"{ask[0]}","askQty":"{ask[1]}",'
            )
        change, percent, mean = self.changes(day)
        volume = "baseVolume" if self.market.name == "coinm" else "quoteVolume"
        return (
            f'{{"symbol":"{self.state.symbol}","priceChange":"{change}","priceChangePercent":"{percent}",'
            f'"weightedAvgPrice":"{mean}",{best}"lastPrice":"{price(day.close)}","lastQty":"{size(day.last_lots)}",'
            f'"openPrice":"{price(day.open)}","highPrice":"{price(day.high)}","lowPrice":"{price(day.low)}",'
            f'"volume":"{size(day.lots)}","{volume}":"{self._turnover(day)}","openTime":{day.opened // self._unit},'
            f'"closeTime":{day.closed // self._unit},"firstId":{day.first},"lastId":{day.last},"count":{day.trades}}}'
        ).encode()

    def mini_ticker(self, day: Day) -> bytes:
        """Write the short statistics."""
        return (
            f'{{"e":"24hrMiniTicker","E":{day.closed // self._unit},"s":"{self.state.symbol}"{self._pair},'
            f'{self._prices(day)},"v":"{self.form.size(day.lots)}","q":"{self._turnover(day)}"}}'
        ).encode()

    def ticker(self, day: Day, bids: Levels, asks: Levels) -> bytes:
        """Write the long statistics; futures' have no best bid and offer."""
        best = ""
        if not self.market.is_futures:
            bid, ask = self.numbers(bids), self.numbers(asks)
            best = f'"x":"{self.form.price(day.open)}","b":"{bid[0]}","B":"{bid[1]}","a":"{ask[0]}","A":"{ask[1]}",'
        change, percent, mean = self.changes(day)
        return (
            f'{{"e":"24hrTicker","E":{day.closed // self._unit},"s":"{self.state.symbol}"{self._pair},"p":"{change}",'
            f'"P":"{percent}","w":"{mean}",{best}"Q":"{self.form.size(day.last_lots)}",{self._prices(day)},'
            f'"v":"{self.form.size(day.lots)}","q":"{self._turnover(day)}","O":{day.opened // self._unit},'
            f'"C":{day.closed // self._unit},"F":{day.first},"L":{day.last},"n":{day.trades}}}'
        ).encode()

    def _prices(self, day: Day) -> str:
        price = self.form.price
        return f'"c":"{price(day.close)}","o":"{price(day.open)}","h":"{price(day.high)}","l":"{price(day.low)}"'

    def changes(self, day: Day) -> tuple[str, str, str]:
        """Return the change of the price, in per cent as well, and the mean price by volume, as texts."""
        change = day.close - day.open
        sign = "-" if change < 0 else ""
        percent = f"{100 * change / day.open:.3f}" if day.open else "0.000"
        mean = self.form.price(day.turnover // day.lots if day.lots else day.close)
        return f"{sign}{self.form.price(abs(change))}", percent, mean

    def _turnover(self, day: Day) -> str:
        return decimal_text(day.turnover * self.state.instrument.lot // UNIT, _SPOT_DECIMALS)
