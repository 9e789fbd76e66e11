from __future__ import annotations

from collections.abc import Iterator

import pytest

from hftlab.widgets.jupyter_kernel import Kernel
from hftlab.widgets.refresh_loop import Feed


class StillFeed(Feed):
    """A feed without its thread: the test gives the ticks."""

    def add(self, fed: object) -> None:
        pass

    def wake(self) -> None:
        pass


@pytest.fixture
def still_feed() -> StillFeed:
    return StillFeed(Kernel())


@pytest.fixture
def feed() -> Iterator[Feed]:
    feed = Feed(Kernel())
    yield feed
    feed.stop()
    assert not feed.running
