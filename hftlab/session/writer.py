"""Writes a session: messages into the journal, and full journal segments into Parquet parts."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from hftlab.credentials import is_subject
from hftlab.errors import SessionExists
from hftlab.protocol import JSON, Message
from hftlab.protocol.order_messages import PRIVATE_MESSAGES
from hftlab.session.journal import JOURNAL, Journal, Record, read_segment
from hftlab.session.manifest import MANIFEST, Manifest, read_manifest, sync_folder, write_manifest
from hftlab.session.parts import Parts
from hftlab.session.table_ids import EVENTS, TableId, table_of
from hftlab.version import __version__

__all__ = ["SessionWriter"]

_OURS: Final = {MANIFEST, f"{MANIFEST}.tmp", JOURNAL, EVENTS, *(table.folder for table in TableId)}

SEGMENT_BYTES: Final = 32 * 1024 * 1024
"""Size at which a journal segment is turned into one Parquet part per table."""


class SessionWriter:
    """Writer of one session folder. Not thread-safe; there must be no other writer of the folder.

    Rows that `append` and `control` have added are safe once `commit()` has returned. `close()` turns the rest of the
    journal into Parquet and marks the session complete. `source` says in the manifest what was recorded. Raises
    SessionExists if the folder is not empty; with `overwrite` a session in it is replaced, but never anything else.
    """

    def __init__(
        self, folder: Path | str, *, source: dict[str, Any], overwrite: bool = False, segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        self.folder = Path(folder)
        self._segment_bytes = segment_bytes
        _prepare(self.folder, overwrite=overwrite)
        self.manifest = Manifest(source=source, hftlab=__version__)
        self._parts = Parts(self.folder, self.manifest)
        self._latest = 0
        self._segment = 0
        self._journal_folder = self.folder / JOURNAL
        self._journal_folder.mkdir()
        write_manifest(self.folder, self.manifest)
        self._journal = self._open_segment()

    def append(
        self, message: Message, ts_recv: int, *, account: str | None = None, payload: bytes | None = None
    ) -> None:
        """Add one message received at `ts_recv` (ns).

        `account` is whose a private message is; public messages are stored without one. `payload` is the JSON that
        the message was decoded from: it is stored as it is, which spares encoding the message again. Raises ValueError
        for an account that cannot be one.
        """
        if account is not None and not is_subject(account):
            raise ValueError(f"account={account!r} is not a printable name of 1 to 128 characters")
        owner = account if isinstance(message, PRIVATE_MESSAGES) else None
        data = JSON.encode(message) if payload is None else payload
        self._journal.append(Record(table_of(message), self._in_order(ts_recv), data, owner))

    def control(self, event: str, ts_recv: int, **what: Any) -> None:
        """Add one row to the control table; `what` may be `channel`, `first`, `last` and `detail`."""
        payload = msgspec.json.encode({"event": event, **what})
        self._journal.append(Record(TableId.CONTROL, self._in_order(ts_recv), payload))

    def events(self, frame: pl.DataFrame) -> None:
        """Write order-level events, as `event_rows()` makes them, as one Parquet part of their own."""
        self._parts.add_frame(EVENTS, frame)

    def commit(self) -> None:
        """Make durable everything added so far; returns when it is on disk."""
        self._journal.commit()
        if self._journal.size >= self._segment_bytes:
            self._finish_segment()
            self._journal = self._open_segment()

    def close(self) -> Manifest:
        """Finish the session: turn the journal into Parquet, mark the manifest complete and return it."""
        self._finish_segment()
        self._journal_folder.rmdir()
        self.manifest.complete = True
        write_manifest(self.folder, self.manifest)
        return self.manifest

    def abandon(self) -> None:
        """Stop without finishing the session; committed rows stay in the journal for recover()."""
        self._journal.abandon()

    def _in_order(self, ts_recv: int) -> int:
        """Return the time to store: never before the previous row's, even if the wall clock has stepped back."""
        self._latest = max(ts_recv, self._latest)
        return self._latest

    def _open_segment(self) -> Journal:
        self._segment += 1
        journal = Journal(self._journal_folder / f"{self._segment:06d}.wal")
        sync_folder(self._journal_folder)
        return journal

    def _finish_segment(self) -> None:
        """Turn the segment into Parquet, and delete it once its parts are on disk and in the manifest."""
        self._journal.close()
        records, _ = read_segment(self._journal.path)
        self._parts.add_segment(self._segment, records)
        self._journal.path.unlink()
        sync_folder(self._journal_folder)


def _prepare(folder: Path, *, overwrite: bool) -> None:
    """Make an empty folder to write in. Only a session is ever overwritten."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        if not overwrite:
            raise SessionExists(
                f"{folder} exists already: record to another folder, or pass overwrite=True (on the command line "
                "--overwrite) to replace a session",
                path=folder,
            )
        _clear(folder)
    folder.mkdir(parents=True, exist_ok=True)
    sync_folder(folder.parent)


def _clear(folder: Path) -> None:
    """Delete the session in a folder. Raises SessionNotFound or SessionExists if that is not all that is there."""
    read_manifest(folder)
    foreign = sorted(entry.name for entry in folder.iterdir() if entry.name not in _OURS)
    if foreign:
        raise SessionExists(
            f"{folder} contains files that are not part of a session ({', '.join(foreign)}): move them away, or record "
            "to another folder",
            path=folder,
        )
    for entry in sorted(folder.iterdir(), key=_manifest_last):
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _manifest_last(entry: Path) -> bool:
    """Sort the manifest behind all else: a deletion that is interrupted leaves a session that can be deleted again."""
    return entry.name == MANIFEST
