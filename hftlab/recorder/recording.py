"""A recording in progress: a thread between the stream and the disk."""

from __future__ import annotations

import queue
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from hftlab.clock import wall_time
from hftlab.errors import SessionError
from hftlab.log import get_logger
from hftlab.protocol import Message
from hftlab.session.manifest import Manifest
from hftlab.session.session import Session
from hftlab.session.writer import SessionWriter

__all__ = ["Recording"]

_COMMIT: Final = 0.05
"""Seconds that records may wait to be committed together."""
_QUEUE: Final = 500_000
"""Messages that may wait for the disk; beyond it they are counted as dropped, and the session says so."""
_BATCH: Final = 10_000

_log = get_logger("hftlab.recorder")

_Item = tuple[Message | str, int, dict[str, Any]] | None


class Recording:
    """Takes messages from any thread without waiting for the disk; `close()` waits until all of them are Parquet.

    `recorded` messages are safe on disk. Raises SessionExists. A disk that fails ends the recording: `failure` is what
    it said, every further call raises SessionError, and what was committed before stays for `hftlab recover`.
    """

    def __init__(self, folder: Path | str, *, source: dict[str, Any], overwrite: bool = False) -> None:
        self._writer = SessionWriter(folder, source=source, overwrite=overwrite)
        self.folder = self._writer.folder
        self.recorded = self.dropped = 0
        self._queue: queue.Queue[_Item] = queue.Queue(_QUEUE)
        self.failure: BaseException | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="hftlab recorder", daemon=True)
        self._thread.start()

    def message(self, message: Message, ts_recv: int) -> None:
        self._put((message, ts_recv, {}))

    def control(self, event: str, ts_recv: int, **what: Any) -> None:
        self._put((event, ts_recv, what))

    def close(self) -> Session:
        """Write what is left and return the finished session; closing again returns it again."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        self._thread.join()
        self._check()
        return Session(self.folder)

    @property
    def manifest(self) -> Manifest:
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
                f"the recording in {self.folder} has ended early ({reason}), with {self.recorded:,} messages safe: see "
                f"to the disk, then run `hftlab recover {self.folder}`",
                path=self.folder,
            ) from self.failure

    def _run(self) -> None:
        try:
            while self._write(self._batch()):
                pass
            if self.dropped:
                self._writer.control("drop", wall_time(), detail=f"{self.dropped} messages: the disk was too slow")
            self._writer.close()
        except BaseException as exc:
            self.failure = exc
            _log.error("recording failed", folder=str(self.folder), error=str(exc))
            self._writer.abandon()
            self._discard()

    def _discard(self) -> None:
        """Nobody takes from the queue any more, and close() must find room in it."""
        with suppress(queue.Empty):
            while True:
                self._queue.get_nowait()
                self.dropped += 1

    def _batch(self) -> list[_Item]:
        """Wait for one item, and take what comes until the next commit is due; None, the end, is always the last."""
        items = [self._queue.get()]
        deadline = time.monotonic() + _COMMIT
        while items[-1] is not None and len(items) < _BATCH:
            try:
                items.append(self._queue.get(timeout=max(0.0, deadline - time.monotonic())))
            except queue.Empty:
                break
        return items

    def _write(self, items: list[_Item]) -> bool:
        """Commit the items together; False when the end is among them."""
        messages = 0
        for item in items:
            if item is None:
                break
            what, ts_recv, details = item
            if isinstance(what, str):
                self._writer.control(what, ts_recv, **details)
            else:
                self._writer.append(what, ts_recv)
                messages += 1
        self._writer.commit()
        self.recorded += messages
        return items[-1] is not None
