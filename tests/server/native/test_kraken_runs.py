"""Random runs of a client of Kraken's wire: it subscribes, unsubscribes, and the recording is sought and paused.

Whatever it does, a book begins with a snapshot, has the checksum of every message, and is silent once it is given up.
"""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection

import hftlab as hl
from hftlab.session import Session
from tests.server.native.connecting import connected
from tests.server.native.kraken_recordings import imported
from tests.server.native.recordings import at
from tests.venues.kraken_frames import OracleBook, parse
from tests.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("compiled")

PAIRS = ["BTC/CHF", "ADA/BTC", "OMG/USD", "SC/EUR", "XMR/USD"]
DEPTHS = [10, 25, 100, 500, 1000]
STEPS = 40
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 40))]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return imported(tmp_path_factory.mktemp("kraken"), lines=1500)


class Client:
    """Client that follows the published rules, and notes how often its books were right."""

    def __init__(self) -> None:
        self.books: dict[str, OracleBook | None] = {}
        """Books by the pairs that are subscribed; None until the snapshot, whose depth is in `depths`."""
        self.depths: dict[str, int] = {}
        self.snapshots = self.updates = 0

    def take(self, message: dict[str, Any]) -> None:
        """Take a message."""
        if message.get("success"):
            pair = message["result"]["symbol"]
            if message["method"] == "subscribe":
                self.books[pair], self.depths[pair] = None, message["result"]["depth"]
            else:
                del self.books[pair]
        elif message.get("channel") == "book":
            self._take_book(message)

    def _take_book(self, message: dict[str, Any]) -> None:
        (data,) = message["data"]
        pair = data["symbol"]
        assert pair in self.books, "it was given up"
        if message["type"] == "snapshot":
            self.books[pair] = OracleBook(self.depths[pair])
            self.snapshots += 1
        else:
            self.updates += 1
        book = self.books[pair]
        assert book is not None, "an update before the snapshot"
        book.take(message)
        assert book.checksum() == data["checksum"]

    async def run(self, socket: ClientConnection) -> None:
        """Read until a pong comes."""
        while True:
            async with asyncio.timeout(PATIENCE):
                message = parse(await socket.recv())
            if message.get("method") == "pong":
                return
            self.take(message)


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_book_is_right_wherever_the_recording_goes(session: Session, seed: int) -> None:
    chance, client = random.Random(seed), Client()
    replay = session.replay(chance.choice([1, 20, float("inf")]), loop=chance.random() < 0.3)
    async with hl.Server(replay, port=0, wire="kraken") as server, connected(f"{server.url}/v2") as socket:
        reading = asyncio.create_task(client.run(socket))
        for _ in range(STEPS):
            params: dict[str, Any] = {"channel": "book", "symbol": [chance.choice(PAIRS)]}
            match chance.choice(["subscribe", "unsubscribe", "seek", "pause", "wait", "wait"]):
                case "subscribe":
                    params["depth"] = chance.choice(DEPTHS)
                    await socket.send(json.dumps({"method": "subscribe", "params": params}))
                case "unsubscribe":
                    await socket.send(json.dumps({"method": "unsubscribe", "params": params}))
                case "seek":
                    await server.replay.seek(at(session, chance.uniform(-1, 20)))
                case "pause":
                    await (server.replay.pause() if chance.random() < 0.5 else server.replay.resume())
                case _:
                    for _ in range(chance.randrange(200)):
                        await asyncio.sleep(0)
        await socket.send('{"method":"ping"}')
        await reading
    assert client.snapshots


def test_the_client_would_notice() -> None:
    """Its own rules fail where a message is wrong."""
    client = Client()
    with pytest.raises(AssertionError, match="given up"):
        client.take({"channel": "book", "type": "update", "data": [{"symbol": "BTC/CHF"}]})
