"""Clients that others wrote for Binance, pointed at a recording by its address alone: ccxt, python-binance, cryptofeed.

Their books are those of the recorded events at the same update id, and their trades are the recorded ones.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trustme

import hftlab as hl
from hftlab.lab.server import LabServer
from hftlab.session import Session
from tests.server.native.local_book import Levels
from tests.server.native.recordings import book_of, imported, trades_of
from tests.waiting import PATIENCE

pytestmark = [
    pytest.mark.usefixtures("compiled"),
    pytest.mark.filterwarnings("ignore"),  # theirs
]

SPEED = 20
UPDATES = 40
DEPTH = 200
"""Levels that are compared of clients that ask for the best thousand: deeper ones may be missing there."""


class Recording(NamedTuple):
    """Recording of BTCUSDT at one of Binance's markets."""

    market: str
    session: Session


@pytest.fixture(scope="module", params=["spot", "usdm"])
def recording(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    folder = tmp_path_factory.mktemp(request.param)
    return Recording(request.param, imported(f"{request.param}_btcusdt_20240808", folder, lines=6000))


@pytest.fixture
def server(recording: Recording) -> Iterator[LabServer]:
    with hl.serve(recording.session.replay(SPEED), port=0, wire="binance") as server:
        yield server


def rounded(levels: Levels, depth: int | None = None) -> list[tuple[float, float]]:
    return [(float(price), float(size)) for price, size in levels[:depth]]


class TestCcxt:
    """ccxt.pro, with its addresses behind ours: it tells spot from futures by the name of the host in them."""

    @staticmethod
    def exchange(server: LabServer) -> Any:
        from ccxt import pro

        exchange = pro.binance()
        urls = server.native_urls[0]
        api = exchange.urls["api"]
        for name, url in api.items():
            if isinstance(url, str):
                api[name] = url.replace("https://", f"{urls.requests}/")
        for name, url in api["ws"].items():
            if isinstance(url, str):
                api["ws"][name] = url.replace("wss://", f"{urls.streams}/")
        return exchange

    async def test_its_book_is_the_recorded_one_and_its_trades_too(
        self, server: LabServer, recording: Recording
    ) -> None:
        """It loads the markets, subscribes, fetches a snapshot and follows the updates."""
        exchange = self.exchange(server)
        symbol = "BTC/USDT" if recording.market == "spot" else "BTC/USDT:USDT"
        try:
            async with asyncio.timeout(PATIENCE):
                await exchange.load_markets()
                books = []
                while len(books) < UPDATES:
                    book = await exchange.watch_order_book(symbol)
                    sides = [[tuple(level[:2]) for level in book[side][:DEPTH]] for side in ("bids", "asks")]
                    books.append((book["nonce"], *sides))
                trades = await exchange.watch_trades(symbol)
                limit = exchange.markets[symbol]["precision"]
        finally:
            await exchange.close()
        assert limit["price"] == float(recording.session.manifest.source["instruments"][0]["tick"] / 1e9)
        for update_id, bids, asks in books[:: UPDATES // 4]:
            expected = book_of(recording.session, update_id)
            assert bids == rounded(expected[0], DEPTH)
            assert asks == rounded(expected[1], DEPTH)
        recorded = trades_of(recording.session)
        assert [(float(one["price"]), float(one["amount"])) for one in trades] == [
            (float(recorded[int(one["id"])][0]), float(recorded[int(one["id"])][1])) for one in trades
        ]


class TestPythonBinance:
    """python-binance, with the class attributes that hold its addresses set to ours."""

    @pytest.fixture(autouse=True)
    def addresses(self, server: LabServer, monkeypatch: pytest.MonkeyPatch) -> None:
        from binance import AsyncClient, BinanceSocketManager

        urls = server.native_urls[0]
        monkeypatch.setattr(AsyncClient, "API_URL", f"{urls.requests}/api")
        monkeypatch.setattr(AsyncClient, "FUTURES_URL", f"{urls.requests}/fapi")
        monkeypatch.setattr(BinanceSocketManager, "STREAM_URL", f"{urls.streams}/")
        monkeypatch.setattr(BinanceSocketManager, "FSTREAM_URL", f"{urls.streams}/")

    async def test_its_depth_is_the_recorded_one(self, recording: Recording) -> None:
        """Its depth cache of spot follows the updates; of futures it takes partial books as they come."""
        from binance import AsyncClient, BinanceSocketManager, DepthCacheManager

        client = await AsyncClient.create()
        try:
            async with asyncio.timeout(PATIENCE):
                if recording.market == "spot":
                    manager = DepthCacheManager(client, "BTCUSDT", ws_interval=100, limit=5000, conv_type=Decimal)
                    async with manager:
                        for _ in range(UPDATES):
                            cache = await manager.recv()
                        update_id = manager._last_update_id
                        bids, asks = cache.get_bids(), cache.get_asks()
                    depth = None
                else:
                    sockets, depth = BinanceSocketManager(client), 20
                    async with sockets.futures_depth_socket("BTCUSDT", depth=str(depth)) as socket:
                        for _ in range(UPDATES):
                            message = (await socket.recv())["data"]
                    update_id, bids, asks = message["u"], message["b"], message["a"]
        finally:
            await client.close_connection()
        expected = book_of(recording.session, update_id)
        assert [(Decimal(price), Decimal(size)) for price, size in bids] == expected[0][:depth]
        assert [(Decimal(price), Decimal(size)) for price, size in asks] == expected[1][:depth]


class TestCryptofeed:
    """cryptofeed, in a process of its own: it takes TLS addresses alone, and reads its certificates when it starts."""

    def test_its_book_is_the_recorded_one_and_its_trades_too(self, recording: Recording, tmp_path: Path) -> None:
        authority = trustme.CA()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        roots = tmp_path / "roots.pem"
        authority.cert_pem.write_to_path(roots)
        environment = os.environ | {"SSL_CERT_FILE": str(roots), "REQUESTS_CA_BUNDLE": str(roots)}
        with hl.serve(recording.session.replay(SPEED), port=0, wire="binance", ssl=context) as server:
            urls = server.native_urls[0]
            arguments = [recording.market, urls.streams, urls.requests, str(UPDATES), str(DEPTH)]
            done = subprocess.run(
                [sys.executable, Path(__file__).with_name("cryptofeed_client.py"), *arguments],
                env=environment,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        for update_id, *sides in told["books"][:: UPDATES // 4]:
            expected = book_of(recording.session, update_id)
            for side, levels in zip(sides, expected, strict=True):
                assert [(Decimal(price), Decimal(size)) for price, size in side] == levels[:DEPTH]
        recorded = trades_of(recording.session)
        assert told["trades"]
        assert all(recorded[first][0] == Decimal(price) for first, price in told["trades"])
