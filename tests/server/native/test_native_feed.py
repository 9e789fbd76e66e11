"""The feed follows a position wherever it goes, and what it sends is what each stream has to say on the way."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from hftlab.server.native.event_cursor import EventCursor
from hftlab.server.native.native_feed import NativeFeed
from hftlab.server.native.session_events import SessionEvents
from hftlab.session import Session
from hftlab.venues.binance.api.markets import SPOT, USDM, Market
from hftlab.venues.binance.api.stream_names import parse_stream
from hftlab.venues.binance.api.stream_set import StreamSet
from hftlab.venues.market_state.recorded_market import RecordedMarket
from tests.server.native.local_book import LocalBook
from tests.server.native.recordings import book_of, imported, imported_with_gap

pytestmark = pytest.mark.usefixtures("compiled")

DEPTH = 500


class Connections:
    """In place of real ones: keeps what is sent, and counts how often all were closed."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.closed = 0
        self.next_end = None

    def send(self, broadcasts: Iterable[Any]) -> None:
        self.sent += [json.loads(one.payload) for one in broadcasts]

    def close_all(self, reason: str) -> None:
        self.closed += 1

    def end_lives(self, now: int) -> None:
        """Nobody's life ends here."""


class Followed:
    """A feed of a session with some streams, and what it sends."""

    def __init__(self, session: Session, *streams: str, market: Market = USDM) -> None:
        events = SessionEvents(session)
        self.recorded = RecordedMarket({"BTCUSDT": events.instruments[0]})
        self.streams: StreamSet[Any] = StreamSet(market, self.recorded)
        self.connections = Connections()
        self.feed = NativeFeed(EventCursor(events, [self.recorded]), [self.streams], self.connections)  # type: ignore[arg-type]
        self.start, self.end = events.started(0), int(events.load(len(events) - 1).times[-1])
        for text in streams:
            name = parse_stream(text, market, self.streams.writers)
            assert name is not None
            self.streams.add(name, "bot", combined=False)

    def take(self) -> list[Any]:
        """Return what has been sent since the last call."""
        sent, self.connections.sent = self.connections.sent, []
        return sent

    def answer(self) -> Any:
        """Return the book as a request gets it."""
        sides = [self.recorded.levels("BTCUSDT", is_bid=is_bid) for is_bid in (True, False)]
        return json.loads(self.streams.writers["BTCUSDT"].book(*sides))


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return imported("usdm_btcusdt_20240808", tmp_path_factory.mktemp("usdm"))


def test_without_readers_it_has_nothing_to_do(session: Session) -> None:
    followed = Followed(session)
    assert followed.feed.next_time() is None
    followed.feed.advance(followed.end)
    assert followed.take() == []
    assert followed.recorded.states["BTCUSDT"].has_book


@pytest.mark.parametrize("stream", ["btcusdt@depth@0ms", "btcusdt@trade", "btcusdt@bookTicker", "btcusdt@depth5@0ms"])
def test_a_stream_in_real_time_says_the_same_at_every_pace(session: Session, stream: str) -> None:
    """Advanced message by message, or over everything at once: what is sent is the same."""
    at_once, by_steps = Followed(session, stream), Followed(session, stream)
    at_once.feed.advance(at_once.end)
    while (at := by_steps.feed.next_time()) is not None:
        by_steps.feed.advance(at)
    sent = at_once.take()
    assert sent
    assert sent == by_steps.take()


def test_a_stream_of_an_interval_says_the_same_too(session: Session) -> None:
    at_once, by_steps = Followed(session, "btcusdt@depth@100ms"), Followed(session, "btcusdt@depth@100ms")
    at_once.feed.advance(at_once.end + 10**9)
    for until in range(by_steps.start, by_steps.end + 10**9, 7_000_000):
        by_steps.feed.advance(until)
    by_steps.feed.advance(by_steps.end + 10**9)
    assert at_once.take() == by_steps.take()


@pytest.mark.parametrize("seed", [*range(8), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(8, 300))])
def test_wherever_it_goes_a_client_has_the_book_or_sees_the_gap(session: Session, seed: int) -> None:
    """Played, flushed and sought at random; the connection ends when the ids go back, and never else.

    The client asks for the book when it sees a gap or has to come back, and otherwise only once.
    """
    dice = random.Random(seed)
    followed = Followed(session, "btcusdt@depth@100ms")
    book, position, gaps = LocalBook(is_futures=True), followed.start, 0
    followed.feed.advance(position + 10**9)
    for _ in range(30):
        target = dice.randint(followed.start + 10**9, followed.end)
        if target > position and dice.random() < 0.6:
            followed.feed.advance(min(target, position + 10**9))
            position = min(target, position + 10**9)
        else:
            closed = followed.connections.closed
            followed.feed.seek(target)
            followed.feed.moved()
            assert followed.connections.closed - closed == (target < position)
            if target < position:
                followed.take()
                book = LocalBook(is_futures=True)
            position = target
        followed.feed.flush()
        for message in followed.take():
            book.update(message)
        if book.last is None:
            gaps += book.gaps
            assert book.snapshot(followed.answer())
        if book.last == followed.recorded.states["BTCUSDT"].update_id:
            expected = book_of(session, book.last)
            assert [side[:DEPTH] for side in book.sides()] == [side[:DEPTH] for side in expected]


def test_a_gap_of_the_recording_is_one_of_the_stream(tmp_path: Path) -> None:
    """Ten updates were lost, and twenty later the recorder asked for the book: its readers do, too.

    In between there is no book to be had, and what is sent before and behind joins.
    """
    session = imported_with_gap(tmp_path, lost=range(40, 50), snapshot_after=70)
    followed = Followed(session, "btcusdt@depth@100ms", market=SPOT)
    book, without = LocalBook(), 0
    followed.feed.advance(followed.start + 10**9)
    assert book.snapshot(followed.answer())
    while (at := followed.feed.next_time()) is not None:
        followed.feed.advance(at)
        for message in followed.take():
            book.update(message)
        has_book = followed.recorded.states["BTCUSDT"].has_book
        without += not has_book
        if book.last is None and has_book:
            assert book.snapshot(followed.answer())
    assert (book.gaps, followed.connections.closed) == (1, 0)
    assert without > 0
    assert book.last is not None
    assert book.sides() == book_of(session, book.last)


def test_ids_that_begin_anew_end_the_connections(session: Session) -> None:
    followed = Followed(session, "btcusdt@depth@0ms")
    followed.feed.advance(followed.start + 10**9)
    followed.recorded.has_begun_anew = True
    followed.feed.flush()
    assert followed.connections.closed == 1
    followed.feed.flush()
    assert followed.connections.closed == 1
