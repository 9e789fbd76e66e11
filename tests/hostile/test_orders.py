"""Orders that no client of good will sends: each is answered, no other account notices, and memory stays flat."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from hftlab.protocol import JSON
from hftlab.server import Rate, Server, ServerLimits
from hftlab.simulator import Exchange
from hftlab.trading import AccountTerms, RiskLimits
from hftlab.trading.broker import Broker
from tests.hostile.conftest import KEY, Memory
from tests.server.conversation import settled, subscribe
from tests.server.traders import Message, Trader, trader

NO_LIMITS = ServerLimits(errors=Rate(1e9, 10**9), messages=Rate(1e9, 10**9), subscriptions=Rate(1e9, 10**9))
BOLD = AccountTerms(limits=RiskLimits(price_band=None, buying_power=False, orders_per_second=None))
"""Terms of an attacker whom no check but those of the terms and the market holds back."""
ORDER: Message = {
    "type": "NEW_ORDER",
    "symbol": "AAPL",
    "side": "BUY",
    "orderType": "LIMIT",
    "quantity": 1,
    "price": 1.0,
}
REQUESTS: list[Message] = [
    ORDER | {"clientOrderId": "n", "timeInForce": "GTC", "postOnly": False},
    {"type": "CANCEL_ORDER", "clientOrderId": "resting"},
    {"type": "REPLACE_ORDER", "clientOrderId": "resting", "newClientOrderId": "r", "quantity": 2, "price": 0.5},
    {"type": "CANCEL_ALL", "symbol": "AAPL"},
]
NESTED: Any = "x"
for _ in range(200):
    NESTED = [NESTED]
ATOMS: list[Any] = [
    *(None, True, False, -1, 0, -0.0, 1e-10, 0.5e-9, 1e-9, 0.1, 2**31, 2**53 + 1, 2**63, 2**63 - 1, -(2**63), 2**64),
    *(1e15, 1e18, 1e19, 1e300, float("nan"), float("inf"), float("-inf")),
    *("", " ", "1", "BUY", "buy", "AAPL", "AAPL:NYSE", "aapl", "XXXX", "\u0000", "\ud800", "é" * 128, "x" * 10_000),
    *([], [1], {}, {"a": {}}, NESTED),
]
PLACES = [(number, name) for number, one in enumerate(REQUESTS) for name in one if name != "type"]


class Market:
    """An exchange that is served, with somebody who only watches it and somebody who trades honestly."""

    def __init__(self, server: Server, honest: Trader, watching: ClientConnection) -> None:
        self.server, self.honest = server, honest
        self.seen = 0
        """Sequence of the watcher's last message; none may be missing."""
        self._watching, self._names = watching, itertools.count()

    @property
    def broker(self) -> Broker:
        assert self.server.broker is not None
        return self.server.broker

    async def watch(self) -> None:
        async for data in self._watching:
            message = json.loads(data)
            self.seen = message["sequence"] if message.get("snapshot") else self.seen + 1
            assert message["sequence"] == self.seen

    async def is_well(self) -> None:
        """Check that there is market data, and that an order is filled as ever."""
        before = self.seen
        await settled(lambda: self.seen > before)
        name = f"honest{next(self._names)}"
        assert (await self.honest.order(name))["type"] == "ACK"
        assert (await self.honest.ended(name))["status"] == "FILLED"


async def opened(accounts: dict[str, AccountTerms], limits: ServerLimits | None) -> AsyncIterator[Market]:
    exchange = Exchange(seed=7, symbols=["AAPL", "MSFT"], interval=20_000_000)
    async with (
        Server(exchange, port=0, key=KEY, accounts=accounts, limits=limits) as server,
        trader(server, "honest") as honest,
        connect(server.url, max_queue=None) as watching,
    ):
        await subscribe(watching, "MSFT", frequency=0)
        market = Market(server, honest, watching)
        task = asyncio.create_task(market.watch())
        yield market
        await market.is_well()
        numbers = [one["sequence"] for one in honest.numbered]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert {one["clientOrderId"][:6] for one in honest.private if one["type"] == "ORDER_UPDATE"} == {"honest"}
        assert server.failure is None
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


