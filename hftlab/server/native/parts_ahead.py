"""Parts of events, of which the next is read on a thread while one is played."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from hftlab.server.native.session_events import EventParts, Events

__all__ = ["PartsAhead"]


class PartsAhead:
    """Events whose parts are at hand when they are needed in order: a stream does not wait for a million rows."""

    def __init__(self, events: EventParts) -> None:
        self.instruments = events.instruments
        self._events = events
        self._threads = ThreadPoolExecutor(1, "hftlab events")  # its thread ends with it
        self._ahead: tuple[int, Future[Events]] | None = None

    def __len__(self) -> int:
        return len(self._events)

    def started(self, part: int) -> int:
        """Return the time of the first event of a part."""
        return self._events.started(part)

    def load(self, part: int) -> Events:
        """Return a part, and begin to read the one after it."""
        ahead, self._ahead = self._ahead, None
        is_at_hand = ahead is not None and ahead[0] == part
        loaded = ahead[1].result() if ahead is not None and is_at_hand else self._events.load(part)
        if part + 1 < len(self):
            self._ahead = part + 1, self._threads.submit(self._events.load, part + 1)
        return loaded
