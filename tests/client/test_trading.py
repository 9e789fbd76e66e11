"""Orders of a client: what is sent, what is waited for, and what a lost connection does to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from hftlab.client import Client
from hftlab.client.order import Order
from hftlab.errors import HftlabError, NetworkError, RateLimitExceeded, ServerError
from hftlab.protocol import Message, OrderUpdate, ReplaceOrder
from tests.client.servers import Reply, acknowledge, refuse, until, within
from tests.client.venue import ScriptedVenue


def requests(venue: ScriptedVenue, kind: str) -> list[dict[str, Any]]:
    return [request for request in venue.script.requests if request["type"] == kind]


class TestPlacing:
    async def test_the_order_comes_back_with_its_state(self, venue: ScriptedVenue, client: Client) -> None:
        order = await client.trading.buy("AAPL", 100, 175.25, client_order_id="mine")
        assert (order.status, order.order_id, order.client_order_id) == ("NEW", "ORD_1", "mine")
        assert (order.side, order.order_type, order.quantity, order.price) == ("BUY", "LIMIT", 100.0, 175.25)
        assert client.trading.orders["mine"] == order
        assert list(client.trading.open_orders) == [order]
        sold = await client.trading.sell("AAPL", 5)
        assert (sold.side, sold.order_type, sold.price) == ("SELL", "MARKET", None)

    async def test_each_order_has_an_id_of_its_own(self, venue: ScriptedVenue, client: Client) -> None:
        async with Client(venue.script.url, token="t") as other:
            orders = [await one.trading.buy("AAPL", 1) for one in (client, client, other)]
        assert len({order.client_order_id for order in orders}) == 3

    async def test_a_rejected_order_is_returned(self, venue: ScriptedVenue, client: Client) -> None:
        def reject(request: dict[str, Any]) -> list[Reply]:
            update = venue._place(request)[-1]
            return [*acknowledge(request), update | {"status": "REJECTED", "updateType": "REJECT", "reason": "no cash"}]

        venue.script.answers["NEW_ORDER"] = reject
        order = await client.trading.buy("AAPL", 1)
        assert (order.status, order.reason) == ("REJECTED", "no cash")

    async def test_an_update_that_comes_after_the_ack_is_waited_for(self, venue: ScriptedVenue, client: Client) -> None:
        updates: list[Reply] = []

        def later(request: dict[str, Any]) -> list[Reply]:
            ack, update = venue._place(request)
            updates.append(update)
            return [ack]

        venue.script.answers["NEW_ORDER"] = later
        buying = asyncio.create_task(client.trading.buy("AAPL", 1, client_order_id="mine"))
        await until(lambda: bool(updates) and "mine" in client.trading.orders)
        await until(lambda: client.trading.orders["mine"].record.is_acknowledged)
        assert not buying.done()
        await venue.say(updates[0])
        assert (await within(buying)).status == "NEW"

    async def test_a_refused_message_raises_and_rejects(self, venue: ScriptedVenue, client: Client) -> None:
        venue.script.answers["NEW_ORDER"] = refuse("SERVER_ERROR")
        with pytest.raises(ServerError, match="no"):
            await client.trading.buy("AAPL", 1, client_order_id="mine")
        assert (client.trading.orders["mine"].status, client.trading.orders["mine"].reason) == ("REJECTED", "no")
        assert client.is_healthy
        assert client.metrics.reconnection_count == 0

    async def test_without_waiting_the_order_is_sent_at_once(self, venue: ScriptedVenue, client: Client) -> None:
        sent = client.metrics.messages_sent
        order = await client.trading.buy("AAPL", 1, wait=False)
        assert client.metrics.messages_sent == sent + 1
        assert order.status == "PENDING_NEW"
        assert (await within(order.wait("NEW"))).status == "NEW"

    async def test_an_error_after_a_call_that_did_not_wait_is_reported(
        self, venue: ScriptedVenue, client: Client
    ) -> None:
        errors: list[HftlabError] = []
        client.on("error", errors.append)
        venue.script.answers["NEW_ORDER"] = refuse("SERVER_ERROR")
        order = await client.trading.buy("AAPL", 1, wait=False)
        await within(order.wait())
        await until(lambda: bool(errors))
        assert (order.status, order.reason, str(errors[0])) == ("REJECTED", "no", "no")

    async def test_a_callback_finds_the_order_as_its_message_says(self, venue: ScriptedVenue, client: Client) -> None:
        seen: list[tuple[str, str]] = []

        def look(message: Message) -> None:
            if isinstance(message, OrderUpdate):
                seen.append((message.status, client.trading.orders[message.client_order_id].status))

        client.on("message", look)
        await client.trading.buy("AAPL", 2, client_order_id="mine")
        await venue.fill("mine", 2.0, 175.0)
        await until(lambda: len(seen) == 2)
        assert seen == [("NEW", "NEW"), ("FILLED", "FILLED")]

    async def test_what_is_wrong_is_not_sent(self, venue: ScriptedVenue, client: Client) -> None:
        with pytest.raises(ValueError, match="quantity is -1"):
            await client.trading.buy("AAPL", -1)
        with pytest.raises(ValueError, match="timeout is in seconds, above 0; got 0"):
            await client.trading.buy("AAPL", 1, timeout=0)
        assert venue.script.types == ["AUTH"]
        assert len(client.trading.orders) == 0


class TestChanging:
    async def test_an_order_is_cancelled_once(self, venue: ScriptedVenue, client: Client) -> None:
        order = await client.trading.buy("AAPL", 1, 175.0)
        assert (await order.cancel()).status == "CANCELED"
        assert await client.trading.cancel(order.client_order_id) == order
        assert len(client.trading.open_orders) == 0

    async def test_a_filled_order_says_why_it_is_not_cancelled(self, venue: ScriptedVenue, client: Client) -> None:
        order = await client.trading.buy("AAPL", 1, 175.0)
        await venue.fill(order.client_order_id, 1.0, 175.0)
        await within(order.wait())
        await order.cancel()
        await until(lambda: order.reason is not None)
        assert (order.status, order.reason) == ("FILLED", "the order is filled")

    async def test_an_unknown_order_is_the_servers_error(self, client: Client) -> None:
        with pytest.raises(ServerError, match="there is no order nobody"):
            await client.trading.cancel("nobody")

    async def test_an_order_of_another_client_can_be_cancelled(self, venue: ScriptedVenue, client: Client) -> None:
        await client.trading.buy("AAPL", 1, 175.0, client_order_id="theirs")
        async with Client(venue.script.url, token="t") as other:
            await until(lambda: "theirs" in other.trading.orders)
            assert (await other.trading.orders["theirs"].cancel()).status == "CANCELED"

    async def test_a_replaced_order_is_the_same_order(self, venue: ScriptedVenue, client: Client) -> None:
        order = await client.trading.buy("AAPL", 1, 175.0)
        first = order.client_order_id
        await order.replace(price=174.0, quantity=3)
        assert (order.price, order.quantity, order.order_id) == (174.0, 3.0, "ORD_1")
        assert order.client_order_id != first
        assert client.trading.orders[first] == client.trading.orders[order.client_order_id] == order
        assert await client.trading.replace(first, price=173.0, new_client_order_id="third") == order
        assert (order.client_order_id, order.price) == ("third", 173.0)
        assert len(client.trading.orders) == 1

    async def test_an_id_that_the_server_has_refused_is_not_expected(
        self, venue: ScriptedVenue, client: Client
    ) -> None:
        """Also of a request that a strategy has made."""
        order = await client.trading.buy("AAPL", 1, 175.0, client_order_id="first")
        venue.script.answers["REPLACE_ORDER"] = refuse("SERVER_ERROR")
        message = ReplaceOrder(timestamp=1.0, client_order_id="first", new_client_order_id="second", price=1.0)
        for asking in (client.trading.request(message), order.replace(price=1.0)):
            with pytest.raises(ServerError, match="no"):
                await asking
        assert client.trading._watch.blotter._replacing == {}

    async def test_a_refused_replacement_leaves_the_order(self, venue: ScriptedVenue, client: Client) -> None:
        order = await client.trading.buy("AAPL", 1, 175.0)
        await order.replace(price=2000.0)
        assert (order.status, order.price, order.reason) == ("NEW", 175.0, "the price is too high")

    async def test_all_orders_of_a_symbol_are_cancelled(self, venue: ScriptedVenue, client: Client) -> None:
        orders = {symbol: await client.trading.buy(symbol, 1, 175.0) for symbol in ("AAPL", "MSFT", "TSLA")}
        assert await client.trading.cancel_all("AAPL") == [orders["AAPL"]]
        assert [order.status for order in orders.values()] == ["CANCELED", "NEW", "NEW"]
        assert len(await client.trading.cancel_all()) == 2
        assert {order.status for order in orders.values()} == {"CANCELED"}


class TestWaiting:
    async def test_a_state_that_has_passed_already_is_seen(self, venue: ScriptedVenue, client: Client) -> None:
        """Both fills come in one read: nobody has run in between."""
        order = await client.trading.buy("AAPL", 2, 175.0)
        waiting = asyncio.create_task(order.wait("PARTIALLY_FILLED"))
        await asyncio.sleep(0)
        for _ in range(2):
            await venue.fill(order.client_order_id, 1.0, 175.0)
        assert await within(waiting) == order

    async def test_an_order_that_ends_otherwise_is_returned(self, venue: ScriptedVenue, client: Client) -> None:
        order = await client.trading.buy("AAPL", 2, 175.0)
        waiting = asyncio.create_task(order.wait("filled"))
        await order.cancel()
        assert (await within(waiting)).status == "CANCELED"
        assert await within(order.wait()) == order

    async def test_a_time_out_and_the_end_of_the_client_raise(self, client: Client) -> None:
        order = await client.trading.buy("AAPL", 2, 175.0)
        with pytest.raises(HftlabError, match=r"order .* NEW.* is not FILLED after 0\.01 s"):
            await order.wait("FILLED", timeout=0.01)
        with pytest.raises(ValueError, match=r"status is 'FILED' \(nearest: FILLED\)"):
            await order.wait("FILED")
        waiting = asyncio.create_task(order.wait())
        await asyncio.sleep(0)
        await client.close()
        with pytest.raises(NetworkError, match="has ended"):
            await within(waiting)


class TestPauses:
    async def test_orders_raise_and_cancellations_go_through(self, venue: ScriptedVenue, client: Client) -> None:
        order = await client.trading.buy("AAPL", 1, 175.0)
        usual, venue.script.answers["NEW_ORDER"] = (
            venue.script.answers["NEW_ORDER"],
            refuse("RATE_LIMIT_EXCEEDED", retryAfter=60.0),
        )
        with pytest.raises(RateLimitExceeded):
            await client.trading.buy("AAPL", 1, client_order_id="first")
        venue.script.answers["NEW_ORDER"] = usual
        calls: list[Callable[[], Any]] = [
            lambda: client.trading.buy("AAPL", 1, client_order_id="second"),
            lambda: order.replace(price=1.0),
        ]
        for call in calls:
            with pytest.raises(RateLimitExceeded, match="asked for a pause"):
                await call()
        assert client.trading.orders["second"].status == "REJECTED"
        assert list(client.trading.open_orders) == [order]
        await within(order.cancel())
        await within(client.trading.cancel_all())
        assert venue.script.types == ["AUTH", "NEW_ORDER", "NEW_ORDER", "CANCEL_ORDER", "CANCEL_ALL"]


class TestState:
    async def test_fills_and_positions(self, venue: ScriptedVenue, client: Client) -> None:
        order = await client.trading.buy("AAPL", 3, 175.0, client_order_id="mine")
        await venue.fill("mine", 1.0, 175.0)
        await venue.fill("mine", 2.0, 174.0)
        await within(order.wait("FILLED"))
        assert [(fill.quantity, fill.price, fill.commission) for fill in client.trading.fills] == [
            (1.0, 175.0, 0.01),
            (2.0, 174.0, 0.02),
        ]
        assert (order.filled_quantity, order.remaining_quantity, order.commission) == (3.0, 0.0, 0.03)
        assert client.trading.portfolio is not None
        assert client.trading.portfolio.buying_power == 4000.0
        assert client.trading.positions["AAPL"].quantity == 0.0

    async def test_it_shows_itself(self, venue: ScriptedVenue, client: Client) -> None:
        order = await client.trading.buy("AAPL", 3, 175.25, client_order_id="<mine>")
        assert repr(order) == "<order <mine>: BUY 3 AAPL, LIMIT 175.25, DAY, NEW>"
        assert repr(client.trading) == "<hftlab trading as alice, 1 open order, 0 positions, 0 fills>"
        shown = client.trading._repr_html_()
        assert "alice" in shown
        assert "4,000.00 USD" in shown
        assert "&lt;mine&gt;" in shown
        assert "&lt;mine&gt;" in order._repr_html_()
        assert "color" not in shown  # the notebook's own colours, in light and in dark

    async def test_the_server_is_asked_to_cancel_at_the_end(self, venue: ScriptedVenue) -> None:
        async with Client(venue.script.url, token="t", cancel_on_disconnect=True):
            pass
        (request,) = requests(venue, "AUTH")
        assert request["cancelOnDisconnect"] is True


async def test_handles_of_one_order_are_equal(client: Client) -> None:
    order = await client.trading.buy("AAPL", 3, 175.25)
    other = await client.trading.buy("AAPL", 3, 175.25)
    again = client.trading.orders[order.client_order_id]
    assert isinstance(again, Order)
    assert (again == order, again == other, again == "order") == (True, False, False)
    assert len({order, again, other}) == 2
