"""The native wire end to end: streams and requests of a recording, beside our own protocol on the same port."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import websockets

import hftlab as hl
from hftlab.session import Session
from tests.server.native.local_book import LocalBook
from tests.server.native.recordings import book_of, imported

pytestmark = pytest.mark.usefixtures("compiled")


@pytest.fixture(scope="module")
def spot(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return imported("spot_btcusdt_20240808", tmp_path_factory.mktemp("spot"))


@pytest.fixture
async def server(spot: Session) -> AsyncIterator[hl.Server]:
    async with hl.Server(spot.replay(20), port=0, wire="binance") as server:
        yield server


async def requested(server: hl.Server, path: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=server.native_urls[0].requests) as client:
        return await client.get(path)


async def test_a_client_that_follows_the_published_rules_has_the_recorded_book(
    server: hl.Server, spot: Session
) -> None:
    """Subscribe, buffer, ask for the book, apply: at every update id the levels are those of the recorded events."""
    book = LocalBook()
    url = server.native_urls[0].streams
    async with websockets.connect(f"{url}/ws/btcusdt@depth@100ms") as socket:
        book.update(json.loads(await socket.recv()))
        answer: dict[str, Any] = (await requested(server, "/api/v3/depth?symbol=BTCUSDT&limit=5000")).json()
        while not book.snapshot(answer):
            answer = (await requested(server, "/api/v3/depth?symbol=BTCUSDT&limit=5000")).json()
        for count in range(1, 121):
            book.update(json.loads(await socket.recv()))
            if count % 40 == 0 and book.last is not None:
                assert book.sides() == book_of(spot, book.last)
    assert book.gaps == 0
