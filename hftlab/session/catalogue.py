"""A folder of sessions as one catalogue: what there is, and each table over all of it."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import polars as pl

from hftlab.clock import NANOSECONDS
from hftlab.errors import NameNotFound, SessionError, SessionNotFound
from hftlab.html_table import rows_table
from hftlab.nearest import meant
from hftlab.session.lock import in_words
from hftlab.session.manifest import MANIFEST, Ending, Manifest, read_manifest
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
        is of the date in its folder's name, else of its first message's. `symbols` are wanted all.
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
        return self.table(TableId.MARKET_DATA.folder)

    def table(self, name: str) -> pl.LazyFrame:
        """Return one table of all sessions, with the columns `session` and `date` in front.

        A column that some sessions lack is null in their rows. The files are checked against their checksums now, and
        read when the result is collected. Raises SessionError for a table that sessions do not have.
        """
        if name not in SCHEMAS:
            raise SessionError(f"sessions have no table {name!r}: there are {', '.join(SCHEMAS)}", path=self.folder)
        left_out = [f"{entry.path} ({entry.problem})" for entry in self._entries if entry.problem is not None]
        frames: list[pl.LazyFrame] = []
        for entry in self._entries:
            if entry.problem is not None:
                continue
            try:
                frame = Session(entry.path).table(name)
            except SessionError as exc:
                left_out.append(str(exc))
                continue
            frames.append(
                frame.select(pl.lit(entry.name).alias("session"), pl.lit(entry.date, pl.Date()).alias("date"), pl.all())
            )
        if left_out:
            warnings.warn(f"left out of the table {name}: {'; '.join(left_out)}", stacklevel=2)
        if not frames:
            return pl.LazyFrame(schema={"session": pl.String(), "date": pl.Date(), **SCHEMAS[name]})
        return pl.concat(frames, how="diagonal_relaxed")

    def __iter__(self) -> Iterator[Session]:
        for entry in self._entries:
            if entry.problem is None:
                yield Session(entry.path)

    def __getitem__(self, name: str) -> Session:
        """Open a session by its name. Raises KeyError, and what open_session() does."""
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
    """Return the addresses of sessions, in order; what is within one of them belongs to it."""
    names = sorted(root.sizes(), key=lambda name: name.split("/"))
    if not names:
        raise SessionNotFound(f"there is nothing at {root}: give the address that your sessions are below", path=root)
    found: list[ObjectPath] = []
    for name in names:
        folder, _, last = f"/{name}".rpartition("/")
        path = root / folder[1:] if folder else root
        if last == MANIFEST and not any(path.parts[: len(one.parts)] == one.parts for one in found):
            found.append(path)
    return found


def _entry(path: Location, name: str) -> _Entry:
    try:
        manifest = read_manifest(path)
    except SessionError as exc:
        return _Entry(path, name, _folder_date(path), None, str(exc))
    try:
        recorded_by = Session(path).recorded_by if isinstance(path, Path) else None
        problem = None if recorded_by is None else f"it is still recorded by {in_words(recorded_by)}"
    except SessionError as exc:
        problem = str(exc)
    if problem is None and manifest.ending is Ending.RUNNING:
        problem = f"it was not closed: if nothing is recorded there any more, run `hftlab recover {path}`"
    started = None if manifest.started is None else datetime.fromtimestamp(manifest.started // NANOSECONDS, UTC).date()
    return _Entry(path, name, _folder_date(path) or started, manifest, problem)


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
    """Raises ValueError for text that is not a date."""
    return date.fromisoformat(day) if isinstance(day, str) else day
