"""Reads the messages of a session from any position on, and the state at that position, without reading all of it.

Parts follow each other in time and each is sorted by ts_recv. The manifest says from when to when each goes, and the
index of a part where its row groups are and in which of them the state of each symbol is.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from hftlab.errors import MessageParseError
from hftlab.protocol import Message
from hftlab.session.encoded_block import encoded_block
from hftlab.session.manifest import Manifest
from hftlab.session.market_block import market_block
from hftlab.session.object_path import Location
from hftlab.session.part_file import PartFile, check_size
from hftlab.session.recorded import EncodedMessage, Recorded, UndecodedMessage, cannot_be_made
from hftlab.session.state_index import FIELDS, StateIndex, symbol_rows
from hftlab.session.table_ids import TableId
from hftlab.session.tables import TABLES, Decoded

__all__ = ["Reader"]

_SLICE: Final = 64
"""Rows whose messages are made in one go, where a message cannot be made by itself."""
_BLOCK_BYTES: Final = 2 << 20
"""Bytes of rows that are prepared in one go, mostly without the interpreter's lock: a row group, if its books are not
deep."""
_KEPT: Final = 8
"""Row groups that stay in memory, for the next seek close by."""
_OPEN: Final = 64
"""Files that stay open."""


class Reader:
    """Reader of the parts that a manifest names. Times are ts_recv in ns.

    What is read is verified; each call raises SessionDamaged if it meets something that is not as recorded. It is for
    one thread at a time.
    """

    def __init__(self, folder: Location, manifest: Manifest) -> None:
        for parts in manifest.tables.values():
            for part in parts:
                check_size(folder, part)
        self._folder, self._manifest = folder, manifest
        self._parts = {
            table: [PartFile(folder, part, table) for part in manifest.tables.get(table.folder, ()) if part.rows]
            for table in TableId
        }
        self._open: OrderedDict[PartFile, None] = OrderedDict()
        self._groups: OrderedDict[tuple[PartFile, int], pa.Table] = OrderedDict()

    def messages(
        self, after: int | None = None, *, beyond: int | None = None, is_encoded: Callable[[], bool] = lambda: False
    ) -> Iterator[Recorded]:
        """Yield the messages that a replay streams in the order of their reception.

        Only those received after the time `after`, if it is given; only those with a number above `beyond`. While
        `is_encoded()` says so, market data is prepared as the JSON that a server sends.
        """
        streams = [self._table(table, after, beyond, is_encoded) for table in TableId if self._parts[table]]
        return streams[0] if len(streams) == 1 else heapq.merge(*streams, key=lambda recorded: recorded.number)

    def state(self, at: int, symbol: str | None = None) -> list[Message]:
        """Return the fewest messages that give the state after all messages up to and including `at`, in order.

        With `symbol`, those that give the state of this one.
        """
        found = [*self._market_state(at, symbol), *self._incremental_books(at, symbol)]
        return [recorded.message for recorded in sorted(found, key=lambda recorded: recorded.number)]

    def time_of(self, number: int) -> int | None:
        """Return when the message with this number, or the last one before it, was received; None before the first.

        It may be called while another thread reads.
        """
        times = []
        mine = Reader(self._folder, self._manifest)
        for parts in mine._parts.values():
            place = bisect_right(parts, number, key=_first) - 1
            if place >= 0:
                part = parts[place]
                rows = mine._rows(part, part.group_of(number), "message", "ts_recv")
                times.append(rows.filter(pl.col("message") <= number)["ts_recv"][-1])
        mine.close()
        return max(times, default=None)

    def rows(
        self, table: TableId, start: int, stop: int, symbols: Sequence[str] | None = None
    ) -> Iterator[pl.DataFrame]:
        """Yield the rows of a table that were received from `start` up to `stop`, which is not included.

        Of all symbols if `symbols` is None.
        """
        parts = self._parts[table]
        wanted = None if symbols is None else pa.array(symbols, pa.large_string())
        for part in parts[max(0, self._place(parts, start - 1)) :]:
            if _started(part) >= stop:
                return
            until = part.place(stop - 1) + 1
            for group in range(max(0, part.place(start - 1)), len(part.groups)):
                if part.groups[group].started >= stop:
                    return
                rows = self._group(part, group, until, use_threads=True)
                first, last = (_until(rows["ts_recv"].to_numpy(), at - 1) for at in (start, stop))
                some = rows.slice(first, last - first)
                if wanted is not None:  # before the levels of all other symbols are looked at
                    some = some.filter(pc.is_in(some["symbol"], value_set=wanted))
                yield _frame(some, part.table)

    def close(self) -> None:
        """Close all files. They are opened again when they are needed."""
        self._groups.clear()
        for part in self._open:
            part.close()
        self._open.clear()

    # --- from a position on ---

    def _table(
        self, table: TableId, after: int | None, beyond: int | None, is_encoded: Callable[[], bool]
    ) -> Iterator[Recorded]:
        parts = self._parts[table]
        first = 0
        if after is not None:
            first = max(0, self._place(parts, after))
        elif beyond is not None:
            first = max(0, bisect_right(parts, beyond, key=_first) - 1)
        for part in parts[first:]:
            start = 0
            if after is not None:
                start = max(0, part.place(after))
            elif beyond is not None:
                start = max(0, part.group_of(beyond))
            for group in range(start, len(part.groups)):
                rows = self._group(part, group, 2 * group - start + 1)  # as much again as has been read
                if group > start:
                    after = beyond = None  # what follows is later
                passed = 0
                if after is not None:
                    passed = _until(rows["ts_recv"].to_numpy(), after)
                elif beyond is not None:
                    passed = _until(rows["message"].to_numpy(), beyond)
                if after is not None or beyond is not None:
                    # Who comes from elsewhere waits for the first message, and a whole block takes its time.
                    for _, stop in islice(_cuts(rows["message"].to_numpy()[passed:], _SLICE), 1):
                        yield from self._of_rows(part, rows.slice(passed, stop), is_encoded)
                        passed += stop
                yield from self._of_rows(part, rows.slice(passed), is_encoded)
            after = beyond = None

    def _of_rows(
        self, part: PartFile, rows: pa.Table, is_encoded: Callable[[], bool] = lambda: False
    ) -> Iterator[Recorded]:
        """Yield the messages of some rows, none of which is a part of a message."""
        if part.table is not TableId.MARKET_DATA:
            yield from self._decoded(part, _frame(rows, part.table))
            return
        size = max(_SLICE, _BLOCK_BYTES * rows.num_rows // max(rows.nbytes, 1))
        for start, stop in _cuts(rows["message"].to_numpy(), size):
            piece = rows.slice(start, stop - start)
            encoded = encoded_block(piece) if is_encoded() else None
            if encoded is not None:
                yield from (EncodedMessage(encoded, index) for index in range(len(encoded.numbers)))
                continue
            block = market_block(piece)
            if block is None:
                yield from self._decoded(part, _frame(piece, part.table))
            else:
                bytes_each = piece.nbytes // len(block.numbers)
                yield from (UndecodedMessage(block, index, bytes_each, part) for index in range(len(block.numbers)))

    def _decoded(self, part: PartFile, rows: pl.DataFrame) -> Iterator[Decoded]:
        for start, stop in _cuts(rows["message"].to_numpy(), _SLICE):
            try:
                made = TABLES[part.table].messages(rows[start:stop])
            except (msgspec.MsgspecError, MessageParseError, UnicodeDecodeError) as exc:
                raise cannot_be_made(part, exc) from exc
            yield from made

    def _place(self, parts: list[PartFile], at: int) -> int:
        """Return the index of the last part that starts at or before `at`, -1 if there is none."""
        return bisect_right(parts, at, key=_started) - 1

    # --- row groups ---

    def _group(self, part: PartFile, group: int, until: int = 0, *, use_threads: bool = False) -> pa.Table:
        key = (part, group)
        if key not in self._groups:
            rows = part.read(group, use_threads=use_threads, until=until)
            self._open[part] = None
            self._groups[key] = rows
        self._groups.move_to_end(key)
        if part in self._open:
            self._open.move_to_end(part)
        if len(self._groups) > _KEPT:
            self._groups.popitem(last=False)
        if len(self._open) > _OPEN:
            oldest, _ = self._open.popitem(last=False)
            oldest.close()
        return self._groups[key]

    def _rows(self, part: PartFile, group: int, *names: str) -> pl.DataFrame:
        rows = self._group(part, group)
        return _frame(rows, part.table) if not names else pl.DataFrame(pl.from_arrow(rows.select(names)))

    def _numbered(self, part: PartFile, numbers: Iterable[int]) -> Iterator[Recorded]:
        """Yield some messages of a part by their numbers."""
        groups: defaultdict[int, list[int]] = defaultdict(list)
        for number in sorted(numbers):
            groups[part.group_of(number)].append(number)
        for group, wanted in groups.items():
            rows = self._group(part, group)
            has = np.isin(rows["message"].to_numpy(), wanted)
            yield from self._of_rows(part, rows.filter(pa.array(has)))

    # --- the state at a position ---

    def _market_state(self, at: int, only: str | None) -> Iterator[Recorded]:
        parts = self._parts[TableId.MARKET_DATA]
        symbols = self._manifest.symbols if only is None else [only]
        missing = {(symbol, field) for symbol in symbols for field in FIELDS}
        own = self._place(parts, at)
        for place in range(own, -1, -1):
            part = parts[place]
            group = part.place(at) if place == own else len(part.groups)
            numbers: set[int] = set()
            # The row group in which the position is has later rows as well.
            found = [self._newest(part, group, at)] if place == own else []
            found.append(part.index.newest(group) if place == own else part.index.all_newest)
            for newest in found:
                numbers.update(newest[one] for one in newest.keys() & missing)
                missing.difference_update(newest)
            yield from self._numbered(part, numbers)
            if not missing:
                return

    def _newest(self, part: PartFile, group: int, at: int) -> dict[tuple[str, str], int]:
        """Map each symbol and field to the last message that has it, up to `at` in a row group."""
        rows = self._group(part, group)
        some = rows.select(["message", "symbol", *FIELDS[1:]]).slice(0, _until(rows["ts_recv"].to_numpy(), at))
        fields = {name: some[name].is_valid() for name in FIELDS[1:]}
        table = {"message": some["message"], "symbol": some["symbol"], **fields}
        frame = pl.DataFrame(pl.from_arrow(pa.table(table)))
        number = pl.col("message")
        newest = frame.group_by("symbol").agg(
            number.max().alias("state"), *(number.filter(pl.col(field)).max().alias(field) for field in FIELDS[1:])
        )
        return {
            (symbol, field): found
            for symbol, *numbers in newest.iter_rows()
            for field, found in zip(FIELDS, numbers, strict=True)
            if found is not None
        }

    def _incremental_books(self, at: int, only: str | None) -> Iterator[Recorded]:
        """Yield each symbol's BOOK_DELTAs from its last snapshot with levels on, and its first, for the exchange."""
        parts = self._parts[TableId.MESSAGES]
        own = self._place(parts, at)
        since: dict[str, int] = {}
        firsts: dict[str, tuple[PartFile, int]] = {}
        for place in range(own, -1, -1):
            part = parts[place]
            limit = part.place(at) if place == own else len(part.groups)
            indexes = [(part.index, limit)]
            if place == own:
                # The row group in which the position is has later rows as well.
                rows = self._rows(part, limit)
                rows = rows[: _until(rows["ts_recv"].to_numpy(), at)]
                late = StateIndex(symbol_rows(TableId.MESSAGES, rows, [0, rows.height]))
                indexes.insert(0, (late, 1))
            for index, before in indexes:
                since = index.restarts(before) | since
                firsts |= {symbol: (part, number) for symbol, number in index.firsts(before).items()}
        symbols = [symbol for symbol in firsts if only in (None, symbol)]
        wanted: defaultdict[PartFile, set[int]] = defaultdict(set)
        for symbol in symbols:
            wanted[firsts[symbol][0]].add(firsts[symbol][1])
        first_needed = {symbol: since.get(symbol, 0) for symbol in symbols}
        for part in parts[: own + 1]:
            for group in part.index.groups_with(first_needed):
                if part.groups[group].started <= at:
                    wanted[part] |= _numbers_of_deltas(self._rows(part, group), first_needed, at)
        for part, numbers in wanted.items():
            yield from self._numbered(part, numbers)


