"""The native wire end to end: streams and requests of a recording, beside our own protocol on the same port."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

import hftlab as hl
from hftlab.errors import HftlabError
from hftlab.protocol import ReplayState
from hftlab.server import NativeLimits
from hftlab.server.native.event_cursor import EventCursor
from hftlab.session import Session
from tests.server.native.connecting import connected
from tests.server.native.local_book import LocalBook
from tests.server.native.recordings import at, book_of, imported, simulated
from tests.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("compiled")


@pytest.fixture(scope="module")
def spot(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return imported("spot_btcusdt_20240808", tmp_path_factory.mktemp("spot"))


@pytest.fixture(scope="module")
def usdm(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return imported("usdm_btcusdt_20240808", tmp_path_factory.mktemp("usdm"))


@pytest.fixture
async def server(spot: Session) -> AsyncIterator[hl.Server]:
    async with hl.Server(spot.replay(20), port=0, wire="binance") as server:
        yield server


async def requested(server: hl.Server, path: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=server.native_urls[0].requests) as client:
        return await client.get(path)


async def book_after(server: hl.Server, path: str, request: str, updates: int, book: LocalBook) -> None:
    """Keep a book by the published rules for some updates."""
    async with connected(f"{server.native_urls[0].streams}{path}") as socket:
        book.update(json.loads(await socket.recv()))
        while not book.snapshot((await requested(server, request)).json()):
            book.update(json.loads(await socket.recv()))
        for _ in range(updates):
            book.update(json.loads(await socket.recv()))


async def test_a_client_that_follows_the_published_rules_has_the_recorded_book(
    server: hl.Server, spot: Session
) -> None:
    """Subscribe, buffer, ask for the book, apply: the levels are those of the recorded events at the same id."""
    book = LocalBook()
    await book_after(server, "/ws/btcusdt@depth@100ms", "/api/v3/depth?symbol=BTCUSDT&limit=5000", 80, book)
    assert book.gaps == 0
    assert book.last is not None
    assert book.sides() == book_of(spot, book.last)


async def test_so_does_one_of_futures(usdm: Session) -> None:
    book = LocalBook(is_futures=True)
    async with hl.Server(usdm.replay(10), port=0, wire="binance") as server:
        path, request = "/public/ws/btcusdt@depth@0ms", "/fapi/v1/depth?symbol=BTCUSDT&limit=1000"
        await book_after(server, path, request, 120, book)
    assert book.gaps == 0
    assert book.last is not None
    # Deeper ones are not in the answer, and come when they change.
    expected = book_of(usdm, book.last)
    assert [side[:500] for side in book.sides()] == [side[:500] for side in expected]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v3/ping", 200),
        ("/spot/api/v3/ping", 200),
        ("/api.binance.com/api/v3/time", 200),
        ("/api1.binance.com:443/api/v3/ping", 200),
        ("/fapi.binance.com/fapi/v1/exchangeInfo", 200),
        ("/api/v3/depth?symbol=ETHUSDT", 400),
        ("/api/v3/klines?symbol=BTCUSDT", 404),
        ("/sapi/v1/capital/config/getall", 404),
        ("/api.binance.com/sapi/v1/capital/config/getall", 404),
        ("/api/v3/depth?symbol=%ff&limit=[", 400),
        ("/api.binance.com//[", 426),
        ("/health", 200),
        ("/other", 426),
    ],
)
async def test_requests_have_their_paths(server: hl.Server, path: str, status: int) -> None:
    assert (await requested(server, path)).status_code == status


async def test_the_used_weight_is_in_the_headers_and_too_much_is_429(spot: Session) -> None:
    limits = NativeLimits(weight=60)
    async with hl.Server(spot.replay(), port=0, wire="binance", native_limits=limits) as server:
        answers = [await requested(server, "/api/v3/exchangeInfo") for _ in range(4)]
    assert [one.headers["X-MBX-USED-WEIGHT-1M"] for one in answers[:3]] == ["20", "40", "60"]
    assert (answers[3].status_code, answers[3].json()["code"]) == (429, -1003)
    assert 1 <= int(answers[3].headers["Retry-After"]) <= 60


@pytest.mark.parametrize(
    ("path", "gets"),
    [
        ("/ws/btcusdt@aggTrade", True),
        ("/usdm/ws/btcusdt@aggTrade", True),
        ("/fstream.binance.com/ws/btcusdt@aggTrade", True),
        ("/market/ws/btcusdt@aggTrade", True),
        ("/fstream.binance.com/market/stream?streams=btcusdt@aggTrade", True),
        ("/public/ws/btcusdt@aggTrade", False),
        ("/market/ws/btcusdt@depth@0ms", False),
        ("/private/ws/btcusdt@aggTrade", False),
        ("/spot/ws/btcusdt@aggTrade", False),
    ],
)
async def test_a_stream_comes_on_its_route_alone(usdm: Session, path: str, gets: bool) -> None:
    """As at Binance, one on another route is accepted and silent: its neighbour on the right route gets trades."""
    async with (
        hl.Server(usdm.replay(50), port=0, wire="binance") as server,
        connected(f"{server.url}{path}") as socket,
        connected(f"{server.url}/market/ws/btcusdt@aggTrade") as neighbour,
    ):
        for _ in range(20):
            await neighbour.recv()
        await socket.send('{"method":"LIST_SUBSCRIPTIONS","id":1}')
        messages = []
        while "id" not in (message := json.loads(await socket.recv())):
            messages.append(message)
    assert bool(messages) is gets


async def test_our_own_protocol_controls_it_on_the_same_port(spot: Session) -> None:
    """Paused, stepped, sped up, sought: the native streams follow at once, and the book is the position's."""
    async with (
        hl.Server(spot.replay(1), port=0, wire="binance") as server,
        hl.Client(server.url) as client,
        connected(f"{server.url}/ws/btcusdt@depth@100ms") as socket,
    ):
        assert spot.manifest.started is not None
        await client.replay.pause()
        await client.replay.seek(spot.manifest.started + 5_000_000_000)
        await client.replay.step(seconds=3.0)
        answer: dict[str, Any] = (await requested(server, "/api/v3/depth?symbol=BTCUSDT&limit=5000")).json()
        last = json.loads(await socket.recv())
        while last["u"] < answer["lastUpdateId"]:
            last = json.loads(await socket.recv())
        assert last["u"] == answer["lastUpdateId"]  # also what would wait for its interval was sent
        book = LocalBook()
        assert book.snapshot(answer)
        assert book.sides() == book_of(spot, answer["lastUpdateId"])
        time = (await requested(server, "/api/v3/time")).json()["serverTime"]
        assert time == (spot.manifest.started + 8_000_000_000) // 1_000_000


