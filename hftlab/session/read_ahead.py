"""Reads ahead of a replay on a thread: the one thread of this package.

Decompressing and verifying run without the interpreter's lock. Messages come out of it undecoded, or as
the JSON that a server sends, so that the thread holds the lock for short moments only. The reader makes each message
when it is due.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final, Generic, TypeVar

__all__ = ["ReadAhead"]

T = TypeVar("T")

_QUEUED_ITEMS: Final = 1024
_QUEUED_BYTES: Final = 16 << 20
_PIECE: Final = 256
"""Items that are handed over at once, at most."""
_PIECE_BYTES: Final = 1 << 20
_HOLD: Final = 0.0005
"""Seconds after which the thread hands over what it has, and lets others have the interpreter's lock."""
_REST: Final = 0.0002
"""Seconds that the thread rests then, if there is enough for the reader to go on with."""
_ITEM_BYTES: Final = 512
"""Size in bytes of an item that has no `size` of its own."""


class ReadAhead(Generic[T]):
    """Iterator over the items of `read()`, which runs on a thread of its own and is ahead by a bounded amount.

    What `read()` raises comes in its place among the items. The thread starts with the first call, and ends at the end
    of the items, with close(), when the object is collected, or with the interpreter. A forked child has no thread: it
    goes on with items that `again(last)` reads, where `last` is the last item that was taken, None before the first.
    """

    def __init__(self, read: Callable[[], Iterator[T]], again: Callable[[T | None], Iterator[T]]) -> None:
        self._again = again
        self._queue: _Queue[T] = _Queue(read)
        self._piece: Iterator[T] = iter(())
        self._last: T | None = None
        self._process = os.getpid()
        self._thread: threading.Thread | None = None
        self._end = weakref.finalize(self, self._queue.close)

    def __iter__(self) -> ReadAhead[T]:
        return self

    def __next__(self) -> T:
        for item in self._piece:
            self._last = item
            return item
        if os.getpid() != self._process:
            self._start_afresh()
        self._start()
        self._piece = iter(self._queue.take())
        for item in self._piece:
            self._last = item
            return item
        raise StopIteration

    def is_ready(self, patience: float | None = 0.0) -> bool:
        """Tell whether the next item, or the end, can be had without waiting.

        Waits up to `patience` seconds for it first, without a limit if that is None.
        """
        if self._piece.__length_hint__() or os.getpid() != self._process:  # type: ignore[attr-defined]
            return True
        self._start()
        return self._queue.is_ready(patience)

    def close(self) -> None:
        """End the thread; when this returns it uses nothing of `read()` any more."""
        self._queue.close()
        thread, self._thread = self._thread, None
        if thread is not None and os.getpid() == self._process and thread is not threading.current_thread():
            thread.join()

    def _start(self) -> None:
        if self._thread is None and not self._queue.is_closed:
            self._thread = threading.Thread(target=_run, args=(self._queue,), name="hftlab read-ahead", daemon=True)
            for thread in [one for one in _running if one.ident is not None and not one.is_alive()]:
                del _running[thread]
            _running[self._thread] = self._queue
            self._thread.start()

    def _start_afresh(self) -> None:
        """Replace what the parent process had: its locks may be held by threads that are not here."""
        self._end.detach()
        last, again = self._last, self._again
        self._process, self._thread = os.getpid(), None
        self._queue = _Queue(lambda: again(last))
        self._end = weakref.finalize(self, self._queue.close)


class _Queue(Generic[T]):
    """Pieces that were read and not taken yet. The thread holds this alone, so that its reader can be collected."""

    def __init__(self, read: Callable[[], Iterator[T]]) -> None:
        self.read = read
        self._process = os.getpid()
        self._pieces: deque[tuple[list[T], int]] = deque()
        self._items = self._bytes = 0
        self._changed = threading.Condition()
        self._error: BaseException | None = None
        self._is_ended = self._is_wanted = False
        self.is_closed = False

    def put(self, piece: list[T], size: int) -> bool:
        """Add a piece once there is room; returns False when nobody wants it any more."""
        with self._changed:
            self._pieces.append((piece, size))
            self._items, self._bytes = self._items + len(piece), self._bytes + size
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.is_closed or not self._is_full)
            return not self.is_closed

    @property
    def _is_full(self) -> bool:
        if not self._is_wanted:  # somebody who looks for a place may go on to the next one
            return bool(self._pieces)
        return self._items >= _QUEUED_ITEMS or self._bytes >= _QUEUED_BYTES

    @property
    def is_short(self) -> bool:
        """True if the reader may soon wait."""
        return self._items < _QUEUED_ITEMS // 4 and self._bytes < _QUEUED_BYTES // 4

    def end(self, error: BaseException | None) -> None:
        """Say that nothing more comes, and why."""
        with self._changed:
            self._error, self._is_ended = error, True
            self._changed.notify_all()

    def is_ready(self, patience: float | None) -> bool:
        """Wait up to `patience` seconds for a piece or the end; return whether it is there."""
        with self._changed:
            return self._changed.wait_for(self._is_over_or_filled, patience)

    def take(self) -> list[T]:
        """Wait for the next piece; an empty one is the end. Raises what the reading has raised."""
        with self._changed:
            self._changed.wait_for(self._is_over_or_filled)
            if not self._pieces:
                if self._error is not None:
                    raise self._error
                return []
            was_full, self._is_wanted = self._is_full, True
            piece, size = self._pieces.popleft()
            self._items, self._bytes = self._items - len(piece), self._bytes - size
            if was_full:
                self._changed.notify_all()
            return piece

    def close(self) -> None:
        """End the reading; what is queued is dropped. Does nothing in a fork, where there is no thread."""
        if os.getpid() != self._process:
            return
        with self._changed:
            self.is_closed = True
            self._pieces.clear()
            self._changed.notify_all()

    def _is_over_or_filled(self) -> bool:
        return bool(self._pieces) or self._is_ended or self.is_closed


_running: Final[dict[threading.Thread, _Queue[Any] | None]] = {}
"""Threads that may be alive, with their queues, None for those that read no more: what a thread has read from may be
collected after that, in the thread, and calls into the libraries once more."""


@atexit.register
def _end_all() -> None:
    """End all threads before the libraries that they are in are unloaded."""
    for thread, queue in list(_running.items()):
        if queue is not None:
            queue.close()
        thread.join()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_running.clear)


def _run(queue: _Queue[Any]) -> None:
    error: BaseException | None = None
    try:
        _pump(queue)
    except BaseException as exc:
        error = exc
    queue.end(error)
    if threading.current_thread() in _running:  # a forked child has cleared them
        _running[threading.current_thread()] = None


def _pump(queue: _Queue[Any]) -> None:
    piece: list[Any] = []
    size, since = 0, time.perf_counter()
    try:
        for item in queue.read():
            piece.append(item)
            size += getattr(item, "size", _ITEM_BYTES)
            if len(piece) < _PIECE and size < _PIECE_BYTES and time.perf_counter() - since < _HOLD:
                continue
            if not queue.put(piece, size):
                return
            time.sleep(0 if queue.is_short else _REST)
            piece, size, since = [], 0, time.perf_counter()
    finally:
        # What was read before an error comes before it.
        if piece:
            queue.put(piece, size)
