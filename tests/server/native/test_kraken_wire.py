"""A recording in Kraken's wire: channels, requests, seeks, and books that have the venue's own checksums."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection

import hftlab as hl
from hftlab.clock import NANOSECONDS
from hftlab.errors import ArgumentError, HftlabError
from hftlab.protocol import ReplayState
from hftlab.session import Session
from tests.server.native.connecting import connected
from tests.server.native.kraken_recordings import cut_capture, imported, small_session, venue_checksums
from tests.server.native.recordings import at, simulated
from tests.venues.kraken_frames import OracleBook, parse
from tests.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("compiled")

FAST = float("inf")
END = "BTC/CHF"


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return imported(tmp_path_factory.mktemp("kraken"))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return small_session(tmp_path_factory.mktemp("small"))


async def ask(socket: ClientConnection, method: str, **params: Any) -> None:
    await socket.send(json.dumps({"method": method, "params": params}))


async def messages(socket: ClientConnection) -> AsyncIterator[Any]:
    """Yield what comes, without heartbeats."""
    async with asyncio.timeout(PATIENCE):
        while True:
            message = parse(await socket.recv())
            if message.get("channel") != "heartbeat":
                yield message


async def until(server: hl.Server, state: ReplayState) -> None:
    async with asyncio.timeout(PATIENCE):
        while server.replay_status().state is not state:
            await asyncio.sleep(0.01)


async def test_checksums_are_those_that_the_venue_gave(tmp_path: Path) -> None:
    """Of the real capture, whose updates each have the venue's; those of one moment come as one here."""
    session = imported(tmp_path)
    expected = venue_checksums(cut_capture(tmp_path, 700))
    total, found = 0, 0
    async with (
        hl.Server(session.replay(FAST), port=0, wire="kraken") as server,
        connected(f"{server.url}/v2") as socket,
    ):
        await ask(socket, "subscribe", channel="book", symbol=list(expected), depth=1000)
        books = {pair: OracleBook(1000) for pair in expected}
        told: dict[str, Counter[int]] = {pair: Counter() for pair in expected}
        last = max(len(one) for one in expected.values())
        async for message in messages(socket):
            if message.get("channel") != "book":
                continue
            (data,) = message["data"]
            pair = data["symbol"]
            books[pair].take(message)
            assert books[pair].checksum() == data["checksum"]
            told[pair][data["checksum"]] += 1
            if all(one[-1:] == [] or told[name][one[-1]] for name, one in expected.items()):
                break
    for pair, checksums in expected.items():
        wanted = Counter(checksums)
        total += wanted.total()
        found += (wanted & told[pair]).total()
    assert last
    assert found > 0.9 * total


@pytest.mark.parametrize("depth", [10, 25, 1000])
async def test_books_of_every_depth_are_the_recorded_one(session: Session, depth: int) -> None:
    """A client that follows the published rules has the best levels of the recorded book after the last update."""
    async with (
        hl.Server(session.replay(FAST), port=0, wire="kraken") as server,
        connected(f"{server.url}/v2") as socket,
    ):
        await ask(socket, "subscribe", channel="book", symbol=[END], depth=depth)
        book = OracleBook(depth)
        reading = asyncio.create_task(_read_book(socket, book))
        await until(server, ReplayState.ENDED)
        await ask(socket, "ping")
        async with asyncio.timeout(PATIENCE):
            updates = await reading
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http{server.url[2:]}/0/public/Depth?pair=XBTCHF&count=500")
    sides = answer.json()["result"]["XBTCHF"]
    assert updates
    for name, ours in (("bids", book.bids), ("asks", book.asks)):
        levels = [(str(price), str(size)) for price, size in ours][:500]
        assert levels == [(price, size) for price, size, _ in sides[name][:depth]]


async def _read_book(socket: ClientConnection, book: OracleBook) -> int:
    """Follow a book until a pong comes; returns the number of its updates."""
    count = 0
    async for message in messages(socket):
        if message.get("method") == "pong":
            return count
        if message.get("channel") == "book":
            book.take(message)
            assert book.checksum() == message["data"][0]["checksum"]
            count += message["type"] == "update"
    raise AssertionError("unreachable")


async def test_answers_come_before_the_snapshot_and_one_for_each_symbol(session: Session) -> None:
    async with hl.Server(session.replay(), port=0, wire="kraken") as server, connected(f"{server.url}/v2") as socket:
        status = parse(await socket.recv())
        assert (status["channel"], status["data"][0]["system"]) == ("status", "online")
        await ask(socket, "subscribe", channel="book", symbol=[END, "XBT/USD", "ADA/BTC"])
        answers = [parse(await socket.recv()) for _ in range(3)]
        assert [answer["success"] for answer in answers] == [True, False, True]
        assert answers[1]["error"] == "Currency pair not supported XBT/USD"