async def test_while_it_is_sought_requests_are_refused_and_subscriptions_wait(
    spot: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The markets are another thread's meanwhile: nobody reads them."""
    begun, goes_on, sought = threading.Event(), threading.Event(), EventCursor.seek

    def slowly(cursor: EventCursor, position: int) -> None:
        begun.set()
        assert goes_on.wait(PATIENCE)
        sought(cursor, position)

    async with (
        hl.Server(spot.replay(20), port=0, wire="binance") as server,
        hl.Client(server.url) as client,
        connected(f"{server.url}/ws") as socket,
    ):
        monkeypatch.setattr(EventCursor, "seek", slowly)
        touched = note_takes(monkeypatch, lambda: begun.is_set() and not goes_on.is_set())
        await client.replay.pause()
        seeking = asyncio.create_task(client.replay.seek(at(spot, 5)))
        try:
            assert await asyncio.to_thread(begun.wait, PATIENCE)
            answer = await requested(server, "/api/v3/depth?symbol=BTCUSDT")
            assert (answer.status_code, answer.headers["Retry-After"], answer.json()["code"]) == (503, "1", -1001)
            assert (await requested(server, "/health")).status_code == 200
            await socket.send('{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"],"id":1}')
            assert json.loads(await socket.recv()) == {"result": None, "id": 1}
        finally:
            goes_on.set()
        await seeking
        book = LocalBook()
        assert book.snapshot((await requested(server, "/api/v3/depth?symbol=BTCUSDT&limit=5000")).json())
        await client.replay.resume()
        for _ in range(5):
            book.update(json.loads(await socket.recv()))
    assert touched == []
    assert book.gaps == 0
    assert book.last is not None
    assert book.sides() == book_of(spot, book.last)


async def test_a_server_that_stops_in_the_middle_of_a_seek_lets_nobody_at_the_markets(
    spot: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread of the seek goes on; a client that waits for its end goes without."""
    begun, goes_on = threading.Event(), threading.Event()

    def slowly(cursor: EventCursor, position: int) -> None:
        begun.set()
        goes_on.wait(PATIENCE)

    server = hl.Server(spot.replay(20), port=0, wire="binance")
    try:
        async with server, connected(f"{server.url}/ws") as socket:
            monkeypatch.setattr(EventCursor, "seek", slowly)
            touched = note_takes(monkeypatch, lambda: begun.is_set() and not goes_on.is_set())
            seeking = asyncio.create_task(server.replay.seek(at(spot, 5)))
            assert await asyncio.to_thread(begun.wait, PATIENCE)
            await socket.send('{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"],"id":1}')
            await socket.recv()
            async with asyncio.timeout(PATIENCE):
                await server.stop()
            seeking.cancel()
            assert touched == []
    finally:
        goes_on.set()


def note_takes(monkeypatch: pytest.MonkeyPatch, is_sought: Callable[[], bool]) -> list[int]:
    """Return a list that gets the time of every take while it is sought."""
    take, found = EventCursor.take, list[int]()

    def noted(cursor: EventCursor, until: int) -> None:
        if is_sought():
            found.append(until)
        else:
            take(cursor, until)

    monkeypatch.setattr(EventCursor, "take", noted)
    return found


async def test_after_a_seek_on_the_ids_do_not_join(spot: Session) -> None:
    """A client that follows the rules sees the gap, and asks for the book anew."""
    book = LocalBook()
    async with (
        hl.Server(spot.replay(1), port=0, wire="binance") as server,
        hl.Client(server.url) as client,
        connected(f"{server.url}/ws/btcusdt@depth@100ms") as socket,
    ):
        assert spot.manifest.started is not None
        await client.replay.pause()
        await client.replay.step(seconds=2.0)
        book.snapshot((await requested(server, "/api/v3/depth?symbol=BTCUSDT&limit=5000")).json())
        await client.replay.seek(spot.manifest.started + 8_000_000_000)
        await client.replay.step(seconds=2.0)
        while not book.gaps:
            book.update(json.loads(await socket.recv()))
        while not book.snapshot((await requested(server, "/api/v3/depth?symbol=BTCUSDT&limit=5000")).json()):
            book.update(json.loads(await socket.recv()))
        assert book.last is not None
        assert book.sides() == book_of(spot, book.last)


async def test_a_seek_back_ends_the_connections(spot: Session) -> None:
    """Clients take older ids for late copies: they have to come back and begin anew."""
    async with (
        hl.Server(spot.replay(1), port=0, wire="binance") as server,
        hl.Client(server.url) as client,
        connected(f"{server.url}/ws/btcusdt@depth@100ms") as socket,
    ):
        assert spot.manifest.started is not None
        await client.replay.pause()
        await client.replay.step(seconds=5.0)
        await client.replay.seek(spot.manifest.started + 1_000_000_000)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            while True:
                await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        await client.replay.resume()  # our own connection stays


async def test_it_waits_for_its_first_subscriber(spot: Session) -> None:
    """A connection without streams does not start it; SUBSCRIBE does. The book can be asked for before."""
    async with (
        hl.Server(spot.replay(20), port=0, wire="binance") as server,
        connected(f"{server.url}/ws") as socket,
    ):
        assert (await requested(server, "/api/v3/depth?symbol=BTCUSDT")).json()["lastUpdateId"]
        assert server.replay_status().state is ReplayState.WAITING
        await socket.send('{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}')
        first = [json.loads(await socket.recv()) for _ in range(2)]
        assert [one for one in first if one.get("id") == 1]
        assert server.replay_status().state is not ReplayState.WAITING


async def test_orders_of_a_simulated_exchange_are_a_book_of_levels(tmp_path: Path) -> None:
    """Ids of our own, one for each row of the recording; two markets on one port."""
    session = simulated(tmp_path)
    async with hl.Server(session.replay(1), port=0, wire="binance", market="spot") as server:
        info = (await requested(server, "/api/v3/exchangeInfo")).json()
        assert {one["symbol"] for one in info["symbols"]} == {"AAPL", "BTCUSDT"}
        book = LocalBook()
        await book_after(server, "/ws/aapl@depth@100ms", "/api/v3/depth?symbol=AAPL&limit=5000", 5, book)
        assert book.gaps == 0
        bids, asks = book.sides()
        assert bids[0][0] < asks[0][0]
    async with hl.Server(session.replay(1), port=0, wire="binance") as server:
        assert [one.market for one in server.native_urls] == ["spot"]


async def test_a_replay_that_takes_orders_has_it_too(spot: Session) -> None:
    """Orders go over our own protocol; the venue's streams are of the recorded market."""
    server = hl.Server(spot.replay(20), port=0, wire="binance", fills="risk_averse")
    async with server, connected(f"{server.url}/ws/btcusdt@trade") as socket:
        assert json.loads(await socket.recv())["e"] == "trade"


async def test_what_cannot_be_served_so_says_why(spot: Session) -> None:
    with pytest.raises(HftlabError, match="is made of several sessions, and a venue's own wire is of one"):
        hl.Server(hl.merged([spot, spot]), wire="binance")
    with pytest.raises(HftlabError, match="serve a recording"):
        hl.Server(hl.simulator.RandomWalk(7), wire="binance")
    with pytest.raises(HftlabError, match="market='swap'"):
        hl.Server(spot.replay(), wire="binance", market="swap")
    with pytest.raises(HftlabError, match="wire='ftx'"):
        hl.Server(spot.replay(), wire="ftx")  # type: ignore[arg-type]
