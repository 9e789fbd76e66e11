"""A link: what keeps a connection going beside its messages."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any

import pytest

from hftlab.client import Client
from hftlab.errors import NetworkError
from hftlab.server import Server
from tests.client.servers import scripted, until, within


@pytest.mark.parametrize("busy_poll", [True, False])
def test_a_client_that_polls_never_waits_for_its_system(busy_poll: bool) -> None:
    waits: list[float | None] = []

    class Selector(selectors.DefaultSelector):
        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            waits.append(timeout)
            return super().select(timeout)

    async def converse() -> list[float | None]:
        async with Server(port=0) as server, Client(server.url, busy_poll=busy_poll) as client:
            waits.clear()
            await client.ping()
            return waits.copy()

    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(Selector())) as runner:
        during = runner.run(converse())
    assert during
    assert all(wait == 0 for wait in during) is busy_poll


async def test_an_error_in_the_upkeep_ends_the_connection_and_another_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is not looked after would be out of date in silence."""
    async with scripted() as script, Client(script.url, heartbeat_interval=0.02, reconnect_interval=0.01) as client:
        reasons: list[str] = []
        client.on("disconnected", reasons.append)

        def fail(*_: Any) -> None:
            raise ValueError("no")

        monkeypatch.setattr("hftlab.protocol.subscribing.resync.StaleSymbols.requests", fail)
        await until(lambda: bool(reasons))
        monkeypatch.undo()
        assert reasons[0] == "ValueError: no"
        await within(client.wait_connected())


async def test_a_cancelled_request_is_not_waited_for() -> None:
    async with scripted() as script, Client(script.url) as client:
        script.answers["PING"] = lambda _: []
        waiting = asyncio.create_task(client.ping())
        await until(lambda: script.types == ["PING"])
        waiting.cancel()
        await asyncio.wait([waiting])
        await script.say(type="PONG", id=script.requests[0]["id"])
        assert (await within(client.next_message())).type == "PONG"


async def test_requests_under_way_fail_with_the_connection() -> None:
    async with scripted() as script, Client(script.url, reconnect_interval=0.01) as client:
        script.answers["PING"] = lambda _: []
        waiting = asyncio.create_task(client.ping())
        await until(lambda: script.types == ["PING"])
        script.connections[0].transport.abort()
        with pytest.raises(NetworkError, match="closed before it answered"):
            await within(waiting)
