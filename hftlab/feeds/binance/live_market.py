"""Live market whose books are compared with Binance's own best bid and offer."""

from __future__ import annotations

from collections.abc import Iterable

from hftlab.feeds.live_market import LiveMarket as AnyLiveMarket
from hftlab.feeds.live_market import Wrong
from hftlab.venues.binance.book_sync import BookSync
from hftlab.venues.binance.messages import BookTicker

__all__ = ["LiveMarket"]


class LiveMarket(AnyLiveMarket):
    """Live market, see hftlab.feeds.live_market, that takes book tickers as well."""

    def compare(self, tickers: Iterable[tuple[BookSync, BookTicker]], at: int) -> None:
        """Compare books with the venue's own best bid and offer after the same update."""
        for book, ticker in tickers:
            instrument = book.instrument
            if instrument not in self._processor.books:
                continue
            sides = self._processor.books[instrument].best()
            said = ((ticker.bid_price, ticker.bid_size), (ticker.ask_price, ticker.ask_size))
            for name, level, (price, size) in zip(("bid", "ask"), sides, said, strict=True):
                ours = (0, 0) if level is None else (instrument.ticks(level[0]), instrument.lots(level[1]))
                if ours != (instrument.ticks(float(price)), instrument.lots(float(size))):
                    has = "no level" if level is None else f"{level[0]:g} × {level[1]:g}"
                    said_so = f"the best {name} after update {ticker.update_id} is {price} × {size}"
                    self.wrong.append(Wrong(book.symbol, at, f"{said_so}, and the book has {has}"))
                    break
