"""Recovery of a recording that a crash interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from hftlab.session.journal import JOURNAL, read_segment
from hftlab.session.manifest import read_manifest, sync_folder, write_manifest
from hftlab.session.parts import Parts

__all__ = ["Recovery", "recover"]


class Recovery(NamedTuple):
    """Result of a recovery: messages taken from the journal, and bytes of its segments that were torn or damaged."""

    messages: int
    dropped_bytes: int


def recover(path: Path | str) -> Recovery:
    """Turn the journal that a crash left into Parquet and mark the session complete.

    Every committed record is kept. A segment with a damaged end stays in the folder as `*.wal.damaged`. Never call this
    while a recording is running in the folder. Raises SessionNotFound, SessionTooNew or SessionDamaged.
    """
    folder = Path(path)
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
    manifest.complete = True
    write_manifest(folder, manifest)
    return Recovery(manifest.messages - before, dropped)
