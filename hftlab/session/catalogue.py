"""A folder of sessions as one catalogue: what there is, and each table over all of it."""

from __future__ import annotations

import os
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import polars as pl

from hftlab.clock import NANOSECONDS, nanoseconds
from hftlab.errors import NameNotFound, SessionError, SessionNotFound
from hftlab.html_table import rows_table
from hftlab.nearest import meant
from hftlab.session.lock import in_words
from hftlab.session.manifest import MANIFEST, Ending, Manifest, read_manifest
from hftlab.session.market_at import check_symbols
from hftlab.session.object_path import Location, ObjectPath, located
from hftlab.session.session import SCHEMAS, Session
from hftlab.session.table_ids import TableId

__all__ = ["Catalogue", "sessions"]

_SCHEMA: Final = pl.Schema(
    {
        "path": pl.String(),
        "session": pl.String(),
        "date": pl.Date(),
        "source": pl.String(),
        "kind": pl.String(),
        "symbols": pl.List(pl.String()),
        "started": pl.Int64(),
        "ended": pl.Int64(),
        "messages": pl.Int64(),
        "rows": pl.Int64(),
        "bytes": pl.Int64(),
        "complete": pl.Boolean(),
        "ending": pl.String(),
        "problem": pl.String(),
    }
)
_AT_ONCE: Final = 16
"""Manifests that are fetched from an object store at a time."""
_SHOWN: Final = 50
"""Sessions of a catalogue that its HTML table shows."""

_PLAIN: Final = re.compile(r"[\w. +-]+")
"""Values that polars takes as they are out of the name of a folder: it decodes "%", and leaves out an asterisk."""
_MARKET_DATA: Final = TableId.MARKET_DATA.folder

T = TypeVar("T")


class _Entry(NamedTuple):
    """One session: its folder, its name, its date, its manifest if that can be read, and what is wrong with it."""

    path: Location
    name: str
    date: date | None
    manifest: Manifest | None
    problem: str | None


def sessions(folder: os.PathLike[str] | str, *, storage_options: Mapping[str, object] | None = None) -> Catalogue:
    """Find all sessions in a folder and below, also in folders such as date=2026-01-02/session=open.

    A folder of an object store, such as "s3://bucket/prefix", is opened as by open_session(). Only manifests are read.
    Raises SessionNotFound if the folder does not exist, and ObjectStoreFailed.
    """
    root = located(folder, storage_options)
    paths: list[Any] = _found_on_object_store(root) if isinstance(root, ObjectPath) else sorted(_found(root))
    names = [path.name.removeprefix("session=") for path in paths]
    counts = Counter(zip(names, map(_folder_date, paths), strict=True))
    unique = [
        name if counts[name, _folder_date(path)] == 1 else path.relative_to(root).as_posix()
        for path, name in zip(paths, names, strict=True)
    ]
    if isinstance(root, ObjectPath):
        with ThreadPoolExecutor(_AT_ONCE) as pool:  # each waits for a network most of the time
            return Catalogue(root, pool.map(_entry, paths, unique))
    return Catalogue(root, map(_entry, paths, unique))


