"""Writes a session: messages into the journal, and full journal segments into Parquet parts."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
import polars as pl

from hftlab.clock import check_time
from hftlab.credentials import is_subject
from hftlab.errors import SessionError, SessionExists, SessionNotFound
from hftlab.printable import printable
from hftlab.protocol import Message
from hftlab.protocol.order_messages import PRIVATE_MESSAGES
from hftlab.session.conversion import convert_segment
from hftlab.session.journal import JOURNAL, Journal
from hftlab.session.journal_record import Record
from hftlab.session.lock import LOCK, SessionLock
from hftlab.session.manifest import Ending, Manifest, read_manifest, sync_folder, write_manifest
from hftlab.session.object_path import local_folder
from hftlab.session.parts import Parts
from hftlab.session.payloads import checked_payload
from hftlab.session.replacement import (
    OURS,
    TEMPORARY,
    finish_replacement,
    replace_session,
    start_replacement,
    strangers,
)
from hftlab.session.table_ids import DATA_MESSAGES, EVENTS, TableId, table_of
from hftlab.session.time_order import TimeOrder
from hftlab.version import __version__

__all__ = ["SessionWriter"]

SEGMENT_BYTES: Final = 64 * 1024 * 1024
"""Size at which a journal segment is sealed, to be turned into one Parquet part per table."""


class SegmentConverter(Protocol):
    """Converter of segments into Parquet that works in a writer's place."""

    def convert(self, segment: Path, locks: Collection[int]) -> bool:
        """Write a segment's parts and its folder's manifest, or return False; `locks` are open files to be kept."""
        ...

    def stop(self) -> None:
        """Let go of the folder."""
        ...


