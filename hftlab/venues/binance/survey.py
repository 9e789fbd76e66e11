"""Survey of a Binance capture before it is read: its instrument, and whether its depth updates are partial books.

Prices and sizes come as texts whose last decimals are not announced and change over the years, so that tick and lot
are those that hold every number of the file.
"""

from __future__ import annotations

from operator import itemgetter
from os import PathLike
from pathlib import Path
from typing import Any, Final

import msgspec

from hftlab.errors import CaptureError
from hftlab.instruments import UNIT, Instrument, find_instrument
from hftlab.venues.binance.capture import decode, split_line
from hftlab.venues.binance.messages import BookTicker, DepthSnapshot, DepthUpdate, Envelope, Hint, Kind, Trade, texts_of
from hftlab.venues.binance.partial_books import PartialBooks
from hftlab.venues.binance.symbols import quote_of, venue_of
from hftlab.venues.capture_file import Progress, check_readable, read_lines, symbol_in
from hftlab.venues.grid import Grid
from hftlab.venues.progress_bar import progress_reporter

__all__ = ["Survey", "detect_instrument"]

_FINEST: Final = UNIT // 10**8  # as the spot market writes its numbers

_hint = msgspec.json.Decoder(Hint)
_update = msgspec.json.Decoder(DepthUpdate)
_snapshot = msgspec.json.Decoder(DepthSnapshot)
_trade = msgspec.json.Decoder(Trade)
_ticker = msgspec.json.Decoder(BookTicker)


def detect_instrument(path: str | PathLike[str]) -> Instrument:
    """Return the instrument of a capture: that of its first message that names a symbol, in the market of its form.

    It is the one that hftlab knows, else one with tick and lot of 1e-8, with a finer tick or another lot where the
    numbers of the file need it. Its currency is "" where the symbol does not tell it. Raises CaptureError if no message
    names a symbol.
    """
    return Survey(Path(path)).instrument


class Survey:
    """Survey of the capture at `path`, up to its first damage, which is for the reader to report.

    `progress` is called with the bytes read, as by the reader, whose own calls begin anew.

    Raises CaptureError if there is no message that names a symbol before that.
    """

    def __init__(self, path: Path, progress: Progress | None = None) -> None:
        check_readable(path)
        self.partial_books = PartialBooks()
        self._path, self._grid = path, Grid()
        self._known: Instrument | None = None
        try:
            with progress_reporter(path, progress) as report:
                self._read(report)
        except CaptureError:
            if self._known is None:
                raise
        if self._known is None:
            raise CaptureError(
                f"{path} has no Binance message of depth, trade or bookTicker: name a capture of these streams",
                path=path,
            )
        self.instrument: Instrument = self._grid.widened(self._known)

    def _read(self, progress: Progress) -> None:
        for number, line in filter(itemgetter(1), read_lines(self._path, progress=progress)):
            _, envelope, payload = split_line(self._path, number, line)
            if self._known is None and envelope.kind in (Kind.DEPTH, Kind.TRADE, Kind.BOOK_TICKER):
                hint = decode(_hint, self._path, number, payload)
                symbol_in(self._path, number, hint.symbol)
                self._known = _instrument(hint)
            self._take(envelope, number, payload)

    def _take(self, envelope: Envelope, number: int, payload: Any) -> None:
        match envelope.kind:
            case Kind.DEPTH:
                update = decode(_update, self._path, number, payload)
                self._grid.add(texts_of(update.bids))
                self._grid.add(texts_of(update.asks))
                if envelope.stream is None:
                    self.partial_books.add(update)
            case Kind.SNAPSHOT:
                snapshot = decode(_snapshot, self._path, number, payload)
                self._grid.add(texts_of(snapshot.bids))
                self._grid.add(texts_of(snapshot.asks))
            case Kind.TRADE:
                trade = decode(_trade, self._path, number, payload)
                self._grid.add([(trade.price, trade.size)])
            case Kind.BOOK_TICKER:
                ticker = decode(_ticker, self._path, number, payload)
                self._grid.add([(ticker.bid_price, ticker.bid_size), (ticker.ask_price, ticker.ask_size)])


def _instrument(hint: Hint) -> Instrument:
    venue = venue_of(hint.symbol, hint.is_futures)
    known = find_instrument(hint.symbol, venue)
    return known or Instrument(hint.symbol, venue, _FINEST, _FINEST, quote_of(hint.symbol))
