"""Recovery of a recording that a crash interrupted."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import NamedTuple

from hftlab.errors import SessionDamaged
from hftlab.session.conversion import convert_segment, damaged_places
from hftlab.session.journal import JOURNAL
from hftlab.session.journal_record import MAGIC
from hftlab.session.lock import SessionLock
from hftlab.session.manifest import MANIFEST, Ending, Manifest, read_manifest, sync_folder, write_manifest
from hftlab.session.nearest_sessions import how_to_recover
from hftlab.session.object_path import local_folder
from hftlab.session.part_file import verify_file
from hftlab.session.parts import Parts
from hftlab.session.replacement import REPLACEMENT, check_is_session, finish_replacement
from hftlab.session.segment import Segment, read_segment, segment_paths
from hftlab.session.table_ids import EVENTS, RAW, TableId

__all__ = ["Recovery", "recover", "unfinished_replacement"]


class Recovery(NamedTuple):
    """Result of a recovery: messages taken from the journal, and bytes of its segments that were torn or damaged.

    `damaged` counts the places where records are missing that were there once. The torn end that a crash leaves is none
    of them.
    """

    messages: int
    dropped_bytes: int
    damaged: int = 0


def recover(path: PathLike[str] | str, *, progress: Callable[[int], object] | None = None) -> Recovery:
    """Turn the journal that a crash left into Parquet.

    Every committed record is kept, also those behind a damaged one. Segments with damage or a torn end stay in the
    folder as `*.wal.damaged`. A new session that was ready to replace the one in the folder does so now; else the old
    one stays, and a new one that holds rows is left beside it: see unfinished_replacement(). `progress` is
    called with the bytes of the journal that have been dealt with. Raises SessionBusy while a
    recording is running in the folder, SessionNotFound, SessionTooNew or SessionDamaged.
    """
    folder = local_folder(path, "is recorded, and so none is left to be recovered", how_to_recover)
    check_is_session(folder)  # before a lock's file is made in it
    with SessionLock(folder):
        return _recover(folder, progress or (lambda _: None))


def _recover(folder: Path, tell: Callable[[int], object]) -> Recovery:
    finish_replacement(folder)
    _drop_empty(folder / REPLACEMENT)
    manifest = read_manifest(folder)
    parts = Parts(folder, manifest)
    before, damaged, dropped = manifest.messages, manifest.damaged, 0
    journal = folder / JOURNAL
    segments = segment_paths(folder)
    # A crash right after a segment was begun leaves one without anything behind it.
    last = max((path for path in segments if not _is_blank(path)), default=None)
    done = 0
    for path in segments:
        done += path.stat().st_size
        segment = read_segment(path)
        if int(path.stem) > manifest.segments or not _is_whole(parts, path, segment, is_last=path == last):
            convert_segment(parts, path, is_last=path == last)
        dropped += segment.damaged_bytes
        if segment.holes:
            path.rename(path.with_suffix(".wal.damaged"))
        else:
            path.unlink()
        sync_folder(journal)
        tell(done)
    if journal.is_dir() and not any(journal.iterdir()):
        journal.rmdir()
        sync_folder(folder)
    if manifest.ending in (Ending.UNKNOWN, Ending.RUNNING) and not manifest.complete:
        manifest.ending = Ending.RECOVERED
        _end(manifest)
    write_manifest(folder, manifest)
    parts.remove_leftovers()
    return Recovery(manifest.messages - before, dropped, manifest.damaged - damaged)


def _end(manifest: Manifest) -> None:
    """Say how far the source got, and whether that is all."""
    extent = manifest.source.get("extent")
    manifest.complete = extent is None
    if isinstance(extent, dict):  # which it is, unless somebody else has made the session
        events = [part.ended for part in manifest.tables.get(EVENTS, ()) if part.ended is not None]
        extent |= {"whole": False, "until": manifest.ended, "events_until": max(events, default=None)}


def _is_whole(parts: Parts, path: Path, segment: Segment, *, is_last: bool) -> bool:
    """Verify the parts that a segment was turned into; returns False if they are not as they were written.

    If they are not, but are the last of their tables, they are taken out of the manifest, to be made again. Raises
    SessionDamaged for others.
    """
    manifest, number = parts.manifest, int(path.stem)
    try:
        for some in manifest.tables.values():
            for part in some:
                # Sessions of schema 1 do not say which parts came of a segment: then all of them must be right.
                if part.segment in (number, None):
                    verify_file(parts.folder, part)
    except SessionDamaged as exc:
        made = [name for name, some in manifest.tables.items() if any(part.segment == number for part in some)]
        if not made or any(manifest.tables[name][-1].segment != number for name in made):
            raise SessionDamaged(
                f"{exc}. {path} is kept, which may hold the messages of that part", path=exc.path
            ) from exc
        gone = [manifest.tables[name].pop() for name in made]
        manifest.tables = {name: some for name, some in manifest.tables.items() if some}
        first = min(part.first for part in gone if part.first is not None)
        again = (record for record in segment if record.number is None or record.number >= first)
        manifest.messages -= sum(record.table != TableId.CONTROL for record in again)
        ends = [part.ended for some in manifest.tables.values() for part in some if part.ended is not None]
        manifest.ended = max(ends, default=None)
        manifest.damaged -= damaged_places(manifest, path, segment, is_last=is_last)
        return False
    return True


def _is_blank(path: Path) -> bool:
    return path.stat().st_size <= len(MAGIC)


def unfinished_replacement(path: Path | str) -> Path | None:
    """Return the folder of a new session that was to replace the one at `path` and did not get ready, if there is one.

    It is a session folder by itself: recover() takes it, and so does `hftlab recover`.
    """
    new = Path(path).absolute() / REPLACEMENT
    return new if (new / MANIFEST).is_file() else None


def _drop_empty(new: Path) -> None:
    """Delete an unfinished replacement in which there is nothing that was recorded."""
    if new.is_dir() and not _has_rows(new):
        shutil.rmtree(new)


def _has_rows(folder: Path) -> bool:
    """Tell whether a session folder has rows, or raw frames to make some of."""
    if any(folder.glob("*/*.parquet")) or any(path.stat().st_size for path in (folder / RAW).glob("*")):
        return True
    return any(len(segment) or segment.holes for segment in map(read_segment, segment_paths(folder)))
