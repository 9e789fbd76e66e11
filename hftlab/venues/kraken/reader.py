"""Kraken's order books, captured line by line from its WebSocket API v1: `<seconds>: <JSON>`, gzip or plain.

One capture holds the book channels of any number of pairs at any depth. Lines `<address> <-> ...` mark a connection and
`<address> <- ...` a request. The form is that of cryptofeed's raw data collection.
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
from hftlab.instruments import UNIT, Instrument, Venue
from hftlab.venues.capture_file import Progress, read_lines
from hftlab.venues.kraken.checksums import Mismatch, VenueChecksum, Verification, Verifier, checksum
from hftlab.venues.kraken.messages import BookMessage, Kind, Level, decode_book, decode_event, nanoseconds, split_line
from hftlab.venues.kraken.window import DepthWindow
from hftlab.venues.level_batch_builder import EventHead
from hftlab.venues.line_reader import LineReader
from hftlab.venues.recognition import explaining
from hftlab.venues.selection import check_selection

__all__ = ["KRAKEN", "Mismatch", "Reader", "Stats", "Verification", "checksum", "read", "verify"]

KRAKEN: Final = Venue("KRAKEN", "USD")

_CHUNK: Final = 1 << 16
_DECIMALS: Final = 9
_HIGHEST: Final = (2**63 - 1) // UNIT - 1
_LONGEST: Final = len(str(_HIGHEST))


def read(
    path: str | PathLike[str],
    *,
    symbols: Iterable[str] | None = None,
    progress: Progress | None = None,
    chunk: int = _CHUNK,
) -> Reader:
    """Read a capture: an iterator of EventBatch, each of whole events and about `chunk` rows.

    A snapshot is an R flagged F_SNAPSHOT and A rows flagged F_SNAPSHOT and F_MBP; an update is M and C rows flagged
    F_MBP, with a C for each level that falls out of the subscribed depth, and an N if it changes nothing; a connection
    after the first is an R for every book. `ts_event` is the newest time of the message's levels, `sequence` the line,
    because Kraken has no numbers. Where the book does not match the venue's checksum, the rows that follow are
    flagged F_MAYBE_BAD_BOOK until the pair's next snapshot; `reader.verification` counts.

    An instrument is a pair at KRAKEN: `tick` and `lot` are the last decimals of its first snapshot. `symbols` are the
    only pairs read; after the last batch a warning names those that the capture does not have.

    Raises CaptureError at once for a path that is not a readable capture; from the iterator, after every whole event
    before it, for a line of another form; and at the end if the capture has none of the `symbols`.
    """
    with explaining(Path(path), "kraken"):
        return Reader(Path(path), None if symbols is None else frozenset(symbols), progress, chunk)


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

    def __init__(self, path: Path, symbols: frozenset[str] | None, progress: Progress | None, chunk: int) -> None:
        super().__init__(path, progress, chunk)
        _check_is_kraken(path)
        self.stats = Stats()
        self._symbols = symbols
        self._others: set[str] = set()
        self._ids: dict[str, int] = {}
        self._standing: set[int] = set()  # the books that have had their snapshot
        self._told: list[VenueChecksum] = []
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
                self._take_channel(number, payload)
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
            self._ids[message.pair] = self._rows.add_instrument(_instrument(message))
        self._window.set_depth(self._ids[message.pair], message.depth)
        head = self._head(message, line)
        self._standing.add(head.instrument)
        self._rows.add(head, CLEAR, NO_SIDE, F_SNAPSHOT)
        self._rows.add(head, ADD, BID, F_SNAPSHOT | F_MBP, self._texts(message.bids))
        self._rows.add(head, ADD, ASK, F_SNAPSHOT | F_MBP, self._texts(message.asks))
        self._end(line, message.checksum)

    def _take_update(self, message: BookMessage, line: int) -> None:
        self.stats.updates += 1
        if self._ids.get(message.pair) not in self._standing:
            self.stats.updates_without_snapshot += 1
            return
        self.stats.republished += sum(level.republished is not None for level in (*message.bids, *message.asks))
        head, bids, asks = self._head(message, line), self._texts(message.bids), self._texts(message.asks)
        self._rows.add(head, MODIFY, BID, F_MBP, bids)
        self._rows.add(head, MODIFY, ASK, F_MBP, asks)
        if not bids and not asks:
            self._rows.add(head, NONE, NO_SIDE, F_MBP)
        self._end(line, message.checksum)

    def _void(self, line: int) -> None:
        """Clear all books at a new connection: updates before it may have been missed."""
        for instrument in sorted(self._standing):
            self._rows.add(EventHead(self._ts_event, self._ts_recv, line, line, instrument), CLEAR, NO_SIDE, 0)
            self._end(line, None)
        self._standing.clear()

    def _head(self, message: BookMessage, line: int) -> EventHead:
        times = [nanoseconds(level.time) for level in (*message.bids, *message.asks)]
        ts_event = max(times, default=self._ts_recv)
        self._ts_event = max(self._ts_event, ts_event)
        return EventHead(ts_event, self._ts_recv, line, line, self._ids[message.pair])

    def _texts(self, levels: list[Level]) -> list[tuple[str, str]]:
        texts = [(level.price, level.size) for level in levels if _fits(level.price)]
        self.stats.out_of_range += len(levels) - len(texts)
        return texts

    def _end(self, line: int, told: int | None) -> None:
        self._rows.end(line)
        self._told.append(VenueChecksum(line, told))

    def _finish(self, batch: EventBatch) -> EventBatch:
        batch = self._window.trim(batch)
        batch = self._verifier.compare(batch, self._told)
        self._told.clear()
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


def _fits(price: str) -> bool:
    """Tell whether a price fits int64 in 1e-9 units, which ends at 9.2 billion: there are orders to sell beyond it."""
    whole = price.partition(".")[0]
    return len(whole) < _LONGEST or not whole.isdigit() or int(whole) <= _HIGHEST


def _instrument(snapshot: BookMessage) -> Instrument:
    """Make a pair's instrument: Kraken writes all decimals, zeros too, so that the last one is the step."""
    levels = (*snapshot.bids, *snapshot.asks)
    tick = min((_step(level.price) for level in levels), default=1)
    lot = min((_step(level.size) for level in levels), default=1)
    return Instrument(snapshot.pair, KRAKEN, tick, lot, snapshot.pair.rpartition("/")[2])


def _step(text: str) -> int:
    return int(UNIT // 10 ** min(len(text.partition(".")[2]), _DECIMALS))


def _check_is_kraken(path: Path) -> None:
    """Raise CaptureError unless the file begins like a capture and has a message of a book in it."""
    for number, line in read_lines(path):
        if not line:
            continue
        kind, _, payload = split_line(path, number, line)
        if kind is Kind.CHANNEL and isinstance(decode_book(path, number, payload), BookMessage):
            return
    raise CaptureError(f"{path} has no Kraken message of a book: name a capture of the channel `book`", path=path)
