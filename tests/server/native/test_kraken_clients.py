"""A client that others wrote for Kraken's API v2, pointed at a recording by its address alone: ccxt.

Its book is the recorded one at the same time, and its trades are the recorded ones. (cryptofeed speaks API v1 alone.)
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

import hftlab as hl
from hftlab.book import BookSet
from hftlab.events import EventBatch
from hftlab.instruments import UNIT, Instrument
from hftlab.session import Session
from tests.server.native.kraken_recordings import imported
from tests.server.native.recordings import simulated
from tests.waiting import PATIENCE

pytestmark = [
    pytest.mark.usefixtures("compiled"),
    pytest.mark.filterwarnings("ignore"),  # theirs
]

PAIR = "XMR/USD"
UPDATES = 8
SPEED = 20


def exchange_at(server: hl.Server) -> Any:
    """Make ccxt's exchange with its addresses behind ours."""
    from ccxt import pro

    exchange = pro.kraken()
    urls = server.native_urls[0]
    api = exchange.urls["api"]
    for name, url in api.items():
        if isinstance(url, str):
            api[name] = url.replace("https://", f"{urls.requests}/")
    for name, url in api["ws"].items():
        api["ws"][name] = url.replace("wss://", f"{urls.streams}/")
    return exchange


Sides = list[list[tuple[float, float]]]


def books_of(session: Session, symbol: str) -> dict[int, list[Sides]]:
    """Return the best ten bids and asks after each event of a book, by the event's ms, from the events alone."""
    events = session.events.collect()
    instruments = [Instrument.from_dict(one) for one in session.manifest.source["instruments"]]
    batch = EventBatch.from_polars(events.drop("symbol"), instruments)
    number = next(at for at, one in enumerate(instruments) if one.symbol == symbol)
    books = BookSet()
    found: defaultdict[int, list[Sides]] = defaultdict(list)
    ends = [at for at, flags in enumerate(batch.flags.tolist()) if flags & 128 and batch.instrument_id[at] == number]
    start = 0
    for end in ends:
        books.apply(batch[start : end + 1])
        start = end + 1
        book = books[instruments[number]]
        sides = [[level[:2] for level in side] for side in (book.bids(10), book.asks(10))]
        found[int(batch.ts_event[end]) // 1_000_000].append(sides)
    return found


async def test_its_book_is_the_recorded_one_and_its_checksums_too(tmp_path: Path) -> None:
    session = imported(tmp_path)
    recorded = books_of(session, PAIR)
    async with hl.Server(session.replay(SPEED), port=0, wire="kraken") as server:
        exchange = exchange_at(server)
        try:
            async with asyncio.timeout(PATIENCE):
                await exchange.load_markets()
                market = exchange.markets[PAIR]
                compared = 0
                while compared < UPDATES:
                    book = await exchange.watch_order_book(PAIR, 10)
                    if book["timestamp"] is None:  # a snapshot
                        continue
                    bids, asks = ([tuple(level[:2]) for level in book[side][:10]] for side in ("bids", "asks"))
                    assert [bids, asks] in recorded[book["timestamp"]]
                    compared += 1
        finally:
            await exchange.close()
    instruments = [Instrument.from_dict(one) for one in session.manifest.source["instruments"]]
    (own,) = (one for one in instruments if one.symbol == PAIR)
    assert market["precision"] == {"price": own.tick / UNIT, "amount": own.lot / UNIT}


async def test_its_trades_and_tickers_are_those_of_the_recording(tmp_path: Path) -> None:
    session = simulated(tmp_path)
    events = session.events.collect()
    async with hl.Server(session.replay(SPEED), port=0, wire="kraken") as server:
        exchange = exchange_at(server)
        try:
            async with asyncio.timeout(PATIENCE):
                trades = await exchange.watch_trades("BTC/USDT")
                ticker = await exchange.watch_ticker("BTC/USDT")
                book = await exchange.fetch_order_book("BTC/USDT", 5)
        finally:
            await exchange.close()
    assert ticker["bid"] < ticker["ask"]
    assert len(book["bids"]) == 5
    assert trades
    for trade in trades:
        row = events.row(int(trade["id"]) - 1, named=True)
        assert (row["action"], row["price"] / UNIT) == (ord("T"), trade["price"])