@pytest.fixture
async def market() -> AsyncIterator[Market]:
    """A market whose server takes whatever comes."""
    async for one in opened({"mallory": BOLD}, NO_LIMITS):
        yield one


async def outcome(mallory: Trader, **fields: Any) -> Message:
    """Send a request; returns its ERROR, or the last of the messages that follow from it."""
    answer = await mallory.ask(**fields)
    if answer["type"] == "ERROR":
        return answer
    assert answer["type"] == "ACK"
    place = len(mallory.numbered)
    await mallory.settle()
    updates = [one for one in mallory.numbered[place:] if one["type"] == "ORDER_UPDATE"]
    return updates[-1] if updates else answer


class TestFields:
    @pytest.mark.parametrize(("number", "field"), PLACES, ids=lambda value: str(value))
    @pytest.mark.parametrize("packed", [False, True], ids=["json", "msgpack"])
    async def test_one_with_any_value(self, market: Market, number: int, field: str, packed: bool) -> None:
        """What a field may be is taken; everything else is refused, and names the field."""
        base = REQUESTS[number]
        async with trader(market.server, "mallory", packed=packed) as mallory:
            for turn, atom in enumerate(ATOMS):
                request = {name: f"{value}{turn}" if "OrderId" in name else value for name, value in base.items()}
                if packed and (atom == 2**64 or _is_lone(atom)):
                    continue  # MessagePack has no way to say it
                place = len(mallory.seen)
                await mallory.send(**ORDER | {"clientOrderId": f"resting{turn}", "id": "first"})
                await mallory.send(**request | {field: atom})
                await mallory.send(type="CANCEL_ALL", id="last")
                await mallory.settle()
                since = mallory.seen[place:]
                first, answer, last = (one for one in since if one["type"] in ("ACK", "ERROR"))
                assert (first["id"], first["type"], last["id"], last["type"]) == ("first", "ACK", "last", "ACK")
                if answer["type"] == "ERROR" and answer["errorType"] == "MESSAGE_PARSE_ERROR":
                    assert f"`{field}`" in answer["message"] or answer.get("id") is None, answer
                updates = [one for one in since if one["type"] == "ORDER_UPDATE"]
                assert all(one["orderId"] and one["symbol"] and one["side"] and one["status"] for one in updates)
        assert market.broker.orders("mallory") == []

    @pytest.mark.parametrize(("number", "field"), PLACES, ids=lambda value: str(value))
    async def test_one_without_it(self, market: Market, number: int, field: str) -> None:
        request = {name: value for name, value in REQUESTS[number].items() if name != field}
        async with trader(market.server, "mallory") as mallory:
            await mallory.order("resting", price=1.0)
            answer = await mallory.ask(**request)
            optional = ("timeInForce", "postOnly", "price", "quantity" if request["type"] == "REPLACE_ORDER" else "")
            if field in optional or request["type"] == "CANCEL_ALL":
                assert answer["type"] == "ACK"
            else:
                assert (answer["type"], answer["errorType"]) == ("ERROR", "MESSAGE_PARSE_ERROR")
                assert field in answer["message"]

    @pytest.mark.parametrize(
        "text",
        [
            '"quantity":NaN',
            '"quantity":Infinity',
            '"quantity":1e400',
            '"quantity":' + "9" * 4000,
            '"quantity":' + "[" * 5000 + "]" * 5000,
            '"quantity":' + '{"a":' * 5000 + "1" + "}" * 5000,
            '"quantity":1,"quantity":"2"',
            '"quantity":"\\ud800"',
        ],
        ids=lambda text: text[:24],
    )
    async def test_json_that_is_none(self, market: Market, text: str) -> None:
        body = json.dumps({"timestamp": 1, "id": "q", "clientOrderId": "a"} | ORDER | {"quantity": "?"})
        async with trader(market.server, "mallory") as mallory:
            await mallory.connection.send(body.replace('"quantity": "?"', text))
            await mallory.ask(type="PING")
            (error,) = (one for one in mallory.seen if one["type"] == "ERROR")
            assert error["errorType"] == "MESSAGE_PARSE_ERROR"
            assert mallory.numbered == []


