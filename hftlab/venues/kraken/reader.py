"""Kraken's order books, captured line by line from its WebSocket API v1 or v2: `<seconds>: <JSON>`, gzip or plain.

One capture holds the book channels of any number of pairs at any depth; of API v2 also their trades. Lines
`<address> <-> ...` mark a connection and `<address> <- ...` a request. The form is that of cryptofeed's raw data
collection; lines `<ns> <JSON>`, as `hftlab record --raw` keeps frames, are read too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Final

from hftlab.errors import CaptureError
from hftlab.events import ADD, ASK, BID, CLEAR, F_MBP, F_SNAPSHOT, MODIFY, NO_SIDE, NONE, EventBatch
from hftlab.instruments import Instrument
from hftlab.venues.capture_file import Progress, bad_line
from hftlab.venues.kraken.checksums import Mismatch, VenueChecksum, Verification, Verifier, checksum
from hftlab.venues.kraken.frame_lines import is_second_version
from hftlab.venues.kraken.frame_reader import FrameReader
from hftlab.venues.kraken.frame_survey import FrameSurvey
from hftlab.venues.kraken.messages import BookMessage, Kind, decode_book, decode_event, split_line
from hftlab.venues.kraken.survey import KRAKEN, Survey, texts_of
from hftlab.venues.kraken.text_books import LevelTexts
from hftlab.venues.kraken.window import DepthWindow
from hftlab.venues.level_batch_builder import EventHead
from hftlab.venues.line_reader import LineReader
from hftlab.venues.recognition import explaining
from hftlab.venues.selection import check_selection
from hftlab.venues.stamps import BadStamp, to_nanoseconds

__all__ = [
    "KRAKEN",
    "FrameReader",
    "Mismatch",
    "Reader",
    "Stats",
    "Verification",
    "checksum",
    "detect_instrument",
    "read",
    "verify",
]

_CHUNK: Final = 1 << 16


def read(
    path: str | PathLike[str],
    *,
    symbols: Iterable[str] | None = None,
    instrument: Instrument | None = None,
    progress: Progress | None = None,
    chunk: int = _CHUNK,
) -> Reader | FrameReader:
    """Read a capture: an iterator of EventBatch, each of whole events and about `chunk` rows.

    A snapshot is an R flagged F_SNAPSHOT and A rows flagged F_SNAPSHOT and F_MBP; an update is M and C rows flagged
    F_MBP, with a C for each level that falls out of the subscribed depth, and an N if it changes nothing; a connection
    after the first is an R for every book. Of API v2, a trade is a T whose `sequence` is its id; of a snapshot of
    trades those are passed on that were missed. `ts_event` is the time of the message, of API v1 the newest of its
    levels; `sequence` of a book is the line, because Kraken has no numbers. Where the book does not match the venue's
    checksum, the rows that follow are flagged F_MAYBE_BAD_BOOK until the pair's next snapshot; `reader.verification`
    counts.

    An instrument is a pair at KRAKEN: `tick` and `lot` are the last decimals that the file has of it, for which it is
    read once more. `instrument` is used for the pair of its symbol as it is, and a number off its tick or lot is an
    error. `symbols` are the only pairs read; after the last batch a warning names those that the capture does not have.

    Raises CaptureError at once for a path that is not a readable capture or has no pair of the `instrument`; from the
    iterator, after every whole event before it, for a line of another form; and at the end if the capture has none of
    the `symbols`.
    """
    path, wanted = Path(path).absolute(), None if symbols is None else frozenset(symbols)
    with explaining(path, "kraken"):
        reader = FrameReader if path.is_file() and is_second_version(path) else Reader
        return reader(path, wanted, progress, chunk, instrument)


def detect_instrument(path: str | PathLike[str], pair: str) -> Instrument:
    """Return the instrument of a pair of a capture, as `read()` makes it. Raises CaptureError."""
    survey = FrameSurvey if Path(path).is_file() and is_second_version(Path(path)) else Survey
    return survey(Path(path)).instrument(pair)


def verify(path: str | PathLike[str]) -> Verification:
    """Rebuild every book of a capture and compare it with each of the venue's checksums. Raises CaptureError."""
    reader = read(path)
    for _ in reader:
        pass
    return reader.verification


@dataclass(slots=True)
class Stats:
    """Counts of what a Reader has met so far."""

    lines: int = 0
    connections: int = 0
    requests: int = 0
    snapshots: int = 0
    updates: int = 0
    updates_without_snapshot: int = 0  # not passed on
    unwanted: int = 0  # messages of pairs other than `symbols`
    republished: int = 0  # levels that the venue sent again because they came back into the depth
    out_of_range: int = 0  # levels at a price that no EventBatch can hold; not passed on
    beyond_depth: int = 0  # levels that fell out of it
    checksums: int = 0
    checksums_differing: int = 0
    events: Counter[str] = field(default_factory=Counter)  # heartbeats and the like
    unknown: Counter[str] = field(default_factory=Counter)  # lines of channels that hftlab does not read
    receive_time_steps_back: int = 0


