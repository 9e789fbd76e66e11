"""Trading in a notebook: plain calls, against the simulated exchange."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import polars as pl
import pytest

import hftlab as hl
from hftlab.errors import HftlabError, ServerError
from hftlab.lab import LabClient, LabServer
from hftlab.lab.trading import LabOrder, LabTrading
from hftlab.protocol import Message, OrderUpdate
from hftlab.server import Rate, ServerLimits
from hftlab.simulator import Exchange
from tests.waiting import until


@pytest.fixture(scope="module")
def server() -> Iterator[LabServer]:
    limits = ServerLimits(messages=Rate(10_000, burst=10_000))
    with hl.serve(Exchange(seed=7), port=0, limits=limits) as server:
        yield server


@pytest.fixture
def client(server: LabServer, request: pytest.FixtureRequest) -> Iterator[LabClient]:
    """Each test has an account of its own."""
    with hl.connect(server.url, account=request.node.name[:100]) as client:
        client.subscribe(["AAPL"])
        yield client


@pytest.fixture
def trading(client: LabClient) -> LabTrading:
    return client.trading


def low(client: LabClient) -> float:
    """A price to buy at that the market does not reach."""
    latest = client.latest("AAPL")
    assert latest is not None
    return round(latest.bid * 0.9, 2)


def test_a_market_order_is_filled(trading: LabTrading) -> None:
    order = trading.buy("AAPL", 100)
    assert isinstance(order, LabOrder)
    assert order.wait("FILLED", timeout=10).filled_quantity == 100.0
    until(lambda: trading.positions["AAPL"].quantity == 100.0)
    assert sum(fill.quantity for fill in trading.fills) == 100.0
    assert sum(fill.commission or 0.0 for fill in trading.fills) == pytest.approx(order.commission)
    until(lambda: trading.portfolio is not None and trading.portfolio.cash < 1_000_000.0)
    assert trading.positions["MSFT"].quantity == 0.0
    with pytest.raises(KeyError, match="nearest: 'AAPL'"):
        trading.positions["APPL"]


def test_an_order_rests_is_replaced_and_cancelled(client: LabClient, trading: LabTrading) -> None:
    order = trading.buy("AAPL", 100, price=low(client), client_order_id="first")
    assert (order.status, order.remaining_quantity) == ("NEW", 100.0)
    assert list(trading.open_orders) == [order]
    order.replace(quantity=50, new_client_order_id="second")
    assert (order.client_order_id, order.quantity, order.remaining_quantity) == ("second", 50.0, 50.0)
    assert trading.orders["first"] == trading.orders["second"] == order
    with pytest.raises(HftlabError, match=r"is not FILLED after 0\.01 s"):
        order.wait("FILLED", timeout=0.01)
    assert order.cancel().status == "CANCELED"
    assert order.wait() == order
    assert trading.cancel("second") == order
    assert list(trading.open_orders) == []


def test_what_cannot_be_is_said(client: LabClient, trading: LabTrading) -> None:
    rejected = trading.buy("AAPL", 1_000_000_000)
    assert rejected.status == "REJECTED"
    assert "buying power" in (rejected.reason or "")
    with pytest.raises(ServerError, match="has no order"):
        trading.cancel("nobody's")
    with pytest.raises(ServerError, match="nearest: 'AAPL'"):
        trading.buy("APPL", 1)
    with pytest.raises(ValueError, match="quantity is 0"):
        trading.sell("AAPL", 0)
    assert client.is_healthy


def test_all_orders_are_cancelled(client: LabClient, trading: LabTrading) -> None:
    orders = [trading.buy("AAPL", 1, price=low(client), wait=False) for _ in range(5)]
    for order in orders:
        order.wait("NEW", timeout=10)
    assert trading.cancel_all("MSFT") == []
    assert trading.cancel_all() == orders
    assert {order.status for order in orders} == {"CANCELED"}


def test_another_client_of_the_account_has_the_same_state(
    server: LabServer, client: LabClient, trading: LabTrading, request: pytest.FixtureRequest
) -> None:
    order = trading.buy("AAPL", 10, price=low(client))
    trading.buy("AAPL", 100).wait("FILLED", timeout=10)
    with hl.connect(server.url, account=request.node.name[:100]) as other:
        until(lambda: other.trading.portfolio is not None)
        (found,) = other.trading.open_orders
        assert found.record.client_order_id == order.client_order_id
        assert other.trading.positions["AAPL"].quantity == 100.0
        found.cancel()
    assert order.wait(timeout=10).status == "CANCELED"


def test_orders_of_a_client_end_with_its_connection_if_it_asks_for_it(
    server: LabServer, client: LabClient, trading: LabTrading, request: pytest.FixtureRequest
) -> None:
    account = request.node.name[:100]
    with hl.connect(server.url, account=account, cancel_on_disconnect=True) as other:
        fleeting = other.trading.buy("AAPL", 10, price=low(client), client_order_id="fleeting")
        assert fleeting.status == "NEW"
        lasting = trading.buy("AAPL", 10, price=low(client))
        until(lambda: "fleeting" in trading.orders)
    assert trading.orders["fleeting"].wait(timeout=10).status == "CANCELED"
    assert lasting.status == "NEW"


def test_calls_may_come_from_any_thread(client: LabClient, trading: LabTrading) -> None:
    def trade() -> None:
        for _ in range(5):
            trading.buy("AAPL", 1, price=low(client)).cancel()

    threads = [threading.Thread(target=trade) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert trading.orders.to_polars().height <= 20
    for thread in threads:
        thread.join()
    assert trading.orders.to_polars()["status"].to_list() == ["CANCELED"] * 20
    assert trading.orders.to_polars()["client_order_id"].n_unique() == 20


def test_it_keeps_its_client(server: LabServer) -> None:
    """A client without a name is closed when nothing refers to it."""
    order = hl.connect(server.url, account="kept").trading.buy("AAPL", 1, price=1.0)
    gc.collect()
    assert order.cancel().status == "CANCELED"


def test_callbacks_see_the_updates(client: LabClient, trading: LabTrading) -> None:
    seen: list[str] = []

    def look(message: Message) -> None:
        if isinstance(message, OrderUpdate):
            seen.append(trading.orders[message.client_order_id].status)

    client.on("message", look)
    trading.buy("AAPL", 1, price=low(client)).cancel()
    until(lambda: len(seen) == 2)
    assert seen == ["NEW", "CANCELED"]


def test_it_shows_itself_and_makes_tables(client: LabClient, trading: LabTrading) -> None:
    empty = [one.to_polars().schema for one in (trading.orders, trading.fills, trading.positions)]
    order = trading.buy("AAPL", 100)
    order.wait("FILLED", timeout=10)
    until(lambda: len(trading.positions) == 1)
    tables = [one.to_polars() for one in (trading.orders, trading.fills, trading.positions)]
    assert [table.schema for table in tables] == empty
    assert all(table.height >= 1 for table in tables)
    assert tables[0].schema["created"] == pl.Int64
    for shown in (trading, order, trading.orders, trading.fills, trading.positions, trading.portfolio):
        assert shown._repr_html_().startswith("<table>")
    assert "1 position" in repr(trading)
    assert "FILLED" in repr(order)


def test_an_order_of_another_client_of_the_account_is_followed_here(server: LabServer, client: LabClient) -> None:
    """Its own client is gone, and would never hear what becomes of it."""
    with hl.connect(server.url, account="shared") as here:
        with hl.connect(server.url, account="shared") as other:
            order = other.trading.buy("AAPL", 10, price=low(client))
        assert order.status == "NEW"
        replaced = here.trading.replace(order, quantity=20)
        assert replaced is not None
        assert (replaced.quantity, replaced.status) == (20.0, "NEW")
        canceled = here.trading.cancel(order)
        assert canceled == replaced
        assert canceled.status == "CANCELED"
        assert here.trading.wait(order, timeout=10).status == "CANCELED"
        assert order.status == "NEW"