class SessionWriter:
    """Writer of one session folder, which it locks. Not thread-safe, but for convert().

    Rows that `append` and `control` have added are safe once `commit()` has returned. After a commit that raised
    OSError, `resume()` goes on when the disk is well again. `close()` turns the rest of the journal into Parquet and
    marks the session complete. `source` says in the manifest what was recorded. `folder` is absolute from the start: a
    change of the working directory does not move it. With `convert_later` commit() leaves full segments of the journal
    to whoever calls `convert()`, which may be another thread. `converter` does the work if it can.

    Raises SessionBusy if another process writes there, and SessionExists if the folder is not empty. With `overwrite`
    a session in it is replaced, but never anything else, and not before the first market data or private message of the
    new one is on disk; with `when_whole` not before `close()`. Until then the new session grows beside the old one, in
    `place`.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        source: dict[str, Any],
        overwrite: bool = False,
        when_whole: bool = False,
        segment_bytes: int = SEGMENT_BYTES,
        convert_later: bool = False,
        converter: SegmentConverter | None = None,
        buffer: int | None = None,
    ) -> None:
        self.folder = local_folder(folder, "is written")
        self._converter = converter
        self._convert_later = convert_later
        self._segment_bytes = segment_bytes
        self._when_whole = when_whole
        self._made: list[Path] = []
        """Folders that did not exist, the innermost first."""
        self.manifest = Manifest(source=source, hftlab=__version__, ending=Ending.RUNNING, buffer=buffer)
        self.has_data = False
        """True if a message that a replay streams, or an event, was added."""
        self._order = TimeOrder()
        self._segment = self._number = 0
        self._sealed: deque[int] = deque()
        """Numbers of the segments that wait for convert()."""
        self.place = self.folder
        self._locks: list[SessionLock] = []
        self.old: Manifest | None = None
        """Manifest of the session that is still to be replaced, None if there is none."""
        self._counts = False
        """True once the new session counts though the old one is not deleted: recover() finishes that."""
        self._start(overwrite=overwrite)

    def _start(self, *, overwrite: bool) -> None:
        """Lock the folder and begin the session, beside the old one if there is one."""
        _check(self.folder, overwrite=overwrite)  # before a file is made in a folder that may be somebody else's
        self._made = _make(self.folder)
        self._locks.append(SessionLock(self.folder))
        try:
            self.old = _check(self.folder, overwrite=overwrite)  # another process may have been there meanwhile
        except BaseException:
            self._unlock()
            raise
        try:
            if self.old is not None:
                finish_replacement(self.folder)
                self.place = start_replacement(self.folder)
                self._locks.append(SessionLock(self.place))
            self._parts = Parts(self.place, self.manifest)
            write_manifest(self.place, self.manifest)
            (self.place / JOURNAL).mkdir(exist_ok=True)
            sync_folder(self.place)
            self._journal = self._open_segment()
        except BaseException:
            if self.old is None:
                self._remove()
            self._unlock()
            raise

    @property
    def loses_data(self) -> bool:
        """True if close() would replace a session that holds data, or may, by one that holds none."""
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
        ValueError for an account or a time that cannot be one.
        """
        if account is not None and not is_subject(account):
            raise ValueError(f"account={account!r} is not a printable name of 1 to 128 characters")
        owner = account if isinstance(message, PRIVATE_MESSAGES) else None
        data = checked_payload(message) if payload is None else payload
        self._add(table_of(message), ts_recv, data, owner, steady)
        self.has_data = self.has_data or isinstance(message, DATA_MESSAGES)

    def undecoded(self, payload: bytes, ts_recv: int, reason: str, *, steady: int | None = None) -> None:
        """Add bytes that were received at `ts_recv` (ns) and could not be decoded, with the reason why."""
        self._add(TableId.MESSAGES, ts_recv, payload, None, steady, printable(reason))

    def control(self, event: str, ts_recv: int, **what: Any) -> None:
        """Add one row to the control table, with some of its other columns (hftlab.session.tables) in `what`."""
        self._add(TableId.CONTROL, ts_recv, msgspec.json.encode({"event": event, **what}))

    def events(self, frame: pl.DataFrame) -> None:
        """Write order-level events, as `event_rows()` makes them, as one Parquet part of their own."""
        self._parts.add_frame(EVENTS, frame)
        self.has_data = self.has_data or frame.height > 0

    def commit(self) -> None:
        """Make durable everything added so far; returns when it is on disk. Raises OSError, until resume() succeeds."""
        self._journal.commit()
        if self.old is not None and self.has_data and not self._when_whole:
            self._rotate()
            self._convert_all()
            self._replace()  # its journal must be Parquet: the old session's is deleted
        elif self._journal.size >= self._segment_bytes:
            with suppress(OSError):  # the segment goes on, and the next commit tells if the disk does not
                self._rotate()
            if not self._convert_later:
                self._convert_all()

    def resume(self) -> None:
        """Go on after a commit() that raised OSError: write what it did not into a new segment. Raises OSError."""
        old = self._journal
        self._segment += 1  # also if that fails: the file may be there then
        self._journal = old.continued(self._segment_path(self._segment))
        self._sealed.append(_number(old))
        sync_folder(self._journal.path.parent)
        self.commit()

    @property
    def full_segments(self) -> int:
        """The number of segments that wait for convert()."""
        return len(self._sealed) if self.old is None else 0

    def convert(self) -> bool:
        """Turn the oldest full segment of the journal into Parquet; False if there is none. Raises OSError.

        It may be called on another thread than the other methods, as long as only one calls it, and none close(). While
        there is a session to be replaced it does nothing: commit() does it all, as the folder moves then.
        """
        if not self.full_segments:
            return False
        self._convert_oldest()
        return True

    def _convert_oldest(self) -> None:
        path = self._segment_path(self._sealed[0])
        locks = [descriptor for lock in self._locks for descriptor in lock.descriptors()]
        if self._sealed[0] > self.manifest.segments:  # else only what follows has failed before
            if self._converter is not None and self._converter.convert(path, locks):
                self.manifest.update(read_manifest(self.place))
            else:
                convert_segment(self._parts, path)
        path.unlink(missing_ok=True)
        sync_folder(path.parent)
        self._sealed.popleft()

    def close(self) -> Manifest:
        """Finish the session: turn the journal into Parquet, mark the manifest complete and return it."""
        self._journal.close()
        self._sealed.append(_number(self._journal))
        self._convert_all()
        _remove_journal(self.place / JOURNAL)
        extent = self.manifest.source.get("extent")
        self.manifest.complete = not isinstance(extent, dict) or bool(extent.get("whole", True))
        self.manifest.ending = Ending.CLOSED
        write_manifest(self.place, self.manifest)
        if self.old is not None:
            self._replace()
        self._unlock()
        return self.manifest

    def abandon(self) -> None:
        """Stop without finishing the session; committed rows stay in the journal for recover()."""
        self._journal.abandon()
        self._unlock()

    def give_up(self) -> None:
        """Stop, and delete what was written unless data was put where recover() finds it.

        A session that was to be replaced stays, or the new one if it counts already. Folders that were made for nothing
        go.
        """
        self._journal.abandon()
        if self._counts:
            pass
        elif self.old is not None:
            shutil.rmtree(self.place, ignore_errors=True)  # whatever went wrong is to be told, not this
        elif not self.has_data and self.folder.is_dir():
            self._remove()
        self._unlock()

    def _add(
        self,
        table: TableId,
        ts_recv: int,
        payload: bytes,
        account: str | None = None,
        steady: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Add a row at a time that is never before the previous row's, behind a row about the clock if it stepped."""
        ts_recv = check_time(ts_recv, "ts_recv")
        at, step = self._order.place(ts_recv, steady)
        clock = None if at == ts_recv else ts_recv
        if step is not None:
            times = {} if step.corrects else {"ts_from": step.before, "ts_to": step.after}
            what = {"event": "clock", "detail": step.detail, **times}
            self._journal.append(Record(TableId.CONTROL, at, msgspec.json.encode(what), None, clock, self._number))
            self._number += 1
        self._journal.append(Record(table, at, payload, account, clock, self._number, reason))
        self._number += 1

    def _replace(self) -> None:
        """Put the new session, whose journal must be Parquet already, in the place of the old one."""
        try:
            replace_session(self.folder)
        except OSError as exc:
            if not self.place.is_dir():  # it counts already, and moves
                self.place, self._counts = self.folder, True
                raise SessionError(
                    f"the old session in {self.folder} could not be deleted ({exc.strerror or exc}); the new one is "
                    f"whole up to here: run `hftlab recover {self.folder}`, which finishes that",
                    path=self.folder,
                ) from exc
            raise
        self._locks.pop().release()  # that of the new session's own folder, which ceased to be
        self.place = self._parts.folder = self.folder
        self.old = None

    def _remove(self) -> None:
        """Delete the session, and the folders that were made for it if nothing else is in them."""
        with suppress(OSError):  # whatever went wrong is to be told, not this
            for entry in self.folder.iterdir():
                if entry.name in OURS:
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            for folder in self._made:
                if any(folder.iterdir()):
                    return
                folder.rmdir()

    def _unlock(self) -> None:
        if self._converter is not None:
            self._converter.stop()  # before it is locked no more
        while self._locks:
            self._locks.pop().release()

    def _segment_path(self, number: int) -> Path:
        return self.place / JOURNAL / f"{number:06d}.wal"

    def _rotate(self) -> None:
        """Go on in a new segment; the old one, which is committed, waits for convert()."""
        old, self._journal = self._journal, self._open_segment()
        with suppress(OSError):  # all that matters is in it: it only lacks its seal
            old.close()
        self._sealed.append(_number(old))  # last: from here on another thread may read it, and delete it

    def _open_segment(self) -> Journal:
        self._segment += 1
        journal = Journal(self._segment_path(self._segment))
        try:
            sync_folder(journal.path.parent)
        except OSError:
            with suppress(OSError):
                journal.abandon()
                journal.path.unlink()
            raise
        return journal

    def _convert_all(self) -> None:
        while self._sealed:
            self._convert_oldest()


def _check(folder: Path, *, overwrite: bool) -> Manifest | None:
    """Return the manifest of the session in a folder that may be replaced, None if there is none in the folder.

    Raises SessionExists, SessionNotFound or SessionDamaged if something is there that may not be.
    """
    if not folder.exists() or (folder.is_dir() and all(map(_is_beginning, folder.iterdir()))):
        return None
    if not overwrite:
        raise SessionExists(
            f"{folder} exists already: record to another folder, or pass overwrite=True (on the command line "
            "--overwrite) to replace a session",
            path=folder,
        )
    try:
        manifest = read_manifest(folder)
    except SessionNotFound:
        raise SessionNotFound(
            f"{folder} is not a recorded session, and nothing else is replaced: record to another folder, or move away "
            "what is there",
            path=folder,
        ) from None
    foreign = strangers(folder)
    if foreign:
        raise SessionExists(
            f"{folder} contains files that are not part of a session ({', '.join(foreign)}): move them away, or record "
            "to another folder",
            path=folder,
        )
    return manifest


def _is_beginning(entry: Path) -> bool:
    """True if it is what a process leaves that ended before it had written its first manifest."""
    return entry.name in (TEMPORARY, LOCK)


def _make(folder: Path) -> list[Path]:
    """Make a folder; returns those that did not exist, the innermost first."""
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in made:
        sync_folder(one.parent)
    return made


def _number(journal: Journal) -> int:
    return int(journal.path.stem)


def _remove_journal(folder: Path) -> None:
    """Delete a journal's folder, with the files that could not be begun. It stays if files of others are in it."""
    for path in folder.glob("*.wal"):
        if path.stat().st_size == 0:
            path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()
