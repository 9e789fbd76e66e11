from __future__ import annotations

import pytest

from hftlab import compilation


class Seen:
    """A watcher that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str | None] = []
        self.is_seen = True

    def begin(self, kernel: str) -> None:
        self.told.append(kernel)

    def end(self) -> None:
        self.told.append(None)


def test_watchers_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilation, "watchers", [])
    assert not compilation.is_watched()
    compilation.began("a")
    compilation.ended()
    watcher = Seen()
    compilation.watchers.append(watcher)
    compilation.began("a")
    compilation.ended()
    assert (watcher.told, compilation.is_watched()) == (["a", None], True)
    watcher.is_seen = False
    assert not compilation.is_watched()
