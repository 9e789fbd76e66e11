"""Messages about one pair, as Kraken writes them: numbers with all decimals of the pair, and checksums of its book.

Source: Kraken, "Spot WebSocket v2": `book`, `trade`, `ticker`, and "Book checksum (WebSocket v2)".
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Final

from hftlab.instruments import UNIT
from hftlab.venues.decimal_text import decimal_text, decimals_of
from hftlab.venues.kraken.depth_book import CHECKED
from hftlab.venues.kraken.pair_name import PairName
from hftlab.venues.kraken.rfc3339 import to_rfc3339
from hftlab.venues.market_state.level_differences import Levels
from hftlab.venues.market_state.recorded_market import SymbolState, Trade

__all__ = ["PairWriter"]

_PERCENT: Final = 100


class PairWriter:
    """Writer of the messages about one pair of a recording."""

    def __init__(self, name: PairName, state: SymbolState) -> None:
        self.name, self.state = name, state
        instrument = state.instrument
        self.price_decimals, self.size_decimals = decimals_of(instrument.tick), decimals_of(instrument.lot)
        # In a checksum a price of 45285.2 is 452852, and so is one in ticks of 0.1.
        self._tick_digits = instrument.tick * 10**self.price_decimals // UNIT
        self._lot_digits = instrument.lot * 10**self.size_decimals // UNIT

    def price(self, units: int) -> str:
        """Write a price of 1e-9 units."""
        return decimal_text(units, self.price_decimals)

    def size(self, lots: int) -> str:
        """Write a quantity of lots."""
        return decimal_text(lots * self.state.instrument.lot, self.size_decimals)

    def _message(self, channel: str, kind: str, data: str) -> bytes:
        return f'{{"channel":"{channel}","type":"{kind}","data":[{data}]}}'.encode()

    # --- the book ---

    def book(self, kind: str, bids: Levels, asks: Levels, checksum: int) -> bytes:
        """Write a snapshot or an update of the book, as of the state's time."""
        head = f'{{"symbol":"{self.name.symbol}","bids":[{self._levels(bids)}],"asks":[{self._levels(asks)}]'
        return self._message("book", kind, f'{head},"checksum":{checksum},"timestamp":"{self._time}"}}')

    @property
    def _time(self) -> str:
        return to_rfc3339(self.state.ts_event)

    def _levels(self, levels: Levels) -> str:
        tick = self.state.instrument.tick
        pairs = zip(levels.ticks.tolist(), levels.lots.tolist(), strict=True)
        return ",".join(f'{{"price":{self.price(ticks * tick)},"qty":{self.size(lots)}}}' for ticks, lots in pairs)

    def checksum(self, bids: Levels, asks: Levels) -> int:
        """Compute the checksum of a book's levels, best first."""
        digits = (
            f"{ticks * self._tick_digits}{lots * self._lot_digits}"
            for side in (asks, bids)
            for ticks, lots in zip(side.ticks[:CHECKED].tolist(), side.lots[:CHECKED].tolist(), strict=True)
        )
        return zlib.crc32("".join(digits).encode())

    # --- trades and statistics ---

    def trades(self, kind: str, trades: Iterable[Trade]) -> bytes:
        """Write trades. A recording does not know the type of the taker's order: it is said to be a limit."""
        return self._message("trade", kind, ",".join(map(self._trade, trades)))

    def _trade(self, trade: Trade) -> str:
        side = "sell" if trade.buyer_is_maker else "buy"
        return (
            f'{{"symbol":"{self.name.symbol}","side":"{side}","price":{self.price(trade.price)},'
            f'"qty":{self.size(trade.lots)},"ord_type":"limit","trade_id":{trade.number},'
            f'"timestamp":"{to_rfc3339(trade.ts_event)}"}}'
        )

    def ticker(self, kind: str, bids: Levels, asks: Levels) -> bytes:
        """Write best bid and offer and the statistics of 24 hours; what the recording does not have is 0."""
        bid, ask = self._best(bids), self._best(asks)
        trades = self.state.trades
        day = self.state.day.day(trades[-1].ts_event) if trades else None
        newest = max(self.state.ts_event, trades[-1].ts_event) if trades else self.state.ts_event
        zero, nothing = self.price(0), self.size(0)
        if day is None:
            told = f'"last":{zero},"volume":{nothing},"vwap":{zero},"low":{zero},"high":{zero},"change":{zero},'
            told += '"change_pct":0.00,"trades":0'
        else:
            vwap = self.price(day.turnover // day.lots if day.lots else day.close)
            change = day.close - day.open
            sign = "-" if change < 0 else ""
            percent = _PERCENT * change / day.open if day.open else 0.0
            told = (
                f'"last":{self.price(day.close)},"volume":{self.size(day.lots)},"vwap":{vwap},'
                f'"low":{self.price(day.low)},"high":{self.price(day.high)},'
                f'"change":{sign}{self.price(abs(change))},"change_pct":{percent:.2f},"trades":{day.trades}'
            )
        return self._message(
            "ticker",
            kind,
            f'{{"symbol":"{self.name.symbol}","bid":{bid[0]},"bid_qty":{bid[1]},"ask":{ask[0]},"ask_qty":{ask[1]},'
            f'{told},"timestamp":"{to_rfc3339(newest)}"}}',
        )

    def _best(self, levels: Levels) -> tuple[str, str]:
        ticks, lots = (int(levels.ticks[0]), int(levels.lots[0])) if len(levels.ticks) else (0, 0)
        return self.price(ticks * self.state.instrument.tick), self.size(lots)
