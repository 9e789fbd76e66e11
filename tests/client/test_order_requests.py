"""Requests of trading over connections that are lost: each is sent until it is answered, and acts once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hftlab.client import Client
from hftlab.errors import NetworkError
from tests.client.servers import Reply, refuse, until, within
from tests.client.venue import ScriptedVenue, trading_venue


def once(venue: ScriptedVenue, kind: str, *, before: bool) -> None:
    """The venue's connection breaks at the first request of a kind: before it has been taken, or before its ACK."""
    usual = venue.script.answers[kind]

    def broken(request: dict[str, Any]) -> list[Reply]:
        venue.script.answers[kind] = usual
        if not before:
            usual(request)
        venue.script.connections[-1].transport.abort()
        return []

    venue.script.answers[kind] = broken


def requests(venue: ScriptedVenue, kind: str) -> list[dict[str, Any]]:
    return [request for request in venue.script.requests if request["type"] == kind]


class TestLostConnections:
    @pytest.mark.parametrize("before", [True, False])
    async def test_an_order_without_an_ack_is_sent_again(
        self, venue: ScriptedVenue, client: Client, *, before: bool
    ) -> None:
        """Whether the server has taken it or not: it is there once."""
        once(venue, "NEW_ORDER", before=before)
        order = await within(client.trading.buy("AAPL", 1, 175.0))
        assert order.status == "NEW"
        assert list(venue.orders) == [order.client_order_id]
        first, second = requests(venue, "NEW_ORDER")
        assert first | {"id": None, "timestamp": None} == second | {"id": None, "timestamp": None}
        assert len(client.trading.orders) == 1

    @pytest.mark.parametrize("before", [True, False])
    async def test_cancellations_and_replacements_as_well(
        self, venue: ScriptedVenue, client: Client, *, before: bool
    ) -> None:
        order = await client.trading.buy("AAPL", 1, 175.0)
        once(venue, "REPLACE_ORDER", before=before)
        await within(order.replace(price=174.0))
        assert (order.price, order.status) == (174.0, "NEW")
        once(venue, "CANCEL_ORDER", before=before)
        await within(order.cancel())
        assert order.status == "CANCELED"
        once(venue, "CANCEL_ALL", before=before)
        await within(client.trading.cancel_all())
        assert len(client.trading.orders) == 1
        assert len(venue.log) == 3

    async def test_without_an_answer_the_order_is_not_known_yet(self, venue: ScriptedVenue, client: Client) -> None:
        """The server has taken it, and the next connection shows it."""
        usual = venue.script.answers["NEW_ORDER"]
        venue.script.answers["NEW_ORDER"] = lambda request: usual(request)[:0]
        with pytest.raises(NetworkError, match=r"not acknowledged NEW_ORDER of mine .*within 0\.05 s.*trading\.orders"):
            await client.trading.buy("AAPL", 1, 175.0, client_order_id="mine", timeout=0.05)
        assert client.trading.orders["mine"].status == "PENDING_NEW"
        venue.script.connections[-1].transport.abort()
        await until(lambda: client.trading.orders["mine"].status == "NEW")

    async def test_a_client_that_does_not_reconnect_says_so(self, venue: ScriptedVenue) -> None:
        async with Client(venue.script.url, token="t", auto_reconnect=False) as client:
            once(venue, "NEW_ORDER", before=True)
            with pytest.raises(NetworkError, match="whether it has taken it is not known yet"):
                await within(client.trading.buy("AAPL", 1))

    async def test_without_a_connection_nothing_is_kept(self, venue: ScriptedVenue) -> None:
        client = Client(venue.script.url, token="t")
        with pytest.raises(NetworkError, match="not connected"):
            await client.trading.buy("AAPL", 1)
        assert len(client.trading.orders) == 0

    async def test_a_cancellation_waits_for_the_next_connection(self, venue: ScriptedVenue, client: Client) -> None:
        order = await client.trading.buy("AAPL", 1, 175.0)
        calls: list[asyncio.Task[Any]] = []
        client.on("reconnecting", lambda _: calls.append(asyncio.create_task(client.trading.cancel(order))))
        client.on("reconnecting", lambda _: calls.append(asyncio.create_task(client.trading.buy("AAPL", 1))))
        venue.script.connections[-1].transport.abort()
        await until(lambda: len(calls) == 2)
        with pytest.raises(NetworkError, match="it is RECONNECTING"):
            await calls[1]
        assert await within(calls[0]) == order
        assert order.status == "CANCELED"

    async def test_a_cancellation_does_not_wait_longer_than_it_may(self) -> None:
        async with trading_venue() as venue:
            client = await Client(venue.script.url, token="t", max_reconnect_attempts=None).connect()
        try:
            await until(lambda: client.connection_status == "RECONNECTING")
            with pytest.raises(NetworkError, match=r"CANCEL_ALL was not sent to .* no connection within 0\.01 s"):
                await client.trading.cancel_all(timeout=0.01)
        finally:
            await client.close()

    async def test_an_order_that_a_new_server_does_not_know_has_expired(
        self, venue: ScriptedVenue, client: Client
    ) -> None:
        order = await client.trading.buy("AAPL", 1, 175.0)
        venue.orders.clear()
        venue.log.clear()
        venue.sequence = 0
        venue.script.welcome = venue.script.welcome | {"session": "s2"}
        venue.script.connections[-1].transport.abort()
        await within(order.wait())
        assert order.status == "EXPIRED"
        assert "does not know this order" in (order.reason or "")

    async def test_a_pause_that_answers_an_order_sent_again_leaves_its_fate_open(
        self, venue: ScriptedVenue, client: Client
    ) -> None:
        """The first one was taken, and the second has come too early to be looked at."""
        usual = venue.script.answers["NEW_ORDER"]

        def broken(request: dict[str, Any]) -> list[Reply]:
            usual(request)
            venue.script.answers["NEW_ORDER"] = refuse("RATE_LIMIT_EXCEEDED", retryAfter=60.0)
            venue.script.connections[-1].transport.abort()
            return []

        venue.script.answers["NEW_ORDER"] = broken
        with pytest.raises(NetworkError, match="whether it has taken it is not known yet"):
            await within(client.trading.buy("AAPL", 1, 175.0, client_order_id="mine"))
        assert client.trading.orders["mine"].status == "NEW"