def _is_lone(atom: Any) -> bool:
    return isinstance(atom, str) and any("\ud800" <= letter <= "\udfff" for letter in atom)


class TestMeaning:
    @pytest.mark.parametrize("quantity", [2**53, 2**63, 1e18, 1e-9, 0.3])
    @pytest.mark.parametrize("price", [None, 1e-9, 0.015, 2**53, 2**63, 1e15])
    async def test_numbers_beyond_the_market_are_rejected_with_a_reason(
        self, market: Market, quantity: float, price: float | None
    ) -> None:
        async with trader(market.server, "mallory") as mallory:
            fields = {"quantity": quantity} | ({"orderType": "MARKET"} if price is None else {"price": price})
            order = {name: value for name, value in ORDER.items() if name != "price"} | fields
            told = await outcome(mallory, **order, clientOrderId="a")
            if told["type"] == "ERROR":
                assert "does not fit: Expected `float` <= 1" in told["message"]
            elif told["status"] == "REJECTED":
                assert any(letter.isdigit() for letter in told["reason"])
                assert told["filledQuantity"] == 0
            else:
                # The market takes it: a whole number of shares, as far as there are any.
                assert float(quantity).is_integer()
                assert told["filledQuantity"] <= quantity
            async with trader(market.server, "mallory") as again:
                assert again.state[-1]["type"] == "PORTFOLIO_UPDATE"

    async def test_symbols_that_do_not_exist(self, market: Market) -> None:
        async with trader(market.server, "mallory") as mallory:
            for name in ("XXXX", "AAPL:NYSE", "aapl", "ААРL", "*", "AAPL,MSFT"):
                error = await mallory.order("a", symbol=name)
                assert (error["type"], error["context"]["field"]) == ("ERROR", "symbol")
            assert (await mallory.ask(type="CANCEL_ALL", symbol="XXXX"))["type"] == "ACK"
            assert mallory.numbered == []

    async def test_ids_that_look_alike_are_different_orders(self, market: Market) -> None:
        names = ["é", "e\u0301", "E\u0301", "a", "A", "а", "a ", " a", "a\u200b", "ﬁ", "fi", "x" * 128]
        async with trader(market.server, "mallory") as mallory:
            for number, name in enumerate(names):
                assert (await mallory.order(name, price=1.0, quantity=number + 1))["type"] == "ACK"
            for name in ("", "x" * 129, "x" * 10_000):
                error = await mallory.order(name, price=1.0)
                assert (error["type"], error["errorType"]) == ("ERROR", "MESSAGE_PARSE_ERROR")
            await mallory.ask(type="CANCEL_ORDER", clientOrderId="A")
            await mallory.settle()
            new = [one for one in mallory.numbered if one["status"] == "NEW"]
            assert [(one["clientOrderId"], one["quantity"]) for one in new] == [
                (name, number + 1) for number, name in enumerate(names)
            ]
            assert [one["clientOrderId"] for one in mallory.numbered if one["status"] == "CANCELED"] == ["A"]

    async def test_what_they_would_cost_on_their_way_can_be_told(self) -> None:
        """An order of 1e18 at 1e15 takes more buying power than the wire has numbers for."""
        exchange = Exchange(seed=7, symbols=["AAPL"], interval=20_000_000, order_latency=300_000_000)
        async with (
            Server(exchange, port=0, key=KEY, accounts={"mallory": BOLD}) as server,
            trader(server, "mallory") as mallory,
        ):
            for number, side in enumerate(["BUY", "SELL"]):
                await mallory.ask(
                    **ORDER | {"clientOrderId": f"{number}", "quantity": 1e18, "price": 1e15, "side": side}
                )
            await mallory.until(lambda one: one["type"] == "PORTFOLIO_UPDATE")
            async with trader(server, "mallory") as again:
                pass
            for message in (*mallory.private, *again.private):
                JSON.decode(json.dumps(message))


