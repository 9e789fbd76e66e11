"""Writes a session: messages to the journal, full segments to Parquet parts."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from hftlab.errors import SessionExists
from hftlab.protocol import JSON, Message
from hftlab.session.journal import JOURNAL, Journal, Record, read_segment
from hftlab.session.manifest import MANIFEST, Manifest, read_manifest, sync_folder, write_manifest
from hftlab.session.parts import Parts
from hftlab.session.tables import CONTROL, EVENTS, TABLES, table_of

__all__ = ["SessionWriter"]

_OURS: Final = {MANIFEST, f"{MANIFEST}.tmp", JOURNAL, EVENTS, *(table.name for table in TABLES)}

SEGMENT_BYTES: Final = 32 * 1024 * 1024
"""A journal segment of this size becomes one Parquet part per table."""


class SessionWriter:
    """Not thread-safe; one writer a folder. Raises SessionExists if the folder holds anything already.

    `append` and `control` take what came; nothing of it is promised before `commit()` has returned. `close()` turns the
    rest of the journal into Parquet and marks the session complete. `source` says in the manifest what was recorded.
    """

    def __init__(
        self, folder: Path | str, *, source: dict[str, Any], overwrite: bool = False, segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        self.folder = Path(folder)
        self._segment_bytes = segment_bytes
        _prepare(self.folder, overwrite=overwrite)
        self.manifest = Manifest(source=source, hftlab=version("hftlab"))
        self._parts = Parts(self.folder, self.manifest)
        self._latest = 0
        self._segment = 0
        self._journal_folder = self.folder / JOURNAL
        self._journal_folder.mkdir()
        write_manifest(self.folder, self.manifest)
        self._journal = self._open_segment()

    def append(self, message: Message, ts_recv: int) -> None:
        """Add one message received at `ts_recv` (ns)."""
        self._journal.append(Record(table_of(message), self._in_order(ts_recv), JSON.encode(message)))

    def control(self, event: str, ts_recv: int, **what: Any) -> None:
        """Add one row of the control table: `channel`, `first`, `last` and `detail` go with the event."""
        payload = msgspec.json.encode({"event": event, **what})
        self._journal.append(Record(CONTROL, self._in_order(ts_recv), payload))

    def events(self, frame: pl.DataFrame) -> None:
        """Add order-level events, as `event_rows()` makes them, as one Parquet part of their own."""
        self._parts.add_frame(EVENTS, frame)

    def commit(self) -> None:
        """Make durable what was added so far."""
        self._journal.commit()
        if self._journal.size >= self._segment_bytes:
            self._finish_segment()
            self._journal = self._open_segment()

    def close(self) -> Manifest:
        self._finish_segment()
        self._journal_folder.rmdir()
        self.manifest.complete = True
        write_manifest(self.folder, self.manifest)
        return self.manifest

    def abandon(self) -> None:
        """Stop without finishing; what was committed stays for recover()."""
        self._journal.abandon()

    def _in_order(self, ts_recv: int) -> int:
        """A wall clock may step back; a session is sorted by ts_recv all the same."""
        self._latest = max(ts_recv, self._latest)
        return self._latest

    def _open_segment(self) -> Journal:
        self._segment += 1
        journal = Journal(self._journal_folder / f"{self._segment:06d}.wal")
        sync_folder(self._journal_folder)
        return journal

    def _finish_segment(self) -> None:
        """Journal to Parquet; the segment goes only when its parts are on disk and in the manifest."""
        self._journal.close()
        records, _ = read_segment(self._journal.path)
        self._parts.add_segment(self._segment, records)
        self._journal.path.unlink()
        sync_folder(self._journal_folder)


def _prepare(folder: Path, *, overwrite: bool) -> None:
    """An empty folder to write in; only a session is ever overwritten, never anything else."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        if not overwrite:
            raise SessionExists(
                f"{folder} is there already: record to another folder, or pass overwrite=True to replace a session",
                path=folder,
            )
        _clear(folder)
    folder.mkdir(parents=True, exist_ok=True)
    sync_folder(folder.parent)


def _clear(folder: Path) -> None:
    """Delete the session in a folder, if it is one and there is nothing else."""
    read_manifest(folder)
    foreign = sorted(entry.name for entry in folder.iterdir() if entry.name not in _OURS)
    if foreign:
        raise SessionExists(
            f"{folder} holds more than a session ({', '.join(foreign)}): move that away, or record to another folder",
            path=folder,
        )
    for entry in sorted(folder.iterdir(), key=_manifest_last):
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _manifest_last(entry: Path) -> bool:
    """A deletion that is interrupted leaves a session, so that it can be tried again."""
    return entry.name == MANIFEST