class Catalogue:
    """Sessions of a folder: their manifests as one LazyFrame, and their tables as one LazyFrame each.

    Iterating gives the sessions that can be read, in the order of their folders. A session that is still recorded, was
    not closed, or is damaged has a `problem` in `manifests`, and is left out of the tables with a warning.

    The sessions of an object store are those of the moment when they were found: iterating and the tables ask nothing
    again. An index such as `catalogue["open"]` opens one as it is now.
    """

    def __init__(self, folder: Location, entries: Iterable[_Entry]) -> None:
        self.folder = folder
        self._entries = list(entries)

    @property
    def manifests(self) -> pl.LazyFrame:
        """One row a session.

        Columns: path, session (its name), date, source, kind, symbols, started and ended (ns), messages, rows (of all
        tables), bytes, complete, ending (see hftlab.session.manifest.Ending) and problem, null if there is none.
        """
        return pl.LazyFrame([_row(entry) for entry in self._entries], schema=_SCHEMA, orient="row")

    @property
    def names(self) -> list[str]:
        """Names of all sessions; where two folders of one date have the same, their paths below the catalogue's."""
        return [entry.name for entry in self._entries]

    def filter(
        self,
        *,
        date: date | str | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        symbols: str | Iterable[str] | None = None,
        kind: str | None = None,
    ) -> Catalogue:
        """Return the catalogue of those sessions that meet all conditions.

        Dates are UTC, as `datetime.date` or text such as 2026-01-02; `since` and `until` are both included. A session
        is of the date in its folder's name, else of its first message's. It has to have all of `symbols`.
        """
        on, first, last = _date(date), _date(since), _date(until)
        wanted = {symbols} if isinstance(symbols, str) else set(symbols or ())

        def fits(entry: _Entry) -> bool:
            day, manifest = entry.date, entry.manifest
            in_time = on in (None, day) and (first is None or (day is not None and day >= first))
            in_time = in_time and (last is None or (day is not None and day <= last))
            held = set() if manifest is None else set(manifest.symbols)
            of_kind = kind is None or (manifest is not None and manifest.source.get("kind") == kind)
            return in_time and wanted <= held and of_kind

        return Catalogue(self.folder, filter(fits, self._entries))

    @property
    def market_data(self) -> pl.LazyFrame:
        """The market data of all sessions; see table()."""
        return self.table(_MARKET_DATA)

    def table(self, name: str) -> pl.LazyFrame:
        """Return one table of all sessions, with the columns `session` and `date` in front.

        A column that some sessions lack is null in their rows. The files are checked against their checksums now, and
        read when the result is collected. Of an object store nothing is fetched now, and only sizes are checked: a
        query fetches footers, and the columns and row groups that it needs (see also slice()). Where folders are named
        as in date=2026-01-02/session=open, nothing is fetched of those that a filter of `date` or `session` leaves out;
        with other names, call filter() first. Raises SessionError for a table that sessions do not have.
        """
        if name not in SCHEMAS:
            raise SessionError(f"sessions have no table {name!r}: there are {', '.join(SCHEMAS)}", path=self.folder)
        frames = self._each(lambda entry: _frame(entry, name), self._entries, f"the table {name}")
        if not frames:
            return pl.LazyFrame(schema=_schema(name))
        return pl.concat(frames, how="diagonal_relaxed")

    def slice(
        self, start: int | datetime | str, stop: int | datetime | str, symbols: str | Iterable[str] | None = None
    ) -> pl.DataFrame:
        """Return the rows of market_data that were received from `start` up to `stop` (not included), of all sessions.

        Columns and order are those of table(). Times and `symbols` are as in Session.slice(): nothing is read of
        sessions of other times or without the symbols, and of the others the row groups in between, which are verified.
        Raises SessionError for a symbol that no session has.
        """
        first, last = nanoseconds(start), nanoseconds(stop)
        wanted = None if symbols is None else [symbols] if isinstance(symbols, str) else list(symbols)
        check_symbols(wanted or (), self.symbols, self.folder, "catalogue.symbols")
        overlapping = [entry for entry in self._entries if _overlaps(entry, first, last)]

        def rows(entry: _Entry) -> pl.DataFrame:
            assert entry.manifest is not None
            own = None if wanted is None else [symbol for symbol in wanted if symbol in entry.manifest.symbols]
            found = _opened(entry).slice(first, last, own) if own != [] else pl.DataFrame(schema=SCHEMAS[_MARKET_DATA])
            return found.select(*_named(entry).values(), pl.all())

        empty = pl.DataFrame(schema=_schema(_MARKET_DATA))
        return pl.concat([empty, *self._each(rows, overlapping, "the slice")])

    def _each(self, made: Callable[[_Entry], T], entries: Iterable[_Entry], what: str) -> list[T]:
        """Return what is made of each session, with a warning that names those that are left out."""
        found: list[T] = []
        left_out: list[str] = []
        for entry in entries:
            if entry.problem is not None:
                left_out.append(f"{entry.path} ({entry.problem})")
                continue
            try:
                found.append(made(entry))
            except (SessionError, OSError) as exc:
                left_out.append(_problem(exc, entry.path))
        if left_out:
            warnings.warn(f"left out of {what}: {'; '.join(left_out)}", stacklevel=3)
        return found

    def __iter__(self) -> Iterator[Session]:
        for entry in self._entries:
            if entry.problem is None:
                yield _opened(entry)

    def __getitem__(self, name: str) -> Session:
        """Open a session by its name, as it is now. Raises KeyError, and what open_session() does."""
        for entry in self._entries:
            if entry.name == name:
                return Session(entry.path)
        raise NameNotFound(f"{name!r} is not in {self.folder}: it has {', '.join(self.names) or 'no sessions'}").advise(
            instead=meant([str(name)], self.names)
        )

    def _ipython_key_completions_(self) -> list[str]:
        return self.names

    @property
    def symbols(self) -> list[str]:
        """The symbols of all sessions whose manifest can be read, each once."""
        manifests = [entry.manifest for entry in self._entries if entry.manifest is not None]
        return list(dict.fromkeys(symbol for manifest in manifests for symbol in manifest.symbols))

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        troubled = sum(entry.problem is not None for entry in self._entries)
        said = f", {troubled} with a problem" if troubled else ""
        return f"Catalogue({str(self.folder)!r}: {len(self)} {'session' if len(self) == 1 else 'sessions'}{said})"

    def _repr_html_(self) -> str:
        heads = ("session", "date", "source", "symbols", "duration", "messages", "size", "state")
        more = f", the first {_SHOWN}" if len(self) > _SHOWN else ""
        return rows_table(f"{len(self)} sessions in {self.folder}{more}", heads, map(_cells, self._entries[:_SHOWN]))


