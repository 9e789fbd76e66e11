"""Recovery of a recording that a crash interrupted."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

from hftlab.session.journal import JOURNAL, read_segment
from hftlab.session.manifest import MANIFEST, Ending, read_manifest, sync_folder, write_manifest
from hftlab.session.parts import Parts
from hftlab.session.replacement import REPLACEMENT, finish_replacement

__all__ = ["Recovery", "recover", "unfinished_replacement"]


class Recovery(NamedTuple):
    """Result of a recovery: messages taken from the journal, and bytes of its segments that were torn or damaged."""

    messages: int
    dropped_bytes: int


def recover(path: Path | str) -> Recovery:
    """Turn the journal that a crash left into Parquet and mark the session complete.

    Every committed record is kept. A segment with a damaged end stays in the folder as `*.wal.damaged`. A new session
    that was ready to replace the one in the folder does so now; else the old one stays, and a new one that holds rows
    is left beside it: see unfinished_replacement(). Never call this while a recording is running in the folder. Raises
    SessionNotFound, SessionTooNew or SessionDamaged.
    """
    folder = Path(path).absolute()
    finish_replacement(folder)
    _drop_empty(folder / REPLACEMENT)
    manifest = read_manifest(folder)
    parts = Parts(folder, manifest)
    before, dropped = manifest.messages, 0
    journal = folder / JOURNAL
    for segment in sorted(journal.glob("*.wal")):
        records, damaged = read_segment(segment)
        number = int(segment.stem)
        if number > manifest.segments:
            parts.add_segment(number, records)
        dropped += damaged
        if damaged:
            segment.rename(segment.with_suffix(".wal.damaged"))
        else:
            segment.unlink()
        sync_folder(journal)
    if journal.is_dir() and not any(journal.iterdir()):
        journal.rmdir()
    if not manifest.complete:
        manifest.ending = Ending.RECOVERED
    manifest.complete = True
    write_manifest(folder, manifest)
    return Recovery(manifest.messages - before, dropped)


def unfinished_replacement(path: Path | str) -> Path | None:
    """Return the folder of a new session that was to replace the one at `path` and did not get ready, if there is one.

    It is a session folder by itself: recover() takes it, and so does `hftlab recover`.
    """
    new = Path(path).absolute() / REPLACEMENT
    return new if (new / MANIFEST).is_file() else None


def _drop_empty(new: Path) -> None:
    """Delete an unfinished replacement in which there are no rows."""
    if new.is_dir() and not _has_rows(new):
        shutil.rmtree(new)


def _has_rows(folder: Path) -> bool:
    if any(folder.glob("*/*.parquet")):
        return True
    segments = (folder / JOURNAL).glob("*.wal")
    return any(damaged or next(records, None) is not None for records, damaged in map(read_segment, segments))