class Reader(LineReader):
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
        self._survey, self._given = Survey(path, progress), instrument
        if instrument is not None:
            self._survey.instrument(instrument.symbol)  # raises unless the file has it
        self.stats = Stats()
        self._symbols = symbols
        self._others: set[str] = set()
        self._ids: dict[str, int] = {}
        self._mixed: set[int] = set()  # the pairs that are not written in the decimals of their tick and lot
        self._standing: set[int] = set()  # the books that have had their snapshot
        self._venue_checksums: list[VenueChecksum] = []
        self._window, self._verifier = DepthWindow(), Verifier()
        self._ts_recv = self._ts_event = 0

    @property
    def verification(self) -> Verification:
        """Comparison of the books so far with the venue's checksums."""
        return self._verifier.report

    def _take_line(self, number: int, line: bytes) -> None:
        self.stats.lines += 1
        if not line:
            return
        kind, ts_recv, payload = split_line(self.path, number, line)
        if ts_recv:
            self.stats.receive_time_steps_back += ts_recv < self._ts_recv
            self._ts_recv = ts_recv
        match kind:
            case Kind.CHANNEL:
                try:
                    self._take_channel(number, payload)
                except BadStamp as bad:
                    raise bad_line(self.path, number, f"has a level whose time cannot be: {bad}") from bad
            case Kind.EVENT:
                self.stats.events[decode_event(self.path, number, payload).name] += 1
            case Kind.CONNECTION:
                self.stats.connections += 1
                self._void(number)
            case Kind.REQUEST:
                self.stats.requests += 1

    def _take_channel(self, number: int, payload: bytes) -> None:
        message = decode_book(self.path, number, payload)
        if isinstance(message, str):
            self.stats.unknown[message] += 1
        elif self._symbols is not None and message.pair not in self._symbols:
            self.stats.unwanted += 1
            self._others.add(message.pair)
        elif message.is_snapshot:
            self._take_snapshot(message, number)
        else:
            self._take_update(message, number)

    def _take_snapshot(self, message: BookMessage, line: int) -> None:
        self.stats.snapshots += 1
        if message.pair not in self._ids:
            self._ids[message.pair] = self._add_instrument(message.pair)
        self._window.set_depth(self._ids[message.pair], message.depth)
        head = self._head(message, line)
        self._standing.add(head.instrument)
        self._rows.add(head, CLEAR, NO_SIDE, F_SNAPSHOT)
        texts = self._texts(message)
        self._rows.add(head, ADD, BID, F_SNAPSHOT | F_MBP, texts.bids)
        self._rows.add(head, ADD, ASK, F_SNAPSHOT | F_MBP, texts.asks)
        self._end(head, message.checksum, texts)

    def _take_update(self, message: BookMessage, line: int) -> None:
        self.stats.updates += 1
        if self._ids.get(message.pair) not in self._standing:
            self.stats.updates_without_snapshot += 1
            return
        self.stats.republished += sum(level.republished is not None for level in (*message.bids, *message.asks))
        head, texts = self._head(message, line), self._texts(message)
        self._rows.add(head, MODIFY, BID, F_MBP, texts.bids)
        self._rows.add(head, MODIFY, ASK, F_MBP, texts.asks)
        if not texts.bids and not texts.asks:
            self._rows.add(head, NONE, NO_SIDE, F_MBP)
        self._end(head, message.checksum, texts)

    def _void(self, line: int) -> None:
        """Clear all books at a new connection: updates before it may have been missed."""
        for instrument in sorted(self._standing):
            head = EventHead(self._ts_event, self._ts_recv, line, line, instrument)
            self._rows.add(head, CLEAR, NO_SIDE, 0)
            self._end(head, None, LevelTexts(True, [], []))
        self._standing.clear()

    def _head(self, message: BookMessage, line: int) -> EventHead:
        times = [to_nanoseconds(level.time) for level in (*message.bids, *message.asks)]
        ts_event = max(times, default=self._ts_recv)
        self._ts_event = max(self._ts_event, ts_event)
        return EventHead(ts_event, self._ts_recv, line, line, self._ids[message.pair])

    def _add_instrument(self, pair: str) -> int:
        given = self._given
        instrument = given if given is not None and given.symbol == pair else self._survey.instrument(pair)
        number = self._rows.add_instrument(instrument)
        if not self._survey.is_written_in(instrument):
            self._mixed.add(number)
        return number

    def _texts(self, message: BookMessage) -> LevelTexts:
        texts = LevelTexts(message.is_snapshot, texts_of(message.bids), texts_of(message.asks))
        self.stats.out_of_range += len(message.bids) + len(message.asks) - len(texts.bids) - len(texts.asks)
        return texts

    def _end(self, head: EventHead, checksum: int | None, texts: LevelTexts) -> None:
        self._rows.end(head.line)
        self._venue_checksums.append(
            VenueChecksum(head.line, checksum, texts if head.instrument in self._mixed else None)
        )

    def _finish(self, batch: EventBatch) -> EventBatch:
        batch = self._window.trim(batch)
        batch = self._verifier.compare(batch, self._venue_checksums)
        self._venue_checksums.clear()
        report = self.verification
        self.stats.beyond_depth = self._window.dropped
        self.stats.checksums, self.stats.checksums_differing = report.checked.total(), report.differing
        return batch

    def _check_end(self) -> None:
        if self._symbols is not None:
            check_selection(self.path, sorted(self._symbols), self._ids, self._others)
        if not self.stats.snapshots and not self.stats.unwanted:
            raise CaptureError(
                f"{self.path} has no book snapshot, so that there is no book: start the capture before subscribing",
                path=self.path,
            )