def _found(root: Path) -> Iterator[Path]:
    """Yield the folders of sessions; what is within one of them belongs to it."""
    if not root.is_dir():
        raise SessionNotFound(f"{root} is not a folder: give the folder that your sessions are in", path=root)
    for folder, inner, files in os.walk(root):
        if MANIFEST in files:
            inner.clear()
            yield Path(folder)


def _found_on_object_store(root: ObjectPath) -> list[ObjectPath]:
    """Return the addresses of sessions, in order, each with the sizes of what is within: that belongs to it."""
    sizes = root.sizes()
    names = sorted(sizes, key=lambda name: name.split("/"))
    if not names:
        raise SessionNotFound(f"there is nothing at {root}: give the address that your sessions are below", path=root)
    within: dict[tuple[str, ...], dict[str, int]] = {}
    for folders in sorted(tuple(name.split("/")[:-1]) for name in names if name.split("/")[-1] == MANIFEST):
        if not any(folders[:depth] in within for depth in range(len(folders) + 1)):
            within[folders] = {}
    for name in names:
        parts = name.split("/")
        for depth in range(len(parts)):
            if (found := within.get(tuple(parts[:depth]))) is not None:
                found["/".join(parts[depth:])] = sizes[name]
    return [(root / "/".join(folders) if folders else root).with_sizes(found) for folders, found in within.items()]


