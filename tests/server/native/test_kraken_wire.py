"""A recording in Kraken's wire: channels, requests, seeks, and books that have the venue's own checksums."""

from __future__ import annotations

import asyncio
import json
import socket as sockets
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.frames import Frame, Opcode

import hftlab as hl
from hftlab.book import BookSet
from hftlab.clock import NANOSECONDS
from hftlab.errors import ArgumentError, HftlabError
from hftlab.events import EventBatch
from hftlab.instruments import BINANCE, UNIT, Instrument
from hftlab.protocol import ReplayState
from hftlab.session import Session
from hftlab.session.event_table import EventTable
from hftlab.session.writer import SessionWriter
from hftlab.venues import kraken
from tests.batches import Row, make_batch
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
    while True:
        async with asyncio.timeout(PATIENCE):
            message = parse(await socket.recv())
        if message.get("channel") != "heartbeat":
            yield message


async def until(server: hl.Server, state: ReplayState) -> None:
    async with asyncio.timeout(PATIENCE):
        while server.replay_status().state is not state:
            await asyncio.sleep(0)


@pytest.mark.parametrize("lines", [700, pytest.param(1_000_000, marks=pytest.mark.soak)])
async def test_checksums_are_those_that_the_venue_gave(tmp_path: Path, lines: int) -> None:
    """Of the real capture, whose updates each carry the venue's: all of them, to the whole recorded depth."""
    session = imported(tmp_path, lines)
    expected = venue_checksums(cut_capture(tmp_path, lines))
    async with (
        hl.Server(session.replay(FAST), port=0, wire="kraken") as server,
        connected(f"{server.url}/v2") as socket,
    ):
        await ask(socket, "subscribe", channel="book", symbol=list(expected), depth=1000)
        told: dict[str, Counter[int]] = {pair: Counter() for pair in expected}
        reading = asyncio.create_task(_read_books(socket, told))
        await until(server, ReplayState.ENDED)
        await ask(socket, "ping")
        await reading
    for pair, checksums in expected.items():
        assert not Counter(checksums) - told[pair]


async def _read_books(socket: ClientConnection, told: dict[str, Counter[int]]) -> None:
    """Follow books of a thousand levels until a pong comes, and note their checksums."""
    books = {pair: OracleBook(1000) for pair in told}
    async for message in messages(socket):
        if message.get("method") == "pong":
            break
        if message.get("channel") == "book":
            (data,) = message["data"]
            books[data["symbol"]].take(message)
            assert books[data["symbol"]].checksum() == data["checksum"]
            told[data["symbol"]][data["checksum"]] += 1


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


@pytest.mark.parametrize("path", ["/v2", "/v2/", "/v2?a=b", "/ws.kraken.com/v2", "/beta-ws-auth.kraken.com:443/v2"])
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


async def test_frames_that_were_kept_raw_are_a_capture_with_the_same_book(session: Session, tmp_path: Path) -> None:
    """What the wire sends is what our own reader reads: every checksum matches, and the book is the recorded one."""
    lines = []
    async with (
        hl.Server(session.replay(FAST), port=0, wire="kraken") as server,
        connected(f"{server.url}/v2") as socket,
    ):
        await ask(socket, "subscribe", channel="book", symbol=[END], depth=1000)
        await until(server, ReplayState.ENDED)
        await ask(socket, "ping")
        async with asyncio.timeout(PATIENCE):
            while b'"pong"' not in (payload := await socket.recv(decode=False)):
                lines.append(b"%d %s\n" % (1_790_000_000 * NANOSECONDS + len(lines), payload))
    path = tmp_path / "raw.txt"
    path.write_bytes(b"".join(lines))
    books = BookSet()
    reader = kraken.read(path)
    for batch in reader:
        books.apply(batch)
    assert reader.verification.differing == 0
    assert reader.verification.checked.total() > 10
    (copy,) = reader.instruments
    sides = books[copy].bids(1000), books[copy].asks(1000)
    recorded = BookSet()
    instruments = [Instrument.from_dict(one) for one in session.manifest.source["instruments"]]
    recorded.apply(EventBatch.from_polars(session.events.collect().drop("symbol"), instruments))
    (own,) = (one for one in instruments if one.symbol == "XBT/CHF")
    assert (copy.tick, copy.lot) == (own.tick, own.lot)
    assert [[level[:2] for level in side] for side in sides] == [
        [level[:2] for level in side] for side in (recorded[own].bids(1000), recorded[own].asks(1000))
    ]


async def test_a_reader_that_does_not_read_is_disconnected_and_its_neighbour_is_not(session: Session) -> None:
    """What waits for it is bounded: each seek brings a snapshot of a thousand levels of each pair."""
    slow = sockets.socket()
    slow.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    limits = hl.server.ServerLimits(queue_bytes=64 * 1024, queue_messages=50, write_deadline=1.0)
    async with hl.Server(session.replay(), port=0, wire="kraken", limits=limits) as server:
        server.clock.pause()
        slow.connect(("127.0.0.1", server.port))
        slow.setblocking(False)
        head = (
            f"GET /v2 HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        params = {"channel": "book", "symbol": ["BTC/CHF", "XMR/USD", "SC/EUR", "ADA/BTC"], "depth": 1000}
        request = json.dumps({"method": "subscribe", "params": params}).encode()
        slow.sendall(head.encode() + Frame(Opcode.TEXT, request).serialize(mask=True))
        async with connected(f"{server.url}/v2") as neighbour, asyncio.timeout(PATIENCE):
            second = 4
            while not server.stats()["aborted"]:
                second = 9 - second
                await server.replay.seek(at(session, second))
                await ask(neighbour, "ping")
                await neighbour.recv()
        assert server.stats()["aborted"] == {"slow consumer": 1}
    slow.close()


async def test_of_a_session_with_pairs_of_kraken_only_these_are_served(tmp_path: Path) -> None:
    """A pair of another venue may even have the same name."""
    ours = Instrument("BTC/USD", kraken.KRAKEN, UNIT // 10, UNIT // 1000, "USD")
    other = Instrument("BTCUSD", BINANCE, UNIT // 10, UNIT // 1000, "USD")
    rows = [Row("R"), Row("A", "B", 1000, 5), Row("R", instrument=1), Row("A", "B", 900, 5, instrument=1)]
    writer = SessionWriter(tmp_path / "two", source={"instruments": [one.to_dict() for one in (ours, other)]})
    table = EventTable(writer)
    table.add(make_batch(rows, (ours, other)))
    table.flush()
    writer.close()
    session = hl.open_session(tmp_path / "two")
    async with hl.Server(session.replay(), port=0, wire="kraken") as server, connected(f"{server.url}/v2") as socket:
        await ask(socket, "subscribe", channel="instrument")
        await ask(socket, "subscribe", channel="book", symbol=["BTC/USD"])
        async for message in messages(socket):
            if message.get("channel") == "instrument":
                assert [pair["symbol"] for pair in message["data"]["pairs"]] == ["BTC/USD"]
            if message.get("channel") == "book":
                assert message["data"][0]["bids"] == [{"price": "100.0", "qty": "0.005"}]
                break
