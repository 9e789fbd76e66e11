"""Recordings without a venue's events: their levels and trades are those of their messages."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

import hftlab as hl
from hftlab.errors import HftlabError
from hftlab.instruments import UNIT, find_instrument
from hftlab.protocol import OrderBookLevel
from hftlab.server.native.message_events import MessageEvents, events_of
from hftlab.server.native.session_events import SessionEvents
from hftlab.session import Session
from tests.protocol.conftest import market_data, symbol
from tests.server.native.connecting import connected
from tests.server.native.local_book import LocalBook
from tests.server.native.recordings import simulated
from tests.session.sessions import write_session

pytestmark = pytest.mark.usefixtures("compiled")

SECOND = 1_000_000_000
START = 1_767_364_200 * SECOND


def level(price: float, size: float) -> OrderBookLevel:
    return OrderBookLevel(price=price, size=size, orders=1)


def recorded(folder: Path, sizes: list[float], name: str = "AAPL", price: float = 175.25) -> Session:
    """Record a book a second, whose best bid has one size after the other."""
    messages = [
        market_data(symbol(name, price, bids=[level(price, size), level(price - 1, 5.0)], asks=[level(price + 1, 7.0)]))
        for size in sizes
    ]
    return write_session(folder / "session", [(START + at * SECOND, one) for at, one in enumerate(messages)])


def test_a_known_instrument_is_itself_and_another_has_the_steps_of_its_numbers(tmp_path: Path) -> None:
    (known,) = MessageEvents(recorded(tmp_path / "a", [1.0, 2.0])).instruments
    assert known == find_instrument("AAPL")
    (other,) = MessageEvents(recorded(tmp_path / "b", [0.5, 2.0], "NEW", 1.5)).instruments
    assert (other.tick, other.lot, other.venue.name) == (UNIT // 2, UNIT // 2, "RECORDED")
    (large,) = MessageEvents(recorded(tmp_path / "c", [1e15], "TOKEN")).instruments
    assert large.lot == 1


def test_events_come_first_where_there_are_some(tmp_path: Path) -> None:
    assert isinstance(events_of(simulated(tmp_path, 0.2)), SessionEvents)
    events = events_of(recorded(tmp_path, [1.0, 2.0, 3.0]))
    assert isinstance(events, MessageEvents)
    assert (len(events), events.started(0)) == (1, START)
    loaded = events.load(0)
    assert loaded.numbers.tolist() == list(range(1, len(loaded.batch) + 1))


def test_a_session_without_a_book_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    session = write_session(tmp_path / "session", [])
    with pytest.raises(HftlabError, match=r"neither events nor books.*hftlab import"):
        events_of(session)


async def test_a_client_has_the_book_of_the_messages(tmp_path: Path) -> None:
    """It follows a recording that a client of ours has made, and has its last book at the end."""
    session = recorded(tmp_path, [1.0, 2.0, 4.0, 8.0, 16.0])
    book = LocalBook()
    async with hl.Server(session.replay(20), port=0, wire="binance") as server:
        urls = server.native_urls[0]
        async with connected(f"{urls.streams}/ws/aapl@depth@100ms") as socket, httpx.AsyncClient() as client:
            answer = await client.get(f"{urls.requests}/api/v3/depth?symbol=AAPL")
            assert book.snapshot(answer.json())
            while book.bids.get(Decimal("175.25")) != 16:
                book.update(json.loads(await socket.recv()))
    assert book.gaps == 0
    bids, asks = book.sides()
    assert bids == [(Decimal("175.25"), Decimal(16)), (Decimal("174.25"), Decimal(5))]
    assert asks == [(Decimal("176.25"), Decimal(7))]
