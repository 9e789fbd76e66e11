"""What a client knows of a symbol whose parts come on several channels, and what it lets go of."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from hftlab.errors import NetworkError, ServerError
from hftlab.protocol import (
    Ack,
    BookDelta,
    ChannelInfo,
    DataType,
    MarketData,
    SlowConsumer,
    Subscribe,
    Unsubscribe,
)
from hftlab.protocol.book import Book
from hftlab.protocol.level_book import LevelBook
from hftlab.protocol.subscribing.loss import Loss
from hftlab.protocol.subscribing.subscriber import Subscriber
from tests.protocol.conftest import level, market_data, symbol, trade

QUOTES, ORDER_BOOK, BOOK_DELTA, TRADES = DataType.QUOTES, DataType.ORDER_BOOK, DataType.BOOK_DELTA, DataType.TRADES
CHANNELS = {1: QUOTES, 2: ORDER_BOOK, 3: BOOK_DELTA, 4: TRADES}
"""Each kind has a channel of its own."""


def info(channel: int, *symbols: str, frequency: int = 0) -> ChannelInfo:
    return ChannelInfo(
        channel=channel,
        symbols=list(symbols),
        data_types=[CHANNELS[channel]],
        frequency=frequency,
        slow_consumer=SlowConsumer.CONFLATE,
        sequence=0,
    )


def subscribed(*kinds: DataType, symbols: tuple[str, ...] = ("AAPL", "MSFT")) -> Subscriber:
    """Each kind at a pace of its own."""
    subscriber = Subscriber()
    numbers = [number for number, kind in CHANNELS.items() if kind in kinds]
    for number in numbers:
        subscriber.wanted.add(symbols, [CHANNELS[number]], number)
    infos = [info(number, *symbols, frequency=number) for number in numbers]
    subscriber.receive(Ack(timestamp=1.0, message="", channels=infos))
    return subscriber


def quote(sequence: int, price: float = 10.0, name: str = "AAPL", **changes: Any) -> MarketData:
    return market_data(symbol(name, price, bids=None, asks=None, **changes), channel=1, sequence=sequence)


def depth(sequence: int, price: float = 10.0, name: str = "AAPL", **changes: Any) -> MarketData:
    return market_data(symbol(name, price, **changes), channel=2, sequence=sequence)


def delta(sequence: int, price: float = 10.0) -> BookDelta:
    bids, asks = [level(price - 1)], [level(price + 1)]
    return BookDelta(
        timestamp=1.0,
        channel=3,
        sequence=sequence,
        symbol="AAPL",
        exchange="X",
        bids=bids,
        asks=asks,
        checksum=LevelBook(bids, asks).checksum(sequence),
        ts_event=1.0,
        snapshot=True,
    )


def book_of(subscriber: Subscriber) -> Book:
    book = subscriber.book("AAPL")
    assert book is not None
    return book


class TestForgetting:
    def test_without_deltas_the_book_is_again_that_of_the_state(self) -> None:
        subscriber = subscribed(QUOTES, ORDER_BOOK, BOOK_DELTA)
        subscriber.receive(depth(1, 10.0))
        subscriber.receive(delta(1, 10.0))
        subscriber.wanted.remove(["AAPL"], [BOOK_DELTA])
        subscriber.forget(["AAPL"])
        subscriber.receive(depth(2, 20.0))
        assert book_of(subscriber).bids() == [(19.0, 1.0, 1)]

    def test_without_levels_there_is_no_book(self) -> None:
        subscriber = subscribed(QUOTES, ORDER_BOOK)
        subscriber.receive(depth(1, 10.0))
        subscriber.wanted.remove(["AAPL"], [ORDER_BOOK])
        subscriber.forget(["AAPL"])
        assert subscriber.book("AAPL") is None
        subscriber.receive(quote(1, 20.0))
        latest = subscriber.latest("AAPL")
        assert latest is not None
        assert (latest.price, latest.bids, latest.asks) == (20.0, None, None)
        assert subscriber.book("AAPL") is None

    def test_without_quotes_and_trades_there_is_no_last_trade(self) -> None:
        subscriber = subscribed(QUOTES, ORDER_BOOK)
        subscriber.receive(quote(1, last_trade=trade(10.0)))
        subscriber.wanted.remove(["AAPL"], [QUOTES])
        subscriber.forget(["AAPL"])
        subscriber.receive(depth(1))
        latest = subscriber.latest("AAPL")
        assert latest is not None
        assert latest.last_trade is None

    def test_with_deltas_alone_there_is_no_state(self) -> None:
        subscriber = subscribed(QUOTES, BOOK_DELTA)
        subscriber.receive(quote(1))
        subscriber.receive(delta(1))
        subscriber.wanted.remove(["AAPL"], [QUOTES])
        subscriber.forget(["AAPL"])
        assert subscriber.latest("AAPL") is None
        assert book_of(subscriber).bids() == [(9.0, 1.0, 1)]

    def test_what_ended_while_there_was_no_connection_is_not_known_on_the_next(self) -> None:
        subscriber = subscribed(QUOTES, ORDER_BOOK, BOOK_DELTA)
        subscriber.receive(depth(1))
        subscriber.receive(delta(1))
        subscriber.receive(depth(2, name="MSFT"))
        subscriber.disconnected()
        subscriber.wanted.remove(["AAPL"], [ORDER_BOOK, BOOK_DELTA])
        subscriber.wanted.remove(["MSFT"])
        subscriber.connected()
        assert subscriber.book("AAPL") is None
        assert subscriber.latest("AAPL") is not None
        assert subscriber.latest("MSFT") is None


class TestDoubt:
    def test_a_channel_without_levels_does_not_clear_up_a_book(self) -> None:
        subscriber = subscribed(QUOTES, ORDER_BOOK)
        subscriber.receive(depth(1, 10.0, timestamp=5.0))
        subscriber.receive(depth(3, 10.0, "MSFT"))
        assert book_of(subscriber).stale
        subscriber.receive(quote(1, 20.0, timestamp=9.0))
        book = book_of(subscriber)
        assert (book.stale, book.bids(), book.ts_event) == (True, [(9.0, 1.0, 1)], 5_000_000)
        subscriber.receive(depth(4, 20.0, timestamp=9.0))
        book = book_of(subscriber)
        assert (book.stale, book.bids(), book.ts_event) == (False, [(19.0, 1.0, 1)], 9_000_000)

    def test_nor_does_it_after_a_reconnection(self) -> None:
        subscriber = subscribed(QUOTES, ORDER_BOOK)
        subscriber.receive(depth(1))
        subscriber.disconnected()
        subscriber.connected()
        subscriber.receive(quote(1, 20.0))
        assert book_of(subscriber).stale
        subscriber.receive(depth(1, 20.0))
        assert not book_of(subscriber).stale

    def test_a_hole_among_the_quotes_is_none_in_the_book(self) -> None:
        subscriber = subscribed(QUOTES, ORDER_BOOK, BOOK_DELTA)
        subscriber.receive(depth(1))
        subscriber.receive(delta(1))
        subscriber.receive(quote(1))
        assert subscriber.receive(quote(3, name="MSFT")) == [Loss(1, 2, 2, "lost")]
        assert not book_of(subscriber).stale
        assert subscriber.stale_symbols() == {"AAPL"}

    def test_a_hole_of_an_unknown_channel_is_one_in_all(self) -> None:
        subscriber = subscribed(QUOTES, ORDER_BOOK)
        subscriber.receive(depth(1))
        subscriber.receive(market_data(symbol("MSFT"), channel=77, sequence=1))
        subscriber.receive(market_data(symbol("MSFT"), channel=77, sequence=3))
        assert book_of(subscriber).stale

    def test_the_last_trade_stays_until_the_next(self) -> None:
        subscriber = subscribed(QUOTES, ORDER_BOOK)
        subscriber.receive(quote(1, last_trade=trade(10.0)))
        subscriber.receive(depth(1))
        latest = subscriber.latest("AAPL")
        assert latest is not None
        assert latest.last_trade == trade(10.0)


class TestRequests:
    def test_what_is_not_wanted_any_more_is_not_asked_for(self) -> None:
        """A hole that shows while the UNSUBSCRIBE is on its way."""
        subscriber = subscribed(ORDER_BOOK)
        subscriber.receive(depth(1))
        subscriber.wanted.remove(["AAPL"])
        subscriber.receive(depth(3))
        assert [request.symbols for request in subscriber.requests()] == [["MSFT"]]

    def test_it_is_asked_for_on_the_newest_terms(self) -> None:
        subscriber = subscribed(ORDER_BOOK)
        subscriber.receive(depth(1))
        subscriber.wanted.add(["AAPL", "MSFT"], [ORDER_BOOK], 250, SlowConsumer.GAP)
        subscriber.receive(depth(3))
        (request,) = subscriber.requests()
        assert (request.frequency, request.slow_consumer) == (250, "GAP")

    def test_a_request_on_its_way_is_not_called_back(self) -> None:
        subscriber = subscribed(ORDER_BOOK)
        subscriber.receive(depth(1))
        with subscriber.requesting(Unsubscribe(timestamp=1.0, symbols=["AAPL"])):
            subscriber.receive(depth(3))
            assert [request.symbols for request in subscriber.requests()] == [["MSFT"]]
        assert subscriber.latest("AAPL") is None

    def test_one_that_is_refused_changes_nothing(self) -> None:
        subscriber = subscribed(QUOTES, ORDER_BOOK)
        subscriber.receive(depth(1))
        before = subscriber.wanted.requests()
        for request in (
            Unsubscribe(timestamp=1.0, symbols=["AAPL"]),
            Subscribe(timestamp=1.0, symbols=["AAPL", "NEW"], frequency=7),
        ):
            with pytest.raises(ServerError), subscriber.requesting(request):
                raise ServerError("no")
            assert subscriber.wanted.requests() == before
        assert subscriber.latest("AAPL") is not None

    def test_one_that_gets_no_answer_leaves_wanted_what_is_certain_to_be_streamed(self) -> None:
        subscriber = subscribed(ORDER_BOOK)
        subscriber.receive(depth(1))
        with pytest.raises(NetworkError), subscriber.requesting(Subscribe(timestamp=1.0, symbols=["NEW"])):
            raise NetworkError("no answer")
        with pytest.raises(NetworkError), subscriber.requesting(Unsubscribe(timestamp=1.0, symbols=["AAPL"])):
            raise NetworkError("no answer")
        assert subscriber.wanted.symbols == ["MSFT"]
        assert subscriber.latest("AAPL") is None

    def test_only_the_channels_kinds_are_asked_for(self) -> None:
        subscriber = subscribed(QUOTES, ORDER_BOOK, BOOK_DELTA)
        subscriber.receive(depth(1))
        subscriber.receive(depth(3))
        (request,) = subscriber.requests()
        assert (request.symbols, request.data_types) == (["AAPL", "MSFT"], ["ORDER_BOOK"])


def test_another_thread_sees_a_book_of_one_moment() -> None:
    """Each delta moves both best prices by one; whoever reads meets neither half a change nor an exception."""
    subscriber, truth, messages = subscribed(BOOK_DELTA), LevelBook([], []), []
    for sequence in range(1, 1500):
        best = 100.0 + sequence
        added, gone = [best - 5 + step for step in range(5)], [best - 30 + step for step in range(5)]
        bids = [*map(level, added), *(level(price, 0.0) for price in gone)]
        asks = [*(level(best + step) for step in range(5)), *(level(price, 0.0) for price in added)]
        truth.apply(bids, asks)
        messages.append(
            BookDelta(
                timestamp=1.0,
                channel=3,
                sequence=sequence,
                symbol="AAPL",
                exchange="X",
                bids=bids,
                asks=asks,
                checksum=truth.checksum(sequence),
                ts_event=best,
                snapshot=sequence == 1,
            )
        )
    subscriber.receive(messages[0])
    wrong: list[object] = []
    reads, ended = 0, threading.Event()

    def read() -> None:
        nonlocal reads
        while not ended.is_set():
            try:
                book = book_of(subscriber)
            except Exception as exc:
                wrong.append(exc)
                continue
            reads += 1
            if book.stale or book.asks(1)[0][0] - book.bids(1)[0][0] != 1 or book.ts_event != book.asks(1)[0][0] * 1e6:
                wrong.append(book)

    reader = threading.Thread(target=read)
    reader.start()
    for message in messages[1:]:
        assert subscriber.receive(message) == []
    while not reads:
        pass
    ended.set()
    reader.join()
    assert wrong == []
