"""The fake client as plain calls: what a notebook's functions and views see."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hftlab.protocol import Subscribe
from hftlab.testing import FakeLabClient, Script, market_data
from tests.waiting import until

BOOK = market_data("AAPL", bids=[(175.25, 300.0)], asks=[(175.27, 100.0)])


@pytest.fixture
def client() -> Iterator[FakeLabClient]:
    with FakeLabClient(Script(["AAPL"]).when("SUBSCRIBE", BOOK), reconnect_interval=0.01) as client:
        yield client


def test_a_function_of_plain_calls_is_tested(client: FakeLabClient) -> None:
    client.subscribe(["AAPL"], data_types=["ORDER_BOOK"])
    latest, book = client.latest("AAPL"), client.book("AAPL")
    assert latest is not None
    assert latest.bid == 175.25
    assert book is not None
    assert [tuple(level) for level in book.bids(5)] == [(175.25, 300.0, 1)]
    (request,) = client.sent
    assert isinstance(request, Subscribe)
    assert client.last_sent is request
    client.clear_sent()
    assert client.sent == []


def test_messages_come_when_the_test_says_so(client: FakeLabClient) -> None:
    heard: list[str] = []
    client.on("message", lambda message: heard.append(message.type))
    client.simulate_message(BOOK)
    assert heard == ["MARKET_DATA"]
    assert client.next_message(timeout=1) == BOOK


def test_connections_are_lost_and_come_again(client: FakeLabClient) -> None:
    client.network = "manual"
    client.simulate_close(1001, "going away")
    assert client.network == "manual"
    until(lambda: client.connection_status == "RECONNECTING")
    client.simulate_open()
    client.wait_connected(10)
    client.network = "down"
    client.simulate_error()
    assert client.connection_status == "RECONNECTING"
    client.network = "up"
    client.wait_connected(10)


def test_without_a_network_it_is_not_connected() -> None:
    with FakeLabClient(network="down") as client:
        assert client.connection_status == "DISCONNECTED"
        with pytest.raises(RuntimeError, match="no connection"):
            client.simulate_message(BOOK)


def test_a_view_shows_what_the_test_has_sent(client: FakeLabClient) -> None:
    client.subscribe(["AAPL"])
    ladder = client.ladder("AAPL")
    try:
        assert "175.25" in ladder.picture().svg
    finally:
        ladder.close()
