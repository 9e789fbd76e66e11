"""When a broadcast begins and ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from websockets.asyncio.client import connect

from hftlab.clock import Clock
from hftlab.protocol.publishing.publisher import Publisher
from hftlab.server import Server, broadcaster, stream
from hftlab.simulator import RandomWalk
from tests.protocol.conftest import market_data, symbol
from tests.server.conversation import settled, subscribe


async def test_a_broadcast_begins_before_its_messages_are_projected_and_encoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a clock that only their publisher moves: by hand and from a source."""
    now = 0.0
    clock = SimpleNamespace(perf_counter=lambda: now, monotonic=time.monotonic)
    for module in (stream, broadcaster):
        monkeypatch.setattr(module, "time", clock)
    source = RandomWalk(7, clock=Clock(paused=True))
    async with Server(source, port=0) as server, connect(server.url) as connection:
        await subscribe(connection, *source.symbols, frequency=0)

        def slowed(call: Callable[..., Any]) -> Callable[..., Any]:
            def slow(*given: Any, **named: Any) -> Any:
                nonlocal now
                now += 1.0
                return call(*given, **named)

            return slow

        for name in ("publish", "poll"):
            monkeypatch.setattr(Publisher, name, slowed(getattr(Publisher, name)))
        server.publish(market_data(symbol("AAPL")))
        await settled(lambda: server.stats()["broadcast_seconds"]["count"] == 1)
        assert server.stats()["broadcast_seconds"]["max"] == 2.0
        due = source.next_time()
        assert due is not None
        source.clock.step(due - source.clock.now())
        await settled(lambda: server.stats()["broadcast_seconds"]["count"] == 2)
        assert server.stats()["broadcast_seconds"]["mean"] == 2.0
