"""One port, two kinds of connections: each socket has the owner that its path says."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import websockets

import hftlab as hl
from tests.server.native.recordings import imported
from tests.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("compiled")


async def test_what_a_socket_reports_goes_to_its_own_side(tmp_path: Path) -> None:
    """A message that is too big gets our protocol's error on ours, and a bare close on the venue's."""
    session = imported("spot_btcusdt_20240808", tmp_path, lines=500)
    limits = hl.server.ServerLimits(message_bytes=4096)
    async with hl.Server(session.replay(), port=0, wire="binance", limits=limits) as server:
        ends = {}
        for path in ("/", "/hftlab", "/ws", "/stream"):
            async with websockets.connect(f"{server.url}{path}") as socket:
                await socket.send("x" * 5000)
                said = []
                with pytest.raises(websockets.ConnectionClosed) as end:
                    while True:
                        said.append(json.loads(await socket.recv()).get("errorType"))
                assert end.value.rcvd is not None
                ends[path] = (end.value.rcvd.code, said[-1] if said else None)
        assert ends == {
            "/": (1009, "MESSAGE_PARSE_ERROR"),
            "/hftlab": (1009, "MESSAGE_PARSE_ERROR"),
            "/ws": (1009, None),
            "/stream": (1009, None),
        }
        async with asyncio.timeout(PATIENCE):  # it is counted when the socket is closed on our side too
            while server.stats()["aborted"] != {"message too big": 4}:
                await asyncio.sleep(0)
