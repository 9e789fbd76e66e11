"""A scripted venue on an event loop of its own, for tests that wait with plain calls."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from tests.feeds.binance.scripted_venue import ScriptedVenue

T = TypeVar("T")


class ThreadedVenue:
    """Plain calls to a scripted venue."""

    def __init__(self, venue: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.venue, self._loop = venue, loop

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def step(self, count: int = 1) -> None:
        self.run(self.venue.step(count))

    @property
    def addresses(self) -> dict[str, Any]:
        found: dict[str, Any] = self.venue.addresses
        return found


@contextmanager
def threaded_venue(
    symbols: Sequence[str] = ("BTCUSDT", "XYZUSDT"), kind: Callable[[Sequence[str]], Any] = ScriptedVenue
) -> Iterator[ThreadedVenue]:
    """Run a venue of some kind until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def begun() -> Any:
        return await kind(symbols).__aenter__()

    try:
        threaded = ThreadedVenue(asyncio.run_coroutine_threadsafe(begun(), loop).result(30), loop)
        try:
            yield threaded
        finally:
            threaded.run(threaded.venue.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