def _started(part: PartFile) -> int:
    return part.started


def _first(part: PartFile) -> int:
    return part.first


def _frame(rows: pa.Table, table: TableId) -> pl.DataFrame:
    """Return rows with the columns of their table: those that an older part lacks are null."""
    frame = pl.DataFrame(pl.from_arrow(rows))
    schema = TABLES[table].schema
    missing = [pl.lit(None, kind).alias(name) for name, kind in schema.items() if name not in frame.columns]
    return frame.with_columns(missing).select(schema.names()).cast(dict(schema))  # type: ignore[arg-type]


def _until(times: npt.NDArray[np.int64], at: int) -> int:
    """Return how many of the rising times are up to `at`."""
    return int(np.searchsorted(times, at, side="right"))


def _numbers_of_deltas(rows: pl.DataFrame, first_needed: dict[str, int], at: int) -> set[int]:
    deltas = rows.filter((pl.col("type") == "BOOK_DELTA") & (pl.col("ts_recv") <= at)).select("message", "symbol")
    return {number for number, symbol in deltas.iter_rows() if number >= first_needed.get(symbol, number + 1)}


def _cuts(numbers: npt.NDArray[np.int64], size: int) -> Iterator[tuple[int, int]]:
    """Yield from which row to which slices of about `size` rows go that never cut a message in two."""
    start = 0
    while start < len(numbers):
        last = min(start + size, len(numbers)) - 1
        stop = _until(numbers, int(numbers[last]))
        yield start, stop
        start = stop
