"""A recorded session as tables: Parquet that polars, pandas, DuckDB or Spark read without hftlab."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy.typing as npt
import polars as pl

from hftlab.clock import NANOSECONDS, nanoseconds
from hftlab.errors import ArgumentTypeError, AttributeNotFound, SessionDamaged, SessionError, SessionNotFound
from hftlab.events import instruments_metadata
from hftlab.html_table import facts_table
from hftlab.instruments import Instrument
from hftlab.nearest import meant
from hftlab.protocol.book import Book
from hftlab.session.coverage import (
    Interval,
    coverage_intervals,
    coverage_table,
    estimated_intervals,
    interval_table,
)
from hftlab.session.event_table import SCHEMA
from hftlab.session.lock import writer_of
from hftlab.session.lossy_messages import LossyMessages
from hftlab.session.manifest import Manifest, Part, read_manifest
from hftlab.session.market_at import book_of_events, book_of_messages, check_symbols, rows_between
from hftlab.session.nearest_sessions import with_nearest
from hftlab.session.object_path import Location, ObjectPath, located
from hftlab.session.part_file import check_size, verify_file
from hftlab.session.parts import scan_parts
from hftlab.session.reader import Reader
from hftlab.session.replacement import check_not_being_replaced
from hftlab.session.replay import Replay
from hftlab.session.segment import segment_paths
from hftlab.session.table_ids import EVENTS, TableId
from hftlab.session.tables import TABLES
from hftlab.suggesting import Suggesting

__all__ = ["SCHEMAS", "Session", "open_session"]


def open_session(path: PathLike[str] | str, *, storage_options: Mapping[str, object] | None = None) -> Session:
    """Open a recorded session: a folder, or an address on an object store such as "s3://bucket/path".

    Credentials and the endpoint of an object store are those of the environment (AWS_ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL, ...) or of `storage_options`, by the same names.

    Raises SessionNotFound, which names the nearest, SessionTooNew or SessionDamaged, and ObjectStoreFailed.
    """
    if not isinstance(path, str | PathLike):
        raise ArgumentTypeError(f"a session is opened by its folder, such as 'data/session'; got {path!r}")
    place = located(path, storage_options)
    try:
        return Session(place)
    except SessionNotFound as exc:
        raise with_nearest(exc, path if isinstance(place, Path) else place) from None


class Session(Suggesting):
    """A recorded session: its tables as LazyFrames, its manifest, and itself as a source.

    A table is verified against its checksums when it is first used. A table without recorded rows is empty. `manifest`
    holds what was recorded, when, from where and how it ended.

    A session that is being recorded can be read as far as it is Parquet: as of the moment when it was opened. Open it
    again to have what has come since.

    `folder` is a Path, or the address of a session on an object store, of which nothing is fetched but what is asked
    for. There a table of more than 8 MiB is not verified as a whole: polars fetches the columns and row groups that a
    query needs. slice(), book_at() and replay() verify each row group that they fetch, and verify() fetches everything.

    A session can be pickled: another process, or another machine that reaches the same place, goes on with it.
    """

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name in ("collect", "filter", "group_by", "head", "lazy", "schema", "select", "sort", "with_columns"):
                raise AttributeNotFound(
                    f"a session is not a table, it has tables: write session.market_data.{name}(...)"
                )
            return super().__getattr__(name)

    def __init__(self, folder: Location, manifest: Manifest | None = None) -> None:
        """Open a session; `manifest` is that of an address on an object store that is known, with what is below it."""
        self.folder: Location = folder.absolute()
        self._verified: set[str] = set()
        self.recorded_by: str | None = None
        """The process that was recording the session when it was opened, None if none was."""
        if isinstance(folder, ObjectPath):
            self.manifest: Manifest = read_manifest(folder) if manifest is None else manifest
            self.folder = folder.listed() if manifest is None else folder
        else:
            self._open(folder.absolute())

    def _open(self, folder: Path) -> None:
        check_not_being_replaced(folder)
        self.manifest = read_manifest(folder)
        leftover = segment_paths(folder)
        self.recorded_by = writer_of(folder) if leftover else None
        if leftover and self.recorded_by is None:
            raise SessionDamaged(
                f"{folder} was not closed: its journal still holds messages ({leftover[0].name}), and nothing is "
                f"recorded there now: run `hftlab recover {folder}`",
                path=folder,
            )

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: all but the files that are open."""
        return {name: value for name, value in self.__dict__.items() if name != "_reader"}

    @property
    def market_data(self) -> pl.LazyFrame:
        """One row per message and symbol, with the levels nested; see hftlab.session.tables for the columns."""
        return self.table(TableId.MARKET_DATA.folder)

    @property
    def order_updates(self) -> pl.LazyFrame:
        """One row per ORDER_UPDATE; `account` is whose it was, null where the recorder did not know."""
        return self.table(TableId.ORDER_UPDATES.folder)

    @property
    def position_updates(self) -> pl.LazyFrame:
        """One row per POSITION_UPDATE, with `account`."""
        return self.table(TableId.POSITION_UPDATES.folder)

    @property
    def portfolio_updates(self) -> pl.LazyFrame:
        """One row per PORTFOLIO_UPDATE, with `account`."""
        return self.table(TableId.PORTFOLIO_UPDATES.folder)

    @property
    def messages(self) -> pl.LazyFrame:
        """Messages of all other types as JSON: `type`, `symbol` where the type has one, `payload`."""
        return self.table(TableId.MESSAGES.folder)

    @property
    def control(self) -> pl.LazyFrame:
        """Connects, disconnects, gaps, errors and steps of the clock: why something is missing from other tables."""
        return self.table(TableId.CONTROL.folder)

    @property
    def events(self) -> pl.LazyFrame:
        """Order-level events, where the source had them: the columns of hftlab.events.EventBatch, and `symbol`.

        `instrument_id` is an index into the manifest's `source["instruments"]`, for `EventBatch.from_polars()`.
        """
        return self.table(EVENTS)

    def table(self, name: str) -> pl.LazyFrame:
        """Return a table by the name of its folder.

        Raises SessionDamaged if one of its parts is not as recorded, and SessionError for a table that sessions do not
        have.
        """
        parts = self._parts(name)
        if name not in self._verified:
            self._verify(name, parts)
            self._verified.add(name)
        return self._scanned(name, parts)

    def scan(self, name: str, of_folders: pl.Schema | None = None) -> pl.LazyFrame:
        """Return a table as table() does, of whose parts nothing but the sizes is verified.

        Columns `of_folders` are in front: see scan_parts().
        """
        parts = self._parts(name)
        for part in parts:
            check_size(self.folder, part)
        return self._scanned(name, parts, of_folders)

    def _parts(self, name: str) -> list[Part]:
        parts = self.manifest.tables.get(name, [])
        if name not in SCHEMAS and not parts:  # a later version may have more tables
            raise SessionError(
                f"sessions have no table {name!r}: there are {', '.join(SCHEMAS)}", path=self.folder
            ).advise(instead=meant([str(name)], SCHEMAS))
        return parts

    def _scanned(self, name: str, parts: Sequence[Part], of_folders: pl.Schema | None = None) -> pl.LazyFrame:
        schema, paths = SCHEMAS.get(name), [self.folder / part.file for part in parts]
        if not parts:
            return pl.LazyFrame(schema={**(of_folders or {}), **(schema or {})})
        return scan_parts(paths, schema, _DEFAULTS.get(name), of_folders=of_folders)

    def _verify(self, name: str, parts: Sequence[Part]) -> None:
        is_fetched = isinstance(self.folder, Path) or self.manifest.size_of(name) <= _FETCHED
        for part in parts:
            verify_file(self.folder, part) if is_fetched else check_size(self.folder, part)

    def to_arrow(self, table: str = "market_data") -> Any:
        """Return a table as a pyarrow.Table, all of it in memory. Raises SessionDamaged.

        That of the events has the instruments in its metadata, as `EventBatch.from_arrow()` takes them.
        """
        found = self.table(table).collect().to_arrow()
        if table != EVENTS:
            return found
        return found.replace_schema_metadata(instruments_metadata(self.manifest.source.get("instruments", [])))

    def to_pandas(self, table: str = "market_data") -> Any:
        """Return a table as a pandas.DataFrame, all of it in memory; lists and structs become Python objects.

        Raises SessionDamaged, and ImportError where pandas is not installed.
        """
        if importlib.util.find_spec("pandas") is None:
            raise ImportError("to_pandas() needs pandas, which is not installed: run `pip install pandas`")
        return self.table(table).collect().to_pandas()

    def to_hftbacktest(
        self, symbol: str | None = None, *, times: Literal["causal", "recorded"] = "causal", feed_latency: int = 0
    ) -> npt.NDArray[Any]:
        """Return one symbol's events as the array that hftbacktest takes: `np.savez_compressed(file, data=array)`.

        Made of the order-level events where the symbol has some: of orders for its L3 models, of price levels for its
        L2 models; else of the levels and trades in the messages. `exch_ts` is the venue's time, `local_ts` is ts_recv
        plus `feed_latency` (ns). With "causal" times the venue's clock never goes back in the order of the recording,
        and no event is at the venue after it was received; with "recorded" ones `exch_ts` is ts_event as it is, at most
        ts_recv, and an event that came late is two rows. hftbacktest itself is not needed.

        What hftbacktest has no event for is left out (the action N), and so is what it would stop at: rows about orders
        that the recording never added. `symbol` may be left out if there is only one. Raises ArgumentError,
        SessionError for a symbol that the session does not have, and SessionDamaged.
        """
        from hftlab.session.hftbacktest_array import event_array

        return event_array(self, symbol, times, feed_latency)

    def to_nautilus(self, folder: Path | str, symbols: str | Sequence[str] | None = None) -> list[str]:
        """Write the session into a Nautilus Trader catalogue; returns the ids of its instruments there.

        A symbol is an instrument, its order book deltas (of orders or of price levels, from the messages where it has
        no events) and its trades; `ts_event` is the venue's time as in to_hftbacktest(), `ts_init` is ts_recv. Shares
        are Equity, coins CurrencyPair, those of Binance's USDⓈ-M market CryptoPerpetual. All of `symbols`, or all of
        the session's, are written. Raises ImportError where Nautilus Trader is not installed, SessionError for a symbol
        that the session does not have, and SessionDamaged.
        """
        from hftlab.session.nautilus_catalogue import write_catalogue

        return write_catalogue(self, Path(folder).absolute(), [symbols] if isinstance(symbols, str) else symbols)

    def verify(self) -> None:
        """Verify every part and every index against its checksum. Raises SessionDamaged."""
        for name, parts in self.manifest.tables.items():
            for part in parts:
                if name not in self._verified or not isinstance(self.folder, Path):
                    verify_file(self.folder, part)
            self._verified.add(name)
            for part in parts:
                if part.index is not None:
                    verify_file(self.folder, part.index)

    def replay(self, speed: float = 1.0, *, loop: bool = False, gaps: bool = True) -> Replay:
        """Return a source that streams this session, `speed` times as fast; float("inf") is as fast as possible.

        With `loop` a server begins again at the end. What is streamed is verified when it is read: SessionDamaged comes
        in the place of what is damaged, and at once if a part is missing or has another size.

        Where the control table says that symbols were not recorded any more it yields a GAP, so that clients of the
        replay have the loss at its time; `gaps=False` leaves these out.
        """
        manifest = self.manifest
        span = None if manifest.started is None or manifest.ended is None else (manifest.started, manifest.ended)
        reader = Reader(self.folder, manifest)
        intervals = self._stated_coverage() if gaps else []
        is_whole = all(interval.covered for interval in intervals)
        messages = reader if is_whole else LossyMessages(reader, intervals)
        return Replay(self.folder.name, manifest.symbols, messages, span, speed=speed, loop=loop, session=self)

    def book_at(self, at: int | datetime | str, symbol: str) -> Book:
        """Return the order book of a symbol at a time: its `bids(depth)` and `asks(depth)`, best first.

        It is made of the order-level events where the symbol has some, else of the recorded market data, and has no
        levels before the first. `at` is ts_recv in ns, a datetime, or ISO 8601 text such as
        "2024-03-01T14:30:00.000000001" (both UTC if they have no time zone). Raises SessionError for a symbol that the
        session does not have, ValueError for text that is no time, and SessionDamaged.
        """
        time = nanoseconds(at)
        instruments = [Instrument.from_dict(one) for one in self.manifest.source.get("instruments", ())]
        of_events = [one.wire_symbol for one in instruments] if self.manifest.rows(EVENTS) else []
        check_symbols([symbol], [*self.manifest.symbols, *of_events], self.folder)
        if symbol in of_events:
            return book_of_events(self.events, instruments, time, symbol)
        return book_of_messages(self._reader, time, symbol)

    def slice(
        self, start: int | datetime | str, stop: int | datetime | str, symbols: str | Sequence[str] | None = None
    ) -> pl.DataFrame:
        """Return the rows of market_data that were received from `start` up to `stop` (not included).

        Only those of `symbols`, or of all for None. Only the row groups in between are read and verified. Times are as
        in book_at(). Raises SessionError for a symbol that the session does not have, and SessionDamaged.
        """
        wanted = [symbols] if isinstance(symbols, str) else symbols
        check_symbols(wanted or (), self.manifest.symbols, self.folder)
        return rows_between(self._reader, nanoseconds(start), nanoseconds(stop), wanted)

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self.folder, self.manifest)

    def coverage(self, *, detail: bool = False) -> pl.DataFrame:
        """Return what share of the time each symbol was really recorded: a row a symbol, or with `detail` an interval.

        Columns: symbol, from, to (ns), share (0 to 1), uncovered (seconds), holes, estimated. `from` is where the
        recording of the symbol begins, `to` where it ends. With `detail`: symbol, from, to, covered, why (the event of
        the control table that ended it), estimated. `estimated` is True where the control table does not name the
        symbol, as in recordings of hftlab 0.1: from its first to its last message, less disconnects and gaps.

        It is about the messages. Of an import that was killed the order-level events may end earlier, at the manifest's
        `source["extent"]["events_until"]`.
        """
        stated = self._stated_coverage()
        named = {interval.symbol for interval in stated}
        if not named.issuperset(self.manifest.symbols):
            rows = self.control.collect().to_dicts()
            stated = sorted([*stated, *estimated_intervals(rows, self._receptions(), named)])
        intervals = interval_table(stated)
        return intervals if detail else coverage_table(intervals)

    def _stated_coverage(self) -> list[Interval]:
        return coverage_intervals(
            self.control.collect().iter_rows(named=True), self.manifest.symbols, self.manifest.ended
        )

    def _receptions(self) -> pl.DataFrame:
        """Return message, ts_recv, channel and symbol of all market data, in the order of reception."""
        others = self.messages.filter(pl.col("type") == "BOOK_DELTA")
        tables = (self.market_data, others.with_columns(channel=pl.lit(None, pl.Int64())))
        columns = ("message", "ts_recv", "channel", "symbol")
        return pl.concat([table.select(columns) for table in tables]).sort("message", maintain_order=True).collect()

    @property
    def duration(self) -> float:
        """Seconds from the first to the last message."""
        manifest = self.manifest
        if manifest.started is None or manifest.ended is None:
            return 0.0
        return (manifest.ended - manifest.started) / NANOSECONDS

    def __repr__(self) -> str:
        manifest = self.manifest
        return (
            f"Session({str(self.folder)!r}: {_counted(manifest.messages, 'message')} of "
            f"{_counted(len(manifest.symbols), 'symbol')}, "
            f"{self.duration:.1f} s, {manifest.size} bytes{'' if self.recorded_by is None else ', still recorded'})"
        )

    def _repr_html_(self) -> str:
        manifest = self.manifest
        rows = [
            ("source", manifest.source.get("name", "")),
            ("symbols", ", ".join(manifest.symbols)),
            ("duration", f"{self.duration:.1f} s"),
            ("messages", f"{manifest.messages:,}"),
            *((name, f"{manifest.rows(name):,} rows") for name in manifest.tables),
            ("size", f"{manifest.size / 1e6:,.2f} MB"),
        ]
        return facts_table(f"Session {self.folder.name}", dict(rows))


_FETCHED: Final = 8 << 20
"""Bytes of a table on an object store up to which it is verified as a whole when it is first used."""
SCHEMAS: Final = {table.folder: TABLES[table].schema for table in TableId} | {EVENTS: SCHEMA}
"""The tables of sessions, by the names of their folders, and their columns."""
_DEFAULTS: Final = {table.folder: TABLES[table].defaults for table in TableId}


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
