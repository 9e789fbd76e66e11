from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hftlab.clock import Clock
from hftlab.server import Server
from hftlab.simulator import RandomWalk


@pytest.fixture
async def walk_server() -> AsyncIterator[Server]:
    """The random walk at a hundred times real time, so that no test waits for its ticks."""
    async with Server(RandomWalk(7, clock=Clock(speed=100)), port=0) as server:
        yield server


@pytest.fixture
async def hand_server() -> AsyncIterator[Server]:
    """A server that sends what the test publishes."""
    async with Server(port=0) as server:
        yield server
