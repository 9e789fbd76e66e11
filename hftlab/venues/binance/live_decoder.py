"""Decoder of a live feed's frames: the messages of many symbols, each synchronised by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from hftlab.instruments import Instrument
from hftlab.venues.binance.book_sync import BookSync
from hftlab.venues.binance.messages import BookTicker, DepthSnapshot, DepthUpdate, Envelope, Hint, Kind, Trade
from hftlab.venues.stamps import BadStamp
from hftlab.venues.symbol_parts import SymbolParts, Wanted

__all__ = ["LiveDecoder"]

_envelope: Final = msgspec.json.Decoder(Envelope)
_update: Final = msgspec.json.Decoder(DepthUpdate)
_snapshot: Final = msgspec.json.Decoder(DepthSnapshot)
_trade: Final = msgspec.json.Decoder(Trade)
_ticker: Final = msgspec.json.Decoder(BookTicker)
_hint: Final = msgspec.json.Decoder(Hint)

_BAD: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, BadStamp)


class LiveDecoder:
    """Decoder of the frames of combined streams and of depth snapshots, without I/O.

    What is wrong with one symbol concerns that symbol alone. Times are int64 ns of our clock.
    """

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self.books: Final = {one.symbol: BookSync(one) for one in instruments}
        self.frames = 0
        self.undecoded = 0
        """Frames that are not messages of Binance's, or none that can be read."""
        self.unknown: Counter[str] = Counter()
        """Messages of streams or symbols that were not asked for."""
        self._touched: dict[str, BookSync] = {}
        """Books of which something has come since the last take()."""

    def frame(self, payload: bytes, ts_recv: int) -> str | None:
        """Take one frame. Returns the symbol that it is of; None for what is of none that is known here."""
        self.frames += 1
        try:
            envelope = _envelope.decode(payload)
        except _BAD:
            self.undecoded += 1
            return None
        data: Any = payload if envelope.stream is None else envelope.data
        kind = envelope.kind
        book = self._book(envelope, data)
        if book is None or kind is None or kind is Kind.SNAPSHOT:
            self.unknown[envelope.name] += 1
            return None
        self._touched[book.symbol] = book
        try:
            match kind:
                case Kind.DEPTH:
                    book.update(_update.decode(data), ts_recv)
                case Kind.TRADE:
                    book.trade(_trade.decode(data), ts_recv)
                case Kind.BOOK_TICKER:
                    book.ticker(_ticker.decode(data), ts_recv)
        except _BAD as error:
            self.undecoded += 1
            if kind is Kind.DEPTH:
                book.distrust(ts_recv, f"a depth update cannot be read ({error})")
            elif kind is Kind.TRADE:
                book.doubt(ts_recv, f"a trade cannot be read ({error})")
        return book.symbol

    def _book(self, envelope: Envelope, data: Any) -> BookSync | None:
        if envelope.stream is not None:
            return self.books.get(envelope.stream.partition("@")[0].upper())
        try:
            return self.books.get(_hint.decode(data).symbol)
        except _BAD:
            return None

    def snapshot(self, symbol: str, payload: bytes, ts_recv: int) -> None:
        """Take the answer to a request for a symbol's book."""
        book = self._touch(symbol)
        try:
            snapshot = _snapshot.decode(payload)
            _ = snapshot.ts_event
        except _BAD:
            self.undecoded += 1
            book.asked = False
            book.attempts += 1
            return
        book.snapshot(snapshot, ts_recv)

    def subscribed(self, symbols: Iterable[str]) -> None:
        """Note that all messages of some symbols come from now on."""
        for symbol in symbols:
            self._touch(symbol).subscribed()

    def lost(self, symbols: Iterable[str], at: int, reason: str) -> None:
        """Note that the only connection of some symbols has ended."""
        for symbol in symbols:
            self._touch(symbol).lost(at, reason)

    def distrust(self, symbol: str, at: int, reason: str) -> None:
        """Clear the book of a symbol, which was found to be wrong."""
        self._touch(symbol).distrust(at, reason)

    def doubt(self, at: int, reason: str) -> None:
        """Note that frames of whichever symbols were lost on this side."""
        for symbol in self.books:
            self._touch(symbol).doubt(at, reason)

    def _touch(self, symbol: str) -> BookSync:
        book = self._touched[symbol] = self.books[symbol]
        return book

    def tickers(self) -> list[tuple[BookSync, BookTicker]]:
        """Return the book tickers of the very updates that books have come to since the last take()."""
        found = []
        for book in self._touched.values():
            if (ticker := book.matching_ticker()) is not None:
                found.append((book, ticker))
        return found

    def take(self) -> list[SymbolParts]:
        """Return what has become of each symbol since the last call."""
        return [SymbolParts(symbol, parts) for symbol, book in list(self._touched.items()) if (parts := book.take())]

    def wanted(self) -> list[Wanted]:
        """Return the symbols of which a snapshot is to be asked for now; they count as asked for from here on.

        To be called behind take(): a number that cannot be read shows only there.
        """
        found = []
        for book in self._touched.values():
            if book.needs_snapshot:
                book.asked = True
                found.append(Wanted(book.symbol, book.attempts))
        self._touched.clear()
        return found
