"""Batches of messages, by size or delay (the reference document's BatchProcessor)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from numbers import Integral
from typing import Final, Generic, TypeVar

from hftlab.client.inbox import Inbox
from hftlab.errors import ArgumentError
from hftlab.protocol import Message

__all__ = ["BATCH_DELAY", "BATCH_SIZE", "BatchProcessor", "batches"]

T = TypeVar("T")

BATCH_SIZE: Final = 50
BATCH_DELAY: Final = 0.016
"""Seconds between a batch's first message and its delivery: about sixty batches a second."""


class BatchProcessor(Generic[T]):
    """Collects items and hands them to `process` in lists, in order, each once.

    A batch goes out with its `size`-th message, or `delay` seconds after its first. Call it on the
    event loop; `process` must not raise.
    """

    def __init__(
        self, process: Callable[[list[T]], object], *, size: int = BATCH_SIZE, delay: float = BATCH_DELAY
    ) -> None:
        self._process, self._size, self._delay = process, _checked(size), delay
        self._batch: list[T] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, message: T) -> None:
        """Add an item; the batch that it fills is handed over."""
        self._batch.append(message)
        if len(self._batch) >= self._size:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._delay, self.flush)

    def flush(self) -> None:
        """Hand over the batch so far, unless it is empty."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        # Taken first: `process` may add.
        batch, self._batch = self._batch, []
        if batch:
            self._process(batch)


async def batches(inbox: Inbox, size: int = BATCH_SIZE, delay: float = BATCH_DELAY) -> AsyncIterator[list[Message]]:
    """Yield lists of at most `size` messages, `delay` seconds after their first at the latest, until the inbox closes.

    A cancelled wait takes nothing.
    """
    _checked(size)
    while batch := await inbox.gather(size, delay):
        yield batch


def _checked(size: int) -> int:
    if isinstance(size, bool) or not isinstance(size, Integral) or size < 1:
        raise ArgumentError(f"the size of a batch is a whole number of messages, at least 1; got {size!r}")
    return size
