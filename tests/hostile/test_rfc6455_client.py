"""Autobahn's cases (RFC 6455 and RFC 7692), run by kosoku against the client's connections with their own settings."""

from __future__ import annotations

import asyncio

import pytest
from websockets.exceptions import ConnectionClosed

from hftlab.client import link
from hftlab.client.link import Link
from hftlab.client.metrics import Metrics
from hftlab.protocol import JSON
from tests.hostile.autobahn import CORE, LONG, unexpected, without_keepalive

kosoku = pytest.importorskip("kosoku")

HOST = "127.0.0.2"
"""The client takes it for another machine, to which it offers compression."""


async def echo(url: str) -> str | bytes:
    """Send back what comes until the other side has had enough; returns the last of it."""
    opened = await Link.open(url, JSON, Metrics())
    last: str | bytes = b""
    try:
        while True:
            # Link.receive() hands text over as bytes; the cases want it back as text.
            last = await opened._socket.recv()
            await opened._socket.send(last)
    except ConnectionClosed:
        return last
    finally:
        await opened.close()


async def run_cases(*cases: str, at_once: int) -> dict[str, str]:
    """Those that should have passed and did not, and how."""
    async with kosoku.run_fuzzingserver(list(cases), host=HOST, port=0) as server:
        base = f"ws://{HOST}:{server.port}"
        count = int(await echo(f"{base}/getCaseCount"))
        case_numbers = iter(range(1, count + 1))

        async def work() -> None:
            for number in case_numbers:
                await echo(f"{base}/runCase?case={number}&agent=hftlab")

        await asyncio.gather(*[work() for _ in range(at_once)])
        await echo(f"{base}/updateReports?agent=hftlab")
        try:
            results = await server.get_result()
        except kosoku.FailureError as exc:
            results = exc.results
    assert len(results) == count
    return unexpected(results)


async def test_framing_pings_fragments_text_and_closing() -> None:
    assert await run_cases(*CORE, at_once=8) == {}


@pytest.mark.soak
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # kosoku's own test data
@pytest.mark.parametrize("cases", LONG)
async def test_limits_and_compression(monkeypatch: pytest.MonkeyPatch, cases: str) -> None:
    without_keepalive(monkeypatch, link, "connect")
    assert await run_cases(cases, at_once=1) == {}
