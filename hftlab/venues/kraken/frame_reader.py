"""Kraken's books and trades, captured frame by frame from its WebSocket API v2, gzip or plain."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hftlab.errors import CaptureError
from hftlab.instruments import Instrument
from hftlab.venues.capture_file import Progress, symbol_in
from hftlab.venues.kraken.checksums import Verification
from hftlab.venues.kraken.frame_lines import bad_frame, split_frame_line
from hftlab.venues.kraken.frame_survey import FrameSurvey
from hftlab.venues.kraken.frames import BAD_FRAME, Answer, Frame
from hftlab.venues.kraken.messages import Kind
from hftlab.venues.kraken.pair_events import DEPTHS, PairEvents, Stats
from hftlab.venues.line_reader import LineReader
from hftlab.venues.selection import check_selection

__all__ = ["FrameReader"]

_SERVICE: Final = ("status", "heartbeat")


class FrameReader(LineReader):
    """Iterator over the batches of one capture; `instruments` are the pairs met so far, `stats` counts lines."""

    def __init__(
        self,
        path: Path,
        symbols: frozenset[str] | None,
        progress: Progress | None,
        chunk: int,
        instrument: Instrument | None,
    ) -> None:
        super().__init__(path, progress, chunk)
        self._survey, self._given = FrameSurvey(path, progress), instrument
        if instrument is not None:
            self._survey.instrument(instrument.symbol)  # raises unless the file has it
        self.stats, self.verification = Stats(), Verification()
        self._symbols = symbols
        self._others: set[str] = set()
        self._pairs: dict[str, PairEvents] = {}
        self._depths: dict[str, int] = {}
        """Depths of the subscriptions that were granted."""
        self._ts_recv = 0
        self._heard = 0
        """Receive time of the line before."""

    def _take_line(self, number: int, line: bytes) -> None:
        self.stats.lines += 1
        if not line:
            return
        kind, ts_recv, frame = split_frame_line(self.path, number, line)
        match kind:
            case Kind.CONNECTION:
                self.stats.connections += 1
                self._void(number)
            case Kind.REQUEST:
                self.stats.requests += 1
            case _:
                self.stats.receive_time_steps_back += ts_recv < self._ts_recv
                self._heard, self._ts_recv = self._ts_recv, ts_recv
                try:
                    self._take(frame, number)
                except BAD_FRAME as error:
                    raise bad_frame(self.path, number, error) from error

    def _take(self, frame: Frame | Answer | None, line: int) -> None:
        match frame:
            case Answer():
                self._take_answer(frame, line)
            case Frame(channel="book"):
                for data in frame.books():
                    if (pair := self._pair(data.symbol, line)) is not None:
                        pair.add(pair.apply(data, self._ts_recv, line, is_snapshot=frame.is_snapshot))
            case Frame(channel="trade"):
                trades = frame.trades()
                for symbol in dict.fromkeys(trade.symbol for trade in trades):
                    if (pair := self._pair(symbol, line)) is not None:
                        own = [trade for trade in trades if trade.symbol == symbol]
                        pair.trades(own, self._ts_recv, line, is_snapshot=frame.is_snapshot)
            case Frame():
                (self.stats.events if frame.channel in _SERVICE else self.stats.unknown)[frame.name] += 1

    def _take_answer(self, answer: Answer, line: int) -> None:
        self.stats.events[answer.method] += 1
        granted = answer.result
        if answer.method == "subscribe" and answer.success and granted.symbol and granted.depth in DEPTHS:
            self._depths[granted.symbol] = granted.depth
            if (pair := self._pairs.get(granted.symbol)) is not None:
                pair.depth = granted.depth
                # The subscription before has ended when it was heard last. If only a snapshot has come since,
                # it may be that of this one.
                if pair.has_book and pair.has_changed:
                    pair.clear(self._heard, line)

    def _pair(self, symbol: str, line: int) -> PairEvents | None:
        if self._symbols is not None and symbol not in self._symbols:
            self.stats.unwanted += 1
            self._others.add(symbol)
            return None
        if symbol not in self._pairs:
            symbol_in(self.path, line, symbol)
            given = self._given
            own = given if given is not None and given.symbol == symbol else self._survey.instrument(symbol)
            pair = PairEvents(self._rows, self._rows.add_instrument(own), own, self.verification, self.stats)
            pair.depth = self._depths.get(symbol)
            self._pairs[symbol] = pair
        return self._pairs[symbol]

    def _void(self, line: int) -> None:
        """Clear all books at a new connection: updates before it may have been missed."""
        for pair in self._pairs.values():
            if pair.has_book:
                pair.clear(self._ts_recv, line)

    def _check_end(self) -> None:
        if self._symbols is not None:
            check_selection(self.path, sorted(self._symbols), self._pairs, self._others)
        if not self.stats.snapshots and not self.stats.unwanted:
            raise CaptureError(
                f"{self.path} has no book snapshot, so that there is no book: start the capture before subscribing",
                path=self.path,
            )
