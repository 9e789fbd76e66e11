"""A recording in progress: a queue, and threads that write what it is given to disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import Any, Final

from hftlab.clock import check_time, in_words, wall_time
from hftlab.credentials import is_subject
from hftlab.errors import SessionError
from hftlab.forking import Home
from hftlab.log import get_logger
from hftlab.protocol import Message
from hftlab.recorder.byte_queue import ByteQueue
from hftlab.recorder.converter import Converter
from hftlab.recorder.recording_items import ControlRow, Drop, Item, RecordedMessage, UndecodedBytes
from hftlab.recorder.uploader import Uploader
from hftlab.session.manifest import Manifest
from hftlab.session.object_path import Location, ObjectPath, located
from hftlab.session.payloads import checked_payload
from hftlab.session.session import Session
from hftlab.session.spool import spool_folder
from hftlab.session.writer import SessionWriter

__all__ = ["Recording"]

_COMMIT: Final = 0.02
"""Seconds that rows may wait to be committed together."""
_BATCH: Final = 4 * 1024 * 1024
"""Bytes that are committed together at most: those behind them wait for it."""
_BUFFER: Final = 64 * 1024 * 1024
"""Bytes that may wait for the disk. What comes beyond them is dropped and counted, and the control table says so."""
_ITEM: Final = 256
"""Bytes that an item takes besides its payload."""
_IDLE: Final = 30.0
"""Seconds after which the process that makes Parquet ends if it has nothing to do: it keeps the memory of a segment."""
_RETRY: Final = 1.0
"""Seconds between attempts to go on after the disk has failed."""

_log = get_logger("hftlab.recorder")


class Recording:
    """Recorder that takes messages from any thread and never makes the caller wait for the disk.

    `recorded` counts the messages that are safe on disk, `dropped` those that were not taken. `close()` waits until all
    of them are Parquet. Raises SessionExists, and SessionBusy if another process writes in the folder.

    If the disk fails, because it is full for instance, `problem` says so in a sentence until it is well again, and the
    recording goes on then in a new segment of the journal. Up to 64 MiB of messages wait for that; those beyond are
    dropped, with a `drop` row in their place. If it is not well at the end, or if something else fails, `failure` is
    the exception, every further call raises SessionError, and the messages committed before stay in the journal for
    `hftlab recover`.

    The folder may be an address on an object store, such as "s3://bucket/path": the session then grows in a folder of
    this machine (hftlab.session.spool), parts are uploaded as they are sealed, and close() uploads the rest. While the
    store cannot be reached, `problem` says so and the recording goes on. Where the upload cannot be finished, the
    session stays in the folder, and ObjectStoreFailed says how to go on.

    With `overwrite` a session in the folder stays until market data or a private message is on disk. If none came, it
    is kept, nothing else is, and close() raises SessionError. Without `keep_empty` that holds for a new folder as well,
    unless something beside the tables `is_worth_keeping`.
    """

    def __init__(
        self,
        folder: PathLike[str] | str,
        *,
        source: dict[str, Any],
        overwrite: bool = False,
        keep_empty: bool = True,
    ) -> None:
        self._home = Home()
        self._process = Converter()
        place = located(folder)
        self._uploader = Uploader(place, overwrite=overwrite) if isinstance(place, ObjectPath) else None
        try:
            self._writer = SessionWriter(
                place if isinstance(place, Path) else spool_folder(place),
                source=source,
                overwrite=overwrite,
                convert_later=True,
                converter=self._process,
                buffer=_BUFFER,
            )
        except BaseException:
            if self._uploader is not None:
                self._uploader.give_up()
            raise
        self.folder = self._writer.folder
        self._keep_empty = keep_empty
        self.is_worth_keeping = False
        """True if there are files beside the tables, such as raw frames, for which a recording without rows is kept."""
        self.side_problems: list[Callable[[], str | None]] = []
        """Functions that say what is wrong with files beside the tables, such as raw frames."""
        self._nothing: str | None = None
        """Message of close() about a recording that was not kept because nothing came."""
        self.recorded = self.dropped = 0
        self.failure: BaseException | None = None
        self._problems: dict[str, str] = {}
        """Sentences about failures of the disk that last, by the thread that met them: `journal` or `parquet`."""
        self._untold: str | None = None
        self._unsafe = 0
        """Messages that the journal has and that are not on disk yet."""
        self._drop: Drop | None = None
        self._dropping = threading.Lock()
        self._queue: ByteQueue[Item] = ByteQueue(_BUFFER, _BATCH)
        self._full = threading.Event()
        """Set when a segment waits to be turned into Parquet, and at the end."""
        self._stops = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hftlab recorder", daemon=True)
        self._converter = threading.Thread(target=self._convert, name="hftlab recorder's Parquet", daemon=True)
        self._converter.start()
        self._thread.start()

    def message(
        self,
        message: Message,
        ts_recv: int,
        *,
        account: str | None = None,
        payload: bytes | None = None,
        steady: int | None = None,
    ) -> None:
        """Record a message received at `ts_recv` (ns). The rest is as in SessionWriter.append().

        Raises MessageParseError for a message that could not be replayed, and ValueError for an account or a time that
        cannot be one; the recording goes on without it.
        """
        ts_recv = check_time(ts_recv, "ts_recv")
        if account is not None and not is_subject(account):
            raise ValueError(f"account={account!r} is not a printable name of 1 to 128 characters")
        data = checked_payload(message) if payload is None else payload
        self._put(RecordedMessage(ts_recv, message, account, data, steady), ts_recv, len(data))

    def undecoded(self, payload: bytes, ts_recv: int, reason: str, *, steady: int | None = None) -> None:
        """Record bytes received at `ts_recv` (ns) that could not be decoded, and why.

        Raises ValueError for a time that cannot be one; the recording goes on.
        """
        ts_recv = check_time(ts_recv, "ts_recv")
        self._put(UndecodedBytes(payload, ts_recv, reason, steady), ts_recv, len(payload))

    def control(self, event: str, ts_recv: int, **what: Any) -> None:
        """Record a row of the control table, with some of its other columns (hftlab.session.tables) in `what`.

        Raises ValueError for a time that cannot be one.
        """
        self._put(ControlRow(event, check_time(ts_recv, "ts_recv"), what), ts_recv, 0)

    def close(self) -> Session:
        """Write the rows that are left and return the finished session. Closing again returns it again.

        Raises SessionError if the disk has failed, or if nothing came and the recording was therefore not kept.
        """
        self._home.check("this recording", "hl.record(...) or Recording(...)")
        self._queue.close()
        self._thread.join()
        if self.failure is not None and self._uploader is not None:
            self._uploader.stop()
        self._check()
        if self._nothing is not None:
            if self._uploader is not None:
                self._uploader.give_up()
            raise SessionError(self._nothing, path=self.folder)
        return Session(self.folder) if self._uploader is None else self._uploader.finish()

    def give_up(self) -> None:
        """End a recording that cannot begin: without market data nothing of it is kept, and an old session stays."""
        self._keep_empty = self.is_worth_keeping = False
        with suppress(SessionError):  # why it cannot begin is to be told, not this
            self.close()

    def hurry(self) -> None:
        """Have close() try once more to upload the session, and no longer: somebody wants to leave. From any thread."""
        if self._uploader is not None:
            self._uploader.hurry()

    @property
    def destination(self) -> Location:
        """Place of the finished session: its folder, or the address that it is uploaded to."""
        return self.folder if self._uploader is None else self._uploader.to

    @property
    def place(self) -> Path:
        """Folder in which the session grows: its own, or one within until it takes the place of an old session."""
        return self._writer.place

    @property
    def manifest(self) -> Manifest:
        """Manifest of the session as far as it is written."""
        return self._writer.manifest

    @property
    def waiting_bytes(self) -> int:
        """Size of what waits to be written into the journal."""
        return self._queue.size

    @property
    def waiting_segments(self) -> int:
        """The number of full segments of the journal that wait to become Parquet."""
        return self._writer.full_segments

    @property
    def problem(self) -> str | None:
        """Sentence that says what is wrong with the disk, or the upload, and what to do; None if nothing is."""
        upload = None if self._uploader is None else self._uploader.problem
        beside = [problem() for problem in self.side_problems]
        return "; ".join(one for one in (self._disk_problem, upload, *beside) if one is not None) or None

    @property
    def _disk_problem(self) -> str | None:
        return "; ".join(list(self._problems.values())) or None  # a copy: the recording's thread changes them

    def new_problem(self) -> SessionError | None:
        """Return what is wrong since this was asked last, None if nothing is."""
        told, self._untold = self._untold, None
        if told is None and self._uploader is not None:
            told = self._uploader.new_problem()
        return None if told is None else SessionError(told, path=self.folder)

    # --- the threads that give ---

    def _put(self, item: Item, at: int, size: int) -> None:
        self._home.check("this recording", "hl.record(...) or Recording(...)")
        if self.failure is None:
            if self._drop is not None:
                self._say_dropped()
            if self._drop is None and self._queue.put(item, size + _ITEM):
                return
        with self._dropping:
            self.dropped += not isinstance(item, ControlRow)
            if self._drop is None:
                self._drop = Drop(at)
            self._drop.add(item, at)
        self._check()
        if self._queue.is_closed:
            raise SessionError(f"the recording in {self.folder} was closed: begin another one", path=self.folder)

    def _say_dropped(self, *, beyond: bool = False) -> None:
        """Put a row about what was dropped where it is missing, once there is room."""
        with self._dropping:
            drop = self._drop
            if drop is None:
                return
            what = {
                "detail": f"{drop}: {self._disk_problem or 'the disk was too slow'}",
                "ts_from": drop.first,
                "ts_to": drop.last,
            }
            if self._queue.put(ControlRow("drop", drop.last, what), _ITEM, beyond=beyond):
                self._drop = None

    def _check(self) -> None:
        if self.failure is not None:
            raise SessionError(
                f"the recording in {self.folder} has ended early ({_reason(self.failure)}), with {self.recorded:,} "
                f"messages safe and {self.dropped:,} lost: repair or free the disk, then run `hftlab recover "
                f"{self._writer.place}`",
                path=self.folder,
            ) from self.failure

    # --- the thread that writes the journal ---

    def _run(self) -> None:
        try:
            is_last = False
            while not is_last:
                self._queue.wait()
                self._queue.gather(_COMMIT)
                is_closed = self._queue.is_closed
                if is_closed:
                    self._say_dropped(beyond=True)
                self._write(self._queue.take())
                is_last = is_closed and not self._queue.size
            self._stop_converting()
            if self.failure is not None:  # the session is not whole, whatever could still be done
                raise self.failure
            self._finish()
        except BaseException as exc:
            self.failure = exc
            _log.error("recording failed", folder=str(self.folder), error=_reason(exc))
            self._stop_converting()
            self._writer.abandon()
            with self._dropping:
                self.dropped += self._unsafe
                while left := self._queue.take():
                    self.dropped += sum(not isinstance(item, ControlRow) for item in left)

    def _write(self, items: Collection[Item]) -> None:
        """Commit the items together."""
        self._unsafe = sum(not isinstance(item, ControlRow) for item in items)
        for item in items:
            try:
                self._append(item)
            except ValueError as exc:  # longer than the journal takes: it costs itself alone
                self._refuse(item, exc)
        self._commit()
        self.recorded += self._unsafe
        self._unsafe = 0
        if self._writer.full_segments:
            self._full.set()

    def _append(self, item: Item) -> None:
        match item:
            case RecordedMessage():
                self._writer.append(
                    item.message, item.ts_recv, account=item.account, payload=item.payload, steady=item.steady
                )
            case UndecodedBytes():
                self._writer.undecoded(item.payload, item.ts_recv, item.reason, steady=item.steady)
            case ControlRow():
                self._writer.control(item.name, item.ts_recv, **item.what)

    def _refuse(self, item: Item, error: ValueError) -> None:
        at = item.ts_recv
        self._writer.control("drop", at, detail=f"1 message: {error}", ts_from=at, ts_to=at)
        is_message = not isinstance(item, ControlRow)
        with self._dropping:
            self.dropped += is_message
        self._unsafe -= is_message
        _log.error("a message was not recorded", folder=str(self.folder), error=str(error))

    def _commit(self) -> None:
        """Commit; if the disk fails, wait until it is well. Raises OSError if it is not when the recording ends."""
        try:
            self._writer.commit()
        except OSError as exc:
            self._tell("journal", f"nothing is recorded in {self.folder} at present ({_reason(exc)}): {_ADVICE}")
            while not self._resumed(is_last=self._queue.wait_closed(_RETRY)):
                pass
            self._tell("journal", None)

    def _resumed(self, *, is_last: bool) -> bool:
        try:
            self._writer.resume()
        except OSError:
            if is_last:
                raise
            return False
        return True

    def _finish(self) -> None:
        if self._writer.loses_data:
            self._nothing = f"no market data came, so that nothing is recorded: the session in {self.folder} is kept"
        elif not (self._keep_empty or self.is_worth_keeping or self._writer.has_data):
            self._nothing = f"no market data came, so that nothing is recorded in {self.folder}"
        if self._nothing is None:
            self._writer.close()
        else:
            self._writer.give_up()

    def _tell(self, what: str, problem: str | None) -> None:
        """Note that the disk has failed, or is well again."""
        if problem is not None:
            if what not in self._problems:
                self._untold = problem
                _log.error(problem)
            self._problems[what] = problem
        elif self._problems.pop(what, None) is not None:
            _log.warning("recording goes on", folder=str(self.folder), at=in_words(wall_time()), dropped=self.dropped)

    # --- the thread that makes Parquet of the journal ---

    def _convert(self) -> None:
        while not self._stops.is_set():
            if not self._full.wait(_IDLE):
                self._process.stop()
                continue
            self._full.clear()
            try:
                while not self._stops.is_set() and self._writer.convert():
                    if self._uploader is not None:
                        self._uploader.look()
                self._tell("parquet", None)
            except OSError as exc:
                self._tell("parquet", f"the journal in {self.folder} cannot become Parquet ({_reason(exc)}): {_ADVICE}")
                self._stops.wait(_RETRY)
                self._full.set()
            except BaseException as exc:
                self.failure = exc
                _log.error("recording failed", folder=str(self.folder), error=_reason(exc))
                return

    def _stop_converting(self) -> None:
        self._stops.set()
        self._full.set()
        self._converter.join()


_ADVICE: Final = "free or repair the disk, and the recording goes on by itself"


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
