"""Verification of a session: every file of it, against what its manifest says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple

import polars as pl

from hftlab.errors import SessionDamaged, SessionError, SessionNotFound
from hftlab.session.journal import JOURNAL
from hftlab.session.lock import writer_of
from hftlab.session.manifest import MANIFEST, Manifest, checksum, read_manifest
from hftlab.session.nearest_sessions import with_nearest
from hftlab.session.object_path import Location, ObjectPath, located
from hftlab.session.parts import scan_parts
from hftlab.session.segment import read_segment, segment_paths
from hftlab.session.table_ids import TableId

__all__ = ["Problem", "Verification", "verify"]

_ATTEMPTS: Final = 3
"""Times that a session is read at most that changes meanwhile: a compaction deletes what it has joined."""


class Problem(NamedTuple):
    """Fault of a session: a file, and the reason."""

    path: Location
    what: str


class Verification(NamedTuple):
    """Result: the number of files that were read, their `size` in bytes, and the problems; `is_whole` if none.

    `recorded_by` is the process that was writing the session, None if none was.
    """

    files: int
    size: int
    problems: list[Problem]
    recorded_by: str | None = None

    @property
    def is_whole(self) -> bool:
        """True if everything is as it was recorded."""
        return not self.problems


def verify(path: PathLike[str] | str, *, progress: Callable[[int], object] | None = None) -> Verification:
    """Read every file of a session and compare it with the manifest; goes on after a problem.

    Sizes, checksums and rows of the parts and their indexes, message numbers and times that follow each other, a
    journal that a crash has left, and files of tables that the manifest does not name. Of a session that is being
    recorded it verifies what the manifest names; its journal, and parts that are about to be named, are no problems.
    `progress` is called with the bytes read so far. Raises SessionNotFound or SessionTooNew for what is not a session
    of this version; the former names the sessions in the folder.
    """
    folder = located(path)
    try:
        return _verified_in_peace(folder, progress or (lambda _: None))
    except SessionNotFound as exc:
        raise with_nearest(exc, path if isinstance(folder, Path) else folder) from None


def _verified_in_peace(folder: Location, tell: Callable[[int], object]) -> Verification:
    """Verify a session; again if it changes meanwhile."""
    for _ in range(_ATTEMPTS - 1):
        before = _state(folder)
        found = _verified(folder, tell)
        if found.is_whole or _state(folder) == before:
            return found
    return _verified(folder, tell)


def _state(folder: Location) -> tuple[str | None, Manifest | None]:
    """Return who writes a session at present, and what its manifest says if that can be read."""
    try:
        return _writer(folder), read_manifest(folder)
    except SessionError:
        return _writer(folder), None


def _writer(folder: Location) -> str | None:
    return writer_of(folder) if isinstance(folder, Path) else None


def _verified(folder: Location, tell: Callable[[int], object]) -> Verification:
    recorded_by = _writer(folder)  # before the manifest: a recording that ends in between has left nothing
    try:
        manifest = read_manifest(folder)
    except SessionDamaged as exc:
        return Verification(1, 0, [Problem(exc.path or folder, str(exc))], recorded_by)
    if isinstance(folder, ObjectPath):
        folder = folder.listed()
    sizes: list[int] = []
    problems = [
        *_parts(folder, manifest, sizes, tell),
        *_order(folder, manifest),
        *_counts(folder, manifest),
    ]
    if isinstance(folder, ObjectPath):
        problems += _strangers([folder / name for name in sorted(folder.sizes())], folder, manifest)
    elif recorded_by is None:
        problems += [*_journal(folder), *_strangers(sorted(folder.glob("*/*.parquet")), folder, manifest)]
    return Verification(len(sizes) + 1, sum(sizes), problems, recorded_by)


def _parts(folder: Location, manifest: Manifest, sizes: list[int], tell: Callable[[int], object]) -> Iterator[Problem]:
    for parts in manifest.tables.values():
        for part in parts:
            path, problem = folder / part.file, _file(folder / part.file, part.size, part.crc32, sizes)
            if problem is None:
                problem = _rows(path, part.rows)
            if problem is not None:
                yield Problem(path, problem)
            if part.index is not None:
                index = folder / part.index.file
                problem = _file(index, part.index.size, part.index.crc32, sizes)
                if problem is not None:
                    yield Problem(index, problem)
            tell(sum(sizes))


def _file(path: Location, size: int, crc32: int, sizes: list[int]) -> str | None:
    try:
        if not path.is_file():
            return "it is missing"
        found = path.stat().st_size
        sizes.append(found)
        if found != size:
            return f"it has {found:,} bytes, and the manifest says {size:,}"
        actual = checksum(path)
    except OSError as exc:  # a bad sector, or a file of somebody else
        return _unreadable(exc)
    return None if actual == crc32 else f"its checksum is {actual:08x}, and the manifest says {crc32:08x}"


def _unreadable(error: OSError) -> str:
    return f"it cannot be read ({error.strerror or error})"


def _rows(path: Location, rows: int) -> str | None:
    try:
        found = scan_parts([path], None).select(pl.len()).collect().item()
    except (pl.exceptions.PolarsError, OSError) as exc:
        return f"it cannot be read as Parquet ({exc})"
    return None if found == rows else f"it has {found:,} rows, and the manifest says {rows:,}"


def _order(folder: Location, manifest: Manifest) -> Iterator[Problem]:
    """Yield the parts whose rows are not behind those of the part before, by their numbers and times."""
    for table in TableId:
        parts = [part for part in manifest.tables.get(table.folder, ()) if part.rows]
        for before, part in pairwise(parts):
            if _goes_back(part.first, before.last, may_be_equal=False) or _goes_back(part.started, before.ended):
                yield Problem(folder / part.file, f"its rows are not after those of {before.file}")


def _goes_back(one: int | None, before: int | None, *, may_be_equal: bool = True) -> bool:
    """True if a value that has to come after another one does not; old manifests do not have them."""
    if one is None or before is None:
        return False
    return one < before or (one == before and not may_be_equal)


def _counts(folder: Location, manifest: Manifest) -> Iterator[Problem]:
    """Yield counts that the rows do not add up to: every message has one at least. And what recovery found missing."""
    rows = sum(manifest.rows(table.folder) for table in TableId if table is not TableId.CONTROL)
    if manifest.messages > rows or (rows and not manifest.messages):
        what = f"it says {manifest.messages:,} messages, which its tables' rows do not add up to"
        yield Problem(folder / MANIFEST, what)
    if manifest.damaged:
        what = f"recorded messages are missing in {manifest.damaged:,} places, each of them a `damage` row of control"
        yield Problem(folder / MANIFEST, what)


def _journal(folder: Path) -> Iterator[Problem]:
    for segment in segment_paths(folder):
        try:
            found = read_segment(segment)
        except OSError as exc:
            yield Problem(segment, _unreadable(exc))
            continue
        held = f"{len(found):,} rows are not in the tables yet"
        torn = f", and {found.damaged_bytes:,} bytes are torn or damaged" if found.holes else ""
        yield Problem(segment, f"{held}{torn}: run `hftlab recover`")
    for segment in sorted((folder / JOURNAL).glob("*.damaged")):
        yield Problem(segment, f"a recovery has set its {segment.stat().st_size:,} bytes aside, some of them damaged")


def _strangers(paths: Sequence[Any], folder: Location, manifest: Manifest) -> Iterator[Problem]:
    """Yield files in the folders of tables that others would read as theirs."""
    all_parts = [part for parts in manifest.tables.values() for part in parts]
    named = {file.file for part in all_parts for file in (part, part.index) if file is not None}
    for path in paths:
        file: str = path.relative_to(folder).as_posix()
        where, _, name = file.partition("/")
        is_table = name.endswith(".parquet") and "/" not in name and not where.startswith("replacement")
        if is_table and file not in named:
            yield Problem(path, "the manifest does not name it: an interrupted recording or compaction has left it")
