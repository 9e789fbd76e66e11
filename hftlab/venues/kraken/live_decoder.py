"""Decoder of a live feed's frames of Kraken's WebSocket API v2: the messages of many pairs, each by itself.

It is a state machine without I/O. The caller gives it every frame of its connection as it came, and then asks:

    decoder = LiveDecoder(instruments)          # of Kraken's `instrument` channel: tick and lot are the last decimals
    decoder.receive(payload, ts_recv)           # the pair that it is of; None for status, heartbeats and the like
    decoder.lost(symbols, at, "connection reset")       # at the end of a connection
    for symbol, parts in decoder.take():        # what has become of each pair: EventBatch and Change, in their order
    for symbol, attempts in decoder.wanted():   # books to subscribe anew: unsubscribe, then subscribe

A snapshot is an R and A rows flagged F_SNAPSHOT, and a Change without a reason before them; an update is M and C rows,
with a C for each level that falls out of the subscribed depth; a trade is a T row, whose sequence is its id. From a
checksum that is not that of the book on, rows are flagged F_MAYBE_BAD_BOOK until the next snapshot, there is a Change
with the reason before them, and the pair is wanted. The depth of a book is that of the answer to its subscription.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from hftlab.instruments import Instrument
from hftlab.venues.kraken.frames import BAD_FRAME, Answer, Frame, decode_frame
from hftlab.venues.kraken.pair_events import DEPTHS
from hftlab.venues.kraken.pair_sync import PairSync
from hftlab.venues.symbol_parts import SymbolParts, Wanted

__all__ = ["LiveDecoder"]


class LiveDecoder:
    """Decoder of the frames of the channels `book` and `trade`, without I/O.

    What is wrong with one pair concerns that pair alone. Times are int64 ns of our clock.
    """

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self.pairs: Final = {one.symbol: PairSync(one) for one in instruments}
        self.frames = 0
        self.undecoded = 0
        """Frames that are not messages of Kraken's, or none that can be read."""
        self.unknown: Counter[str] = Counter()
        """Messages of channels or pairs that are not decoded here: status, heartbeats, tickers, answers."""
        self._touched: dict[str, PairSync] = {}
        """Pairs of which something has come since the last take()."""

    def receive(self, payload: bytes, ts_recv: int) -> str | None:
        """Take one frame. Returns the pair that it is of; None for what is of none that is known here.

        An answer to a subscription of a book is of its pair, too.
        """
        self.frames += 1
        try:
            frame = decode_frame(payload)
            if isinstance(frame, Answer):
                return self._take_answer(frame)
            match frame.channel:
                case "book":
                    return self._take_books(frame, ts_recv)
                case "trade":
                    return self._take_trades(frame, ts_recv)
                case _:
                    self.unknown[frame.name] += 1
        except BAD_FRAME as error:
            self.undecoded += 1
            # Of which pair it was is not known: it may be any.
            if b'"book"' in payload or b'"trade"' in payload:
                self.doubt(ts_recv, f"a frame cannot be read ({error})")
        return None

    def _take_answer(self, answer: Answer) -> str | None:
        granted = answer.result
        pair = self.pairs.get(granted.symbol or "")
        if not answer.success or pair is None or granted.channel != "book" or granted.depth not in DEPTHS:
            self.unknown[answer.method] += 1
            return None
        if answer.method == "subscribe":
            pair.subscribed(granted.depth)
        return pair.symbol

    def _take_books(self, frame: Frame, ts_recv: int) -> str | None:
        taken = None
        for data in frame.books():
            pair = self._touch(data.symbol)
            if pair is None:
                self.unknown[f"{frame.channel} {data.symbol}"] += 1
                continue
            pair.book(data, ts_recv, self.frames, is_snapshot=frame.is_snapshot)
            taken = pair.symbol
        return taken

    def _take_trades(self, frame: Frame, ts_recv: int) -> str | None:
        trades = frame.trades()
        taken = None
        for symbol in dict.fromkeys(trade.symbol for trade in trades):
            pair = self._touch(symbol)
            if pair is None:
                self.unknown[f"{frame.channel} {symbol}"] += 1
                continue
            own = [trade for trade in trades if trade.symbol == symbol]
            pair.trades(own, ts_recv, self.frames, is_snapshot=frame.is_snapshot)
            taken = symbol
        return taken

    def subscribed(self, symbols: Iterable[str], depth: int) -> None:
        """Note to which depth the books of some pairs are subscribed, if the answers that say so are not received."""
        for symbol in symbols:
            self.pairs[symbol].subscribed(depth)

    def lost(self, symbols: Iterable[str], at: int, reason: str) -> None:
        """Note that the connection of some pairs has ended: the next one brings a snapshot of each by itself."""
        for symbol in symbols:
            self._known(symbol).lost(at, reason)

    def distrust(self, symbol: str, at: int, reason: str) -> None:
        """Clear the book of a pair, which was found to be wrong."""
        self._known(symbol).distrust(at, reason)

    def doubt(self, at: int, reason: str) -> None:
        """Note that frames of whichever pairs were lost on this side."""
        for symbol in self.pairs:
            self._known(symbol).doubt(at, reason)

    def _known(self, symbol: str) -> PairSync:
        pair = self._touched[symbol] = self.pairs[symbol]
        return pair

    def _touch(self, symbol: str) -> PairSync | None:
        return self._known(symbol) if symbol in self.pairs else None

    def take(self) -> list[SymbolParts]:
        """Return what has become of each pair since the last call."""
        return [SymbolParts(symbol, parts) for symbol, pair in list(self._touched.items()) if (parts := pair.take())]

    def wanted(self) -> list[Wanted]:
        """Return the pairs whose books are to be subscribed anew now; they count as asked for from here on.

        To be called behind take(): a number that cannot be read shows only there.
        """
        found = []
        for pair in self._touched.values():
            if pair.needs_snapshot:
                pair.asked = True
                found.append(Wanted(pair.symbol, pair.attempts))
        self._touched.clear()
        return found