class TestOthersOrders:
    async def test_they_cannot_be_touched(self, market: Market) -> None:
        """Neither by the clientOrderId nor by the order id that one may guess."""
        async with trader(market.server, "victim") as victim, trader(market.server, "mallory") as mallory:
            await victim.order("v", price=1.0)
            new = await victim.until(lambda one: one.get("status") == "NEW")
            for name in ("v", new["orderId"], "ORD_1"):
                for fields in (
                    {"type": "CANCEL_ORDER", "clientOrderId": name},
                    {"type": "REPLACE_ORDER", "clientOrderId": name, "newClientOrderId": "m", "quantity": 9},
                ):
                    error = await mallory.ask(**fields)
                    assert (error["type"], error["context"]) == ("ERROR", {"clientOrderId": name})
            await mallory.ask(type="CANCEL_ALL")
            assert (await outcome(mallory, **ORDER, clientOrderId="v"))["status"] == "NEW"
            await mallory.ask(type="CANCEL_ORDER", clientOrderId="v")
            await victim.settle()
            assert [one["status"] for one in victim.numbered] == ["NEW"]
            (order,) = market.broker.orders("victim")
            assert (order.client_order_id, order.is_open) == ("v", True)


class TestReplacements:
    async def test_of_an_order_that_is_over(self, market: Market) -> None:
        async with trader(market.server, "mallory") as mallory:
            await mallory.order("filled")
            await mallory.ended("filled")
            told = await outcome(
                mallory, type="REPLACE_ORDER", clientOrderId="filled", newClientOrderId="b", quantity=1000
            )
            assert (told["status"], told["updateType"]) == ("FILLED", "REJECT")
            assert told["reason"] == "replace: the order is FILLED"
            told = await outcome(mallory, type="CANCEL_ORDER", clientOrderId="filled")
            assert (told["status"], told["updateType"]) == ("FILLED", "REJECT")
            assert (await mallory.ask(type="CANCEL_ORDER", clientOrderId="b"))["type"] == "ERROR"

    async def test_to_an_id_in_use(self, market: Market) -> None:
        async with trader(market.server, "mallory") as mallory:
            await mallory.order("a", price=1.0)
            await mallory.order("b", price=1.0)
            fields = {"type": "REPLACE_ORDER", "clientOrderId": "a", "newClientOrderId": "b", "quantity": 5}
            assert (await outcome(mallory, **fields))["context"] == {"clientOrderId": "b"}
            assert [order.terms.quantity for order in market.broker.orders("mallory")] == [10 * 10**9] * 2

    @pytest.mark.parametrize("new_id", ["a", "b"])
    async def test_with_nothing_to_change(self, market: Market, new_id: str) -> None:
        """The order stays what it is, and goes by the new id."""
        async with trader(market.server, "mallory") as mallory:
            await mallory.order("a", price=1.0)
            fields = {"type": "REPLACE_ORDER", "clientOrderId": "a", "newClientOrderId": new_id}
            told = await outcome(mallory, **fields)
            assert (told["status"], told["quantity"], told["price"]) == ("NEW", 10, 1.0)
            assert (told["updateType"], told["clientOrderId"]) == ("REPLACE", new_id)
            assert (await outcome(mallory, type="CANCEL_ORDER", clientOrderId=new_id))["status"] == "CANCELED"

    async def test_below_what_is_filled_and_back_and_forth(self, market: Market) -> None:
        async with trader(market.server, "mallory") as mallory:
            await mallory.order("0", price=1.0)
            for number in range(100):
                fields = {"quantity": 1 + number % 7, "price": 1.0 + number % 5}
                ids = {"clientOrderId": str(number), "newClientOrderId": str(number + 1)}
                told = await outcome(mallory, type="REPLACE_ORDER", **ids, **fields)
                assert (told["updateType"], told["quantity"]) == ("REPLACE", fields["quantity"])
            (order,) = market.broker.orders("mallory")
            assert order.client_order_id == "100"


# --- many ---