def _entry(path: Location, name: str) -> _Entry:
    try:
        manifest = read_manifest(path)
    except (SessionError, OSError) as exc:  # OSError: as of a folder that this user may not read
        return _Entry(path, name, _folder_date(path), None, _problem(exc))
    if isinstance(path, ObjectPath) and not _fits(path, manifest):
        path = path.listed()  # it was replaced, or uploaded, while it was looked for
    try:
        recorded_by = Session(path).recorded_by if isinstance(path, Path) else None
        problem = None if recorded_by is None else f"it is still recorded by {in_words(recorded_by)}"
    except (SessionError, OSError) as exc:
        problem = _problem(exc)
    if problem is None and manifest.ending is Ending.RUNNING:
        problem = f"it was not closed: if nothing is recorded there any more, run `hftlab recover {path}`"
    started = None if manifest.started is None else datetime.fromtimestamp(manifest.started // NANOSECONDS, UTC).date()
    return _Entry(path, name, _folder_date(path) or started, manifest, problem)


def _problem(error: SessionError | OSError, path: Location | None = None) -> str:
    """Say what is wrong with a session; the system does not say that it is one."""
    if isinstance(error, SessionError):
        return str(error)
    where = "it" if path is None else f"{path}"
    return f"{where} cannot be read ({error.strerror or error})"


def _fits(path: ObjectPath, manifest: Manifest) -> bool:
    """True if the files that a manifest names were there when the address was listed."""
    files = [part for parts in manifest.tables.values() for part in parts]
    return all((path / part.file).is_file() and (path / part.file).stat().st_size == part.size for part in files)


def _opened(entry: _Entry) -> Session:
    """Open a session; of an object store as it was when the catalogue was made, without a request."""
    return Session(entry.path, entry.manifest if isinstance(entry.path, ObjectPath) else None)


def _overlaps(entry: _Entry, start: int, stop: int) -> bool:
    """True if something may have been received from `start` up to `stop`: also where the manifest cannot be read."""
    manifest = entry.manifest
    if manifest is None or entry.problem is not None:
        return True
    return manifest.started is not None and manifest.started < stop and start <= (manifest.ended or manifest.started)


def _schema(name: str) -> pl.Schema:
    return pl.Schema({"session": pl.String(), "date": pl.Date(), **SCHEMAS[name]})


def _named(entry: _Entry) -> dict[str, pl.Expr]:
    """Return the columns that tell a session from others."""
    return {"session": pl.lit(entry.name).alias("session"), "date": pl.lit(entry.date, pl.Date()).alias("date")}


def _frame(entry: _Entry, name: str) -> pl.LazyFrame:
    """Return one table of a session with its name and date in front. Raises SessionError."""
    session, named = _opened(entry), _named(entry)
    if not isinstance(entry.path, ObjectPath):
        return session.table(name).select(*named.values(), pl.all())
    of_folders = _of_folders(entry.path, {"session": entry.name, "date": str(entry.date)})
    columns = [pl.col(one) if one in of_folders else literal for one, literal in named.items()]
    return session.scan(name, of_folders).select(*columns, pl.exclude(list(of_folders)))


def _of_folders(path: ObjectPath, values: dict[str, str]) -> pl.Schema:
    """Return which columns the names of the folders give with the same values; none if they give others as well."""
    pairs = [part.partition("=") for part in path.parts if "=" in part]
    if any(values.get(key) != value or not _PLAIN.fullmatch(value) for key, _, value in pairs):
        return pl.Schema()
    return pl.Schema({key: _SCHEMA[key] for key, _, _ in pairs})


def _folder_date(path: Location) -> date | None:
    """Return the date that a folder on the way to a session names, as in date=2026-01-02."""
    for part in reversed(path.parts):
        key, _, value = part.partition("=")
        if key == "date":
            try:
                return date.fromisoformat(value)
            except ValueError:
                return None
    return None


def _row(entry: _Entry) -> dict[str, Any]:
    row: dict[str, Any] = {"path": str(entry.path), "session": entry.name, "date": entry.date, "problem": entry.problem}
    manifest = entry.manifest
    if manifest is None:
        return {name: row.get(name) for name in _SCHEMA}
    source = manifest.source
    return {
        **row,
        "source": str(source.get("name", "")),
        "kind": None if source.get("kind") is None else str(source["kind"]),
        "symbols": manifest.symbols,
        "started": manifest.started,
        "ended": manifest.ended,
        "messages": manifest.messages,
        "rows": sum(map(manifest.rows, manifest.tables)),
        "bytes": manifest.size,
        "complete": manifest.complete,
        "ending": manifest.ending.value,
    }


def _cells(entry: _Entry) -> tuple[object, ...]:
    manifest = entry.manifest
    if manifest is None:
        return (entry.name, entry.date or "", "", "", "", "", "", entry.problem)
    started, ended = manifest.started, manifest.ended
    seconds = 0.0 if started is None or ended is None else (ended - started) / NANOSECONDS
    symbols = manifest.symbols
    return (
        entry.name,
        entry.date or "",
        manifest.source.get("name", ""),
        ", ".join(symbols[:5]) + (f" and {len(symbols) - 5} more" if len(symbols) > 5 else ""),
        f"{seconds:,.1f} s",
        f"{manifest.messages:,}",
        f"{manifest.size / 1e6:,.2f} MB",
        entry.problem or ("recovered" if manifest.ending is Ending.RECOVERED else "complete"),
    )


def _date(day: date | str | None) -> date | None:
    """Return a date that may be text. Raises ValueError for text that is not a date."""
    return date.fromisoformat(day) if isinstance(day, str) else day
