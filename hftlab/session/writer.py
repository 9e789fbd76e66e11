"""Writes a session: messages into the journal, and full journal segments into Parquet parts."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from hftlab.credentials import is_subject
from hftlab.errors import SessionExists
from hftlab.protocol import Message
from hftlab.protocol.order_messages import PRIVATE_MESSAGES
from hftlab.session.journal import JOURNAL, Journal, Record, read_segment
from hftlab.session.manifest import MANIFEST, Ending, Manifest, read_manifest, sync_folder, write_manifest
from hftlab.session.parts import Parts
from hftlab.session.payloads import checked_payload
from hftlab.session.replacement import finish_replacement, replace_session, start_replacement, strangers
from hftlab.session.table_ids import DATA_MESSAGES, EVENTS, TableId, table_of
from hftlab.session.time_order import TimeOrder
from hftlab.version import __version__

__all__ = ["SessionWriter"]

_TEMPORARY: Final = f"{MANIFEST}.tmp"
_OURS: Final = {MANIFEST, _TEMPORARY, JOURNAL, EVENTS, *(table.folder for table in TableId)}

SEGMENT_BYTES: Final = 32 * 1024 * 1024
"""Size at which a journal segment is turned into one Parquet part per table."""


class SessionWriter:
    """Writer of one session folder. Not thread-safe; there must be no other writer of the folder.

    Rows that `append` and `control` have added are safe once `commit()` has returned. `close()` turns the rest of the
    journal into Parquet and marks the session complete. `source` says in the manifest what was recorded. `folder` is
    absolute from the start: a change of the working directory does not move it.

    Raises SessionExists if the folder is not empty. With `overwrite` a session in it is replaced, but never anything
    else, and not before the first market data or private message of the new one is on disk; with `when_whole` not
    before `close()`. Until then the new session grows beside the old one, in `place`.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        source: dict[str, Any],
        overwrite: bool = False,
        when_whole: bool = False,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self.folder = Path(folder).absolute()
        self._segment_bytes = segment_bytes
        self._when_whole = when_whole
        self._made: list[Path] = []
        """Folders that did not exist, the innermost first."""
        self.old = _replaceable(self.folder, overwrite=overwrite)
        """Manifest of the session that is still to be replaced, None if there is none."""
        self.manifest = Manifest(source=source, hftlab=__version__, ending=Ending.RUNNING)
        self.has_data = False
        """Whether a message that a replay streams, or an event, was added."""
        self._order = TimeOrder()
        self._segment = 0
        self.place = self.folder
        if self.old is None:
            self._made = _make(self.folder)
        else:
            self.place = start_replacement(self.folder)
        self._parts = Parts(self.place, self.manifest)
        write_manifest(self.place, self.manifest)
        (self.place / JOURNAL).mkdir()
        self._journal = self._open_segment()

    @property
    def loses_data(self) -> bool:
        """Whether close() would replace a session that holds data, or may, by one that holds none."""
        old = self.old
        return not self.has_data and old is not None and (not old.complete or bool(old.symbols or old.rows(EVENTS)))

    def append(
        self,
        message: Message,
        ts_recv: int,
        *,
        account: str | None = None,
        payload: bytes | None = None,
        steady: int | None = None,
    ) -> None:
        """Add one message received at `ts_recv` (ns).

        `account` is whose a private message is; public messages are stored without one. `payload` is the JSON that
        the message was decoded from: it is stored as it is, which spares encoding the message again. `steady` is a
        monotonic clock's reading at the time of reception (ns), by which steps of the wall clock are recognised.

        Raises MessageParseError for a message that could not be decoded again, such as one with a price of NaN, and
        ValueError for an account that cannot be one.
        """
        if account is not None and not is_subject(account):
            raise ValueError(f"account={account!r} is not a printable name of 1 to 128 characters")
        owner = account if isinstance(message, PRIVATE_MESSAGES) else None
        data = checked_payload(message) if payload is None else payload
        self._add(table_of(message), ts_recv, data, owner, steady)
        self.has_data = self.has_data or isinstance(message, DATA_MESSAGES)

    def control(self, event: str, ts_recv: int, **what: Any) -> None:
        """Add one row to the control table, with some of its other columns (hftlab.session.tables) in `what`."""
        self._add(TableId.CONTROL, ts_recv, msgspec.json.encode({"event": event, **what}))

    def events(self, frame: pl.DataFrame) -> None:
        """Write order-level events, as `event_rows()` makes them, as one Parquet part of their own."""
        self._parts.add_frame(EVENTS, frame)
        self.has_data = self.has_data or frame.height > 0

    def commit(self) -> None:
        """Make durable everything added so far; returns when it is on disk."""
        self._journal.commit()
        replaces = self.old is not None and self.has_data and not self._when_whole
        if replaces or self._journal.size >= self._segment_bytes:
            self._finish_segment()
            if replaces:
                self._replace()
            self._journal = self._open_segment()

    def close(self) -> Manifest:
        """Finish the session: turn the journal into Parquet, mark the manifest complete and return it."""
        self._finish_segment()
        (self.place / JOURNAL).rmdir()
        self.manifest.complete = True
        self.manifest.ending = Ending.CLOSED
        write_manifest(self.place, self.manifest)
        if self.old is not None:
            self._replace()
        return self.manifest

    def abandon(self) -> None:
        """Stop without finishing the session; committed rows stay in the journal for recover()."""
        self._journal.abandon()

    def give_up(self) -> None:
        """Stop, and delete what was written unless data was put where recover() finds it.

        A session that was to be replaced stays, and folders that were made for nothing go.
        """
        self.abandon()
        if self.old is not None:
            shutil.rmtree(self.place, ignore_errors=True)  # whatever went wrong is to be told, not this
        elif not self.has_data and self.folder.is_dir():
            self._remove()

    def _add(
        self, table: TableId, ts_recv: int, payload: bytes, account: str | None = None, steady: int | None = None
    ) -> None:
        """Add a row at a time that is never before the previous row's, behind a row about the clock if it stepped."""
        at, step = self._order.place(ts_recv, steady)
        clock = None if at == ts_recv else ts_recv
        if step is not None:
            what = {"event": "clock", "detail": step.detail, "ts_from": step.before, "ts_to": step.after}
            self._journal.append(Record(TableId.CONTROL, at, msgspec.json.encode(what), None, clock))
        self._journal.append(Record(table, at, payload, account, clock))

    def _replace(self) -> None:
        """Put the new session, whose journal must be Parquet already, in the place of the old one."""
        replace_session(self.folder)
        self.old, self.place = None, self.folder
        self._parts.folder = self.folder

    def _remove(self) -> None:
        """Delete the session, and the folders that were made for it if nothing else is in them."""
        for entry in self.folder.iterdir():
            if entry.name in _OURS:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        for folder in self._made:
            if any(folder.iterdir()):
                return
            folder.rmdir()

    def _open_segment(self) -> Journal:
        self._segment += 1
        folder = self.place / JOURNAL
        journal = Journal(folder / f"{self._segment:06d}.wal")
        sync_folder(folder)
        return journal

    def _finish_segment(self) -> None:
        """Turn the segment into Parquet, and delete it once its parts are on disk and in the manifest."""
        self._journal.close()
        records, _ = read_segment(self._journal.path)
        self._parts.add_segment(self._segment, records)
        self._journal.path.unlink()
        sync_folder(self._journal.path.parent)


def _replaceable(folder: Path, *, overwrite: bool) -> Manifest | None:
    """Return the manifest of the session in a folder that may be replaced, None if nothing is in the folder.

    Raises SessionExists, SessionNotFound or SessionDamaged if something is there that may not be.
    """
    if not folder.exists() or (folder.is_dir() and all(entry.name == _TEMPORARY for entry in folder.iterdir())):
        return None
    if not overwrite:
        raise SessionExists(
            f"{folder} exists already: record to another folder, or pass overwrite=True (on the command line "
            "--overwrite) to replace a session",
            path=folder,
        )
    manifest = read_manifest(folder)
    foreign = strangers(folder, _OURS)
    if foreign:
        raise SessionExists(
            f"{folder} contains files that are not part of a session ({', '.join(foreign)}): move them away, or record "
            "to another folder",
            path=folder,
        )
    finish_replacement(folder)
    return manifest


def _make(folder: Path) -> list[Path]:
    """Make a folder; returns those that did not exist, the innermost first."""
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    sync_folder(folder.parent)
    return made
