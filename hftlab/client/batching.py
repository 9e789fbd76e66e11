"""Messages in batches, by size or delay (the reference document's BatchProcessor)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final, Generic, TypeVar

from hftlab.client.inbox import Inbox
from hftlab.protocol import Message

__all__ = ["BATCH_DELAY", "BATCH_SIZE", "BatchProcessor", "batches"]

T = TypeVar("T")

BATCH_SIZE: Final = 50
BATCH_DELAY: Final = 0.016
"""Seconds: about sixty batches a second."""


class BatchProcessor(Generic[T]):
    """Collects what is added and hands it to `process` in order, none twice.

    A batch goes out with its `size`-th message, or `delay` seconds after its first. All calls are to be made on the
    event loop; `process` must not raise.
    """

    def __init__(
        self, process: Callable[[list[T]], object], *, size: int = BATCH_SIZE, delay: float = BATCH_DELAY
    ) -> None:
        self._process, self._size, self._delay = process, _checked(size), delay
        self._batch: list[T] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, message: T) -> None:
        self._batch.append(message)
        if len(self._batch) >= self._size:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._delay, self.flush)

    def flush(self) -> None:
        """Hand over what there is without waiting; nothing if there is nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        # Taken first: `process` may add.
        batch, self._batch = self._batch, []
        if batch:
            self._process(batch)


async def batches(inbox: Inbox, size: int = BATCH_SIZE, delay: float = BATCH_DELAY) -> AsyncIterator[list[Message]]:
    """Lists of at most `size` messages, `delay` seconds after their first at the latest, until the inbox is closed.

    A cancelled wait takes nothing.
    """
    _checked(size)
    while batch := await inbox.gather(size, delay):
        yield batch


def _checked(size: int) -> int:
    if size < 1:
        raise ValueError(f"a batch holds at least one message, not {size}")
    return size