@pytest.mark.parametrize("path", ["/v2", "/v2/", "/v2?a=b", "/ws.kraken.com/v2", "/beta-ws.kraken.com:443/v2"])
async def test_the_channels_have_their_paths(small: Session, path: str) -> None:
    async with hl.Server(small.replay(), port=0, wire="kraken") as server:
        assert [str(one) for one in server.native_urls] == [
            f"kraken: streams {server.url}/v2, requests http{server.url[2:]}"
        ]
        async with connected(f"{server.url}{path}") as socket:
            assert parse(await socket.recv())["channel"] == "status"


async def test_a_seek_brings_a_new_snapshot_on_the_same_connection(small: Session) -> None:
    async with hl.Server(small.replay(), port=0, wire="kraken") as server, connected(f"{server.url}/v2") as socket:
        server.clock.pause()
        await ask(socket, "subscribe", channel="book", symbol=["BTC/EUR"])
        best = []
        seconds = [3, 1, 5]
        await server.replay.seek(at(small, seconds.pop(0)))
        async for message in messages(socket):
            if message.get("channel") != "book":
                continue
            assert message["type"] == "snapshot"
            best.append(message["data"][0]["bids"][0]["qty"])
            if not seconds:
                break
            await server.replay.seek(at(small, seconds.pop(0)))
    assert best == ["4.50", "2.50", "6.50"]


async def test_heartbeats_come_when_nothing_else_does(small: Session) -> None:
    async with hl.Server(small.replay(), port=0, wire="kraken") as server, connected(f"{server.url}/v2") as socket:
        server.clock.pause()
        await ask(socket, "subscribe", channel="trade", symbol=["BTC/EUR"])
        async with asyncio.timeout(PATIENCE):
            while parse(await socket.recv()) != {"channel": "heartbeat"}:
                pass


async def test_connections_are_listed_with_what_they_have(small: Session) -> None:
    async with (
        hl.Server(small.replay(), port=0, wire="kraken") as server,
        connected(f"{server.url}/v2") as socket,
    ):
        await ask(socket, "subscribe", channel="instrument")
        async for message in messages(socket):
            if message.get("method") == "subscribe":
                break
        (listed,) = server.connections()
        assert (listed.wire, listed.streams, listed.received) == ("kraken", ["instrument"], 1)
        assert server.stats()["bytes_received"] > 0


async def test_it_waits_for_its_first_subscriber(small: Session) -> None:
    async with hl.Server(small.replay(FAST), port=0, wire="kraken") as server, connected(f"{server.url}/v2") as socket:
        await ask(socket, "ping")
        async for message in messages(socket):
            if message.get("method") == "pong":
                break
        assert server.replay_status().state is ReplayState.WAITING
        await ask(socket, "subscribe", channel="book", symbol=["BTC/EUR"])
        await until(server, ReplayState.ENDED)


async def test_a_simulated_day_has_it_with_trades(tmp_path: Path) -> None:
    """Its symbols become pairs with the currency of their instruments, and its orders a book of levels."""
    session = simulated(tmp_path)
    async with (
        hl.Server(session.replay(FAST), port=0, wire="kraken") as server,
        connected(f"{server.url}/v2") as socket,
    ):
        pairs = ["AAPL/USD", "BTC/USDT"]
        for channel in ("book", "trade", "ticker"):
            await ask(socket, "subscribe", channel=channel, symbol=pairs)
        books, seen = {pair: OracleBook(10) for pair in pairs}, Counter[str]()
        async for message in messages(socket):
            channel = message.get("channel")
            if channel == "book":
                (data,) = message["data"]
                books[data["symbol"]].take(message)
                assert books[data["symbol"]].checksum() == data["checksum"]
            if channel in ("book", "trade", "ticker") and message["type"] == "update":
                seen[channel] += 1
            if min(seen[name] for name in ("book", "trade", "ticker")) > 5:
                break


async def test_what_cannot_be_served_so_says_why(small: Session) -> None:
    with pytest.raises(HftlabError, match=r"wire='kraken'"):
        hl.Server(hl.simulator.RandomWalk(), wire="kraken")
    with pytest.raises(ArgumentError, match="market='spot' is for wire='binance'"):
        hl.Server(small.replay(), wire="kraken", market="spot")
    with pytest.raises(ArgumentError, match="native_limits="):
        hl.Server(small.replay(), wire="kraken", native_limits=hl.server.NativeLimits(lifetime=NANOSECONDS))