class Burst:
    """Sends orders as fast as a socket takes them, over one connection after the other; reads what is answered."""

    def __init__(self, market: Market) -> None:
        self.sent = self.connections = 0
        self.closes: set[tuple[int, str]] = set()
        """Codes and reasons with which the server has closed; none of a connection that was reset, with unread data."""
        self._server = market.server

    async def connection(self, most: int) -> None:
        """Sign in and send up to `most` orders, until the server closes."""
        self.connections += 1
        async with connect(self._server.url, max_queue=None, compression=None) as connection:
            token = self._server.issue_tokens("mallory").access
            await connection.send(json.dumps({"type": "AUTH", "timestamp": 1, "token": token}))
            reading = asyncio.create_task(_read(connection))
            with suppress(ConnectionClosed):
                for _ in range(most):
                    self.sent += 1
                    order = ORDER | {"timestamp": 1, "clientOrderId": f"m{self.sent}"}
                    await connection.send(msgspec.json.encode(order), text=True)
                    if self.sent % 50 == 0:
                        await asyncio.sleep(0)  # the server is in this process
            await reading
            if connection.close_code not in (None, 1006):
                self.closes.add((connection.close_code, connection.close_reason or ""))


async def _read(connection: ClientConnection) -> None:
    """Take whatever comes until the end."""
    with suppress(ConnectionClosed):
        while True:
            await connection.recv()


@pytest.mark.no_cover
@pytest.mark.parametrize("count", [8_000, pytest.param(200_000, marks=pytest.mark.soak)])
async def test_a_burst_is_refused_and_closed(memory: Memory, count: int) -> None:
    """With the server's default limits: each connection is closed by its error budget, soon after it has begun.

    Whoever signs in is sent all orders that are open or known to be over, up to 10,000 of each by default. With fewer
    open ones the long form has both in full by its half, and each connection costs the same from then on.
    """
    terms = AccountTerms(limits=RiskLimits(max_open_orders=100))
    async for market in opened({"mallory": terms}, None):
        burst = Burst(market)
        while burst.sent < count // 2:
            await burst.connection(count)
        memory.warm()
        while burst.sent < count:
            await burst.connection(count)
            if burst.sent % 5000 < 500:
                await market.is_well()
        # One that is too busy with sending to read what it is answered is closed for that.
        assert (1008, "too many errors") in burst.closes <= {(1008, "too many errors"), (4008, "slow consumer")}
        errors = market.server.stats()["errors"]
        assert errors.keys() == {"RATE_LIMIT_EXCEEDED"}
        assert sum(market.server.stats()["aborted"].values()) == burst.connections
        assert memory.has_grown() < 0.05
        orders = market.broker._customers["mallory"].orders
        assert len(orders) == 100
        assert len(orders.finished) <= 10_000


@pytest.mark.no_cover
@pytest.mark.parametrize("count", [20_000, pytest.param(200_000, marks=pytest.mark.soak)])
async def test_a_burst_that_the_server_takes_is_rejected_by_the_account(memory: Memory, count: int) -> None:
    """The account's own rate holds, and of orders that are over only the newest are kept."""
    terms = AccountTerms(limits=RiskLimits(orders_per_second=1.0, burst=10))
    async for market in opened({"mallory": terms}, NO_LIMITS):
        async with trader(market.server, "mallory") as mallory:
            sent = 0
            for _ in range(0, count, 500):
                for _ in range(500):
                    sent += 1
                    await mallory.send(**ORDER, clientOrderId=f"m{sent}")
                await mallory.settle()
                rejected = [one for one in mallory.numbered if one["status"] == "REJECTED"]
                assert len(rejected) >= 490
                assert rejected[-1]["reason"].startswith("order rate: ")
                mallory.seen.clear()
                if sent == max(count // 2, 12_000):
                    memory.warm()
                if sent % 5000 == 0:
                    await market.is_well()
                    market.honest.seen.clear()
            assert memory.has_grown() < 0.05
        orders = market.broker._customers["mallory"].orders
        assert len(orders.finished) == 10_000
        assert len(orders._by_client_id) == len(orders._client_ids) == 10_000 + len(orders)
