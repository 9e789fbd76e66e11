"""Autobahn's cases (RFC 6455 and RFC 7692), run by kosoku against the client's connections with their own settings."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode

from hftlab.client.opening import open_socket
from hftlab.protocol import JSON
from tests.hostile.autobahn import CORE, LONG, unexpected

kosoku = pytest.importorskip("kosoku")

HOST = "127.0.0.2"
"""The client takes it for another machine, to which it offers compression."""


async def echo(url: str) -> str | bytes:
    """Send back what comes until the other side has had enough; returns the last of it."""
    socket, echoes = await open_socket(url, JSON), asyncio.Queue[str | bytes]()
    last: str | bytes = b""

    def send_back(data: bytes, opcode: Opcode, _: int) -> None:
        nonlocal last
        last = data.decode() if opcode is Opcode.TEXT else data
        echoes.put_nowait(last)

    async def answer() -> None:
        while True:
            await socket.send(await echoes.get())

    socket.pass_on(send_back)
    answering = asyncio.create_task(answer())
    try:
        await socket.wait_closed()
    finally:
        answering.cancel()
        with suppress(asyncio.CancelledError, ConnectionClosed):
            await answering
        await socket.end()
    return last


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
async def test_limits_and_compression(cases: str) -> None:
    assert await run_cases(cases, at_once=1) == {}
