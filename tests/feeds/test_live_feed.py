"""The life of a feed: its connections come with the first reader, and go with the last."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

import pytest

from hftlab.feeds import Kraken


class Recorded:
    """Receiver that notes whether it runs."""

    def __init__(self) -> None:
        self.is_running = False

    def start(self) -> None:
        self.is_running = True

    def stop(self) -> None:
        self.is_running = False


class Lock:
    """Lock that calls a function as soon as it has been given back for the second time: another thread has waited."""

    def __init__(self, inner: Any, waiting: Callable[[], object]) -> None:
        self._inner, self._waiting, self._count = inner, waiting, 0

    def __enter__(self) -> None:
        self._inner.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inner.release()
        self._count += 1
        if self._count == 2:
            self._waiting()


def test_one_that_is_watched_anew_as_its_last_reader_leaves_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    receivers: list[Recorded] = []

    def made(self: Kraken) -> Recorded:
        receivers.append(Recorded())
        return receivers[-1]

    monkeypatch.setattr(Kraken, "_new_receiver", made)
    feed = Kraken("BTC/USD")
    unwatch = feed.watch(lambda: None)
    feed._lock = Lock(feed._lock, lambda: feed.watch(lambda: None))  # type: ignore[assignment]
    unwatch()
    assert [one.is_running for one in receivers] == [False, True]
    feed.close()
    assert [one.is_running for one in receivers] == [False, False]
