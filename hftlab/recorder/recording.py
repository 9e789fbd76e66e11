"""A recording in progress: a queue and a thread that write what it is given to disk."""

from __future__ import annotations

import queue
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from hftlab.clock import wall_time
from hftlab.credentials import is_subject
from hftlab.errors import SessionError
from hftlab.log import get_logger
from hftlab.protocol import Message
from hftlab.session.manifest import Manifest
from hftlab.session.payloads import checked_payload
from hftlab.session.session import Session
from hftlab.session.writer import SessionWriter
from hftlab.source import Timed

__all__ = ["Recording"]

_COMMIT: Final = 0.05
"""Seconds that rows may wait to be committed together."""
_QUEUE: Final = 500_000
"""Rows that may wait for the disk. More are dropped and counted, and the session's control table says how many."""
_BATCH: Final = 10_000
"""Rows committed together at most."""

_log = get_logger("hftlab.recorder")


class _Message(NamedTuple):
    """A message, and a monotonic clock's reading when it was received."""

    item: Timed[Message]
    steady: int | None


class _Event(NamedTuple):
    """A row of the control table."""

    name: str
    ts_recv: int
    what: dict[str, Any]


_Item = _Message | _Event | None


class Recording:
    """Recorder that takes messages from any thread and never makes the caller wait for the disk.

    `recorded` counts the messages that are safe on disk, `dropped` those that were not taken. `close()` waits until all
    of them are Parquet. If the disk fails the recording ends: `failure` is the exception, every further call raises
    SessionError, and the messages committed before stay in the journal for `hftlab recover`. Raises SessionExists.

    With `overwrite` a session in the folder stays until market data or a private message is on disk. If none came, it
    is kept, nothing else is, and close() raises SessionError. Without `keep_empty` that holds for a new folder as well.
    """

    def __init__(
        self, folder: Path | str, *, source: dict[str, Any], overwrite: bool = False, keep_empty: bool = True
    ) -> None:
        self._writer = SessionWriter(folder, source=source, overwrite=overwrite)
        self.folder = self._writer.folder
        self._keep_empty = keep_empty
        self._nothing: str | None = None
        """What close() says about a recording that was not kept because nothing came."""
        self.recorded = self.dropped = 0
        self._queue: queue.Queue[_Item] = queue.Queue(_QUEUE)
        self.failure: BaseException | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="hftlab recorder", daemon=True)
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

        Raises MessageParseError for a message that could not be replayed, and ValueError for an account that cannot be
        one; the recording goes on without it.
        """
        if account is not None and not is_subject(account):
            raise ValueError(f"account={account!r} is not a printable name of 1 to 128 characters")
        data = checked_payload(message) if payload is None else payload
        self._put(_Message(Timed(ts_recv, message, account, data), steady))

    def control(self, event: str, ts_recv: int, **what: Any) -> None:
        """Record a row of the control table, with some of its other columns (hftlab.session.tables) in `what`."""
        self._put(_Event(event, ts_recv, what))

    def close(self) -> Session:
        """Write the rows that are left and return the finished session. Closing again returns it again.

        Raises SessionError if the disk has failed, or if nothing came and the recording was therefore not kept.
        """
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        self._thread.join()
        self._check()
        if self._nothing is not None:
            raise SessionError(self._nothing, path=self.folder)
        return Session(self.folder)

    @property
    def manifest(self) -> Manifest:
        """Manifest of the session as far as it is written."""
        return self._writer.manifest

    def _put(self, item: _Item) -> None:
        with suppress(queue.Full):
            if self.failure is None:
                self._queue.put_nowait(item)
                return
        self.dropped += 1
        self._check()

    def _check(self) -> None:
        if self.failure is not None:
            reason = getattr(self.failure, "strerror", None) or f"{type(self.failure).__name__}: {self.failure}"
            raise SessionError(
                f"the recording in {self.folder} has ended early ({reason}), with {self.recorded:,} messages safe: "
                f"repair or free the disk, then run `hftlab recover {self._writer.place}`",
                path=self.folder,
            ) from self.failure

    def _run(self) -> None:
        try:
            while self._write(self._batch()):
                pass
            if self.dropped:
                self._writer.control("drop", wall_time(), detail=f"{self.dropped} messages: the disk was too slow")
            self._finish()
        except BaseException as exc:
            self.failure = exc
            _log.error("recording failed", folder=str(self.folder), error=str(exc))
            self._writer.abandon()
            self._discard()

    def _finish(self) -> None:
        if self._writer.loses_data:
            self._nothing = f"no market data came, so that nothing is recorded: the session in {self.folder} is kept"
        elif not self._keep_empty and not self._writer.has_data:
            self._nothing = f"no market data came, so that nothing is recorded in {self.folder}"
        if self._nothing is None:
            self._writer.close()
        else:
            self._writer.give_up()

    def _discard(self) -> None:
        """Empty the queue: the thread ends, and close() must find room for its own item."""
        with suppress(queue.Empty):
            while True:
                self._queue.get_nowait()
                self.dropped += 1

    def _batch(self) -> list[_Item]:
        """Wait for one item and take more until a commit is due; None, which ends the recording, is always the last."""
        items = [self._queue.get()]
        deadline = time.monotonic() + _COMMIT
        while items[-1] is not None and len(items) < _BATCH:
            try:
                items.append(self._queue.get(timeout=max(0.0, deadline - time.monotonic())))
            except queue.Empty:
                break
        return items

    def _write(self, items: list[_Item]) -> bool:
        """Commit the items together. Returns False if the recording's end is among them."""
        messages = 0
        for item in items:
            if isinstance(item, _Message):
                at, message, account, payload = item.item
                self._writer.append(message, at, account=account, payload=payload, steady=item.steady)
                messages += 1
            elif item is not None:
                self._writer.control(item.name, item.ts_recv, **item.what)
        self._writer.commit()
        self.recorded += messages
        return items[-1] is not None
