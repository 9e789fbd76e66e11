"""Trading over a bad network: no order is lost or placed twice, and every client ends with the broker's state."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any, Final

import pytest

from hftlab.client import Client
from hftlab.client.order import Order
from hftlab.clock import NANOSECONDS, Clock
from hftlab.credentials import access_token
from hftlab.errors import NetworkError, ServerError
from hftlab.protocol import OrderStatus, UpdateType
from hftlab.server import Server
from hftlab.simulator import Exchange
from hftlab.trading import AccountTerms, RiskLimits
from hftlab.trading.broker import Broker
from hftlab.trading.venue import VenueUpdate
from hftlab.trading.wire import from_units, portfolio_update, position_update
from tests.faults.chaos_proxy import ChaosProxy
from tests.faults.conftest import KEY, PATIENCE, QUICK, crash, until

START: Final = 1_767_364_200_000_000_000  # 2026-01-02 14:30 UTC
TENTH: Final = NANOSECONDS // 10
PRICES: Final = {"AAPL": 175.0, "MSFT": 335.0}
SPEED: Final = 5.0
"""How fast the market's time goes: a run of a second has five of it."""
ACCOUNTS: Final = {"*": AccountTerms(limits=RiskLimits(orders_per_second=None))}
SHORT: Final = 8
LONG: Final = 1000


class Market(Exchange):
    """Exchange that keeps what it has reported."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, list(PRICES), clock=Clock(START, speed=SPEED))
        self.reported: list[VenueUpdate] = []

    def take_updates(self) -> list[VenueUpdate]:
        updates = super().take_updates()
        self.reported += updates
        return updates

    def fills(self, account: str) -> list[tuple[str, float, float]]:
        """Order, quantity and price of each fill of an account."""
        return [
            (one.order_id, from_units(one.quantity or 0), from_units(one.price or 0))
            for one in self.reported
            if one.kind is UpdateType.FILL and one.account == account
        ]


class Trader:
    """A client that sends random requests, and goes on whatever the network does."""

    def __init__(self, name: str, account: str, client: Client, seed: int) -> None:
        self.name, self.account, self.client = name, account, client
        self.chance = random.Random(seed)
        self.placed: list[str] = []
        """Client order ids of the orders that the server has acknowledged."""
        self.refused: list[str] = []
        self.errors: Counter[str] = Counter()
        self.losses: list[Any] = []
        self._count = 0
        client.on("loss", self.losses.append)

    async def trade(self, steps: int) -> None:
        for _ in range(steps):
            await asyncio.gather(*(self._act() for _ in range(self.chance.choice((1, 1, 2, 3)))))
        await until(lambda: not self.client.trading._tasks)

    async def _act(self) -> None:
        draw, trading = self.chance.random(), self.client.trading
        known = list(trading.orders)
        if draw < 0.6 or not known:
            self._count += 1
            await self._place(f"{self.name}-{self._count}")
            return
        order, seconds = self.chance.choice(known[-6:]), PATIENCE
        if draw < 0.75:
            await self._ask(lambda: trading.cancel(order, timeout=seconds))
        elif draw < 0.95:
            terms = {"price": self._price(order)} if order.price else {"quantity": float(self.chance.randint(1, 200))}
            await self._ask(lambda: trading.replace(order, timeout=seconds, **terms))
        else:
            await self._ask(lambda: trading.cancel_all(self.chance.choice((None, *PRICES)), timeout=seconds))

    async def _place(self, name: str) -> None:
        trading, chance = self.client.trading, self.chance
        place = chance.choice((trading.buy, trading.sell))
        symbol, quantity = chance.choice(list(PRICES)), float(chance.randint(5, 150))
        around = round(PRICES[symbol] * (1 + 0.003 * chance.gauss()), 2)
        terms: dict[str, Any] = chance.choice(
            (
                {},
                {"price": around},
                {"price": around},
                {"price": around, "time_in_force": "IOC"},
                {"price": around, "display_quantity": 5.0},
                {"price": around, "post_only": True},
                {"stop_price": around},
            )
        )
        terms |= {"client_order_id": name, "timeout": PATIENCE, "wait": chance.random() < 0.8}
        is_placed = await self._ask(lambda: place(symbol, quantity, **terms))
        (self.placed if is_placed else self.refused).append(name)

    def _price(self, order: Order) -> float:
        return round((order.price or 1.0) * (1 + 0.001 * self.chance.gauss()), 2)

    async def _ask(self, call: Any) -> bool:
        """Make a call until the network lets it through; returns whether the server has taken it."""
        while True:
            try:
                await call()
                return True
            except ServerError as exc:
                self.errors[type(exc).__name__] += 1
                return False
            except NetworkError as exc:
                if "has not acknowledged" in str(exc):
                    raise
                self.errors["not sent"] += 1
                await asyncio.sleep(0)  # the end of the connection may not have gone round yet
                await self.client.wait_connected(PATIENCE)

    # --- what it knows ---

    def book(self) -> dict[str, tuple[Any, ...]]:
        return dict(self.rows())

    def rows(self) -> list[tuple[str, tuple[Any, ...]]]:
        """Every order with its number, which orders of two markets may share."""
        records = [order.record for order in self.client.trading.orders if order.order_id is not None]
        return [
            (one.order_id or "", (
                one.client_order_id, one.status, one.reason, one.quantity, one.filled_quantity,
                one.remaining_quantity, one.price, one.average_price, one.commission,
            ))
            for one in records
        ]  # fmt: skip

    def differences(self, market: Market) -> list[str]:
        """What of its orders, positions and portfolio is not the broker's."""
        broker, blotter = _broker(market), self.client.trading._watch.blotter
        mine, there = self.book(), brokers_book(broker, self.account)
        found = [
            f"{key}: {mine.get(key)} is {there.get(key)}" for key in mine | there if mine.get(key) != there.get(key)
        ]
        for symbol, position in broker.account(self.account).positions.items():
            found += unlike(blotter.positions.get(symbol), position_update(position, 0))
        return found + unlike(blotter.portfolio, portfolio_update(broker._customer(self.account).portfolio(), 0))


def _broker(market: Exchange) -> Broker:
    assert isinstance(market.broker, Broker)
    return market.broker


def brokers_book(broker: Broker, account: str) -> dict[str, tuple[Any, ...]]:
    orders = broker._customer(account).orders
    return {
        one.order_id: (
            one.client_order_id, one.status, one.reason, from_units(one.terms.quantity), from_units(one.filled),
            from_units(one.remaining), None if one.terms.price is None else from_units(one.terms.price),
            one.value / (one.filled * 10**9) if one.filled else None,
            from_units(one.commission) if one.filled else None,
        )
        for one in (*orders.finished, *orders)
    }  # fmt: skip


def unlike(told: Any, held: Any) -> list[str]:
    names = [name for name in held.__struct_fields__ if name not in ("timestamp", "sequence", "channel", "snapshot")]
    return [
        f"{held.type} {name}: {getattr(told, name, None)} is {getattr(held, name)}"
        for name in names
        if getattr(told, name, None) != getattr(held, name)
    ]


async def disturb(proxy: ChaosProxy, chance: random.Random, cuts: int) -> None:
    """Cut all connections after random numbers of bytes, `cuts` times, with other delays in between."""
    for number in range(cuts):
        proxy.delay = chance.choice((0.0, 0.0, 0.001, 0.003))
        proxy.cut_after = chance.choice((chance.randint(1, 400), chance.randint(1, 4000), chance.randint(1, 20_000)))
        await until(lambda number=number: proxy.cuts > number)


async def quiet(market: Market) -> None:
    """Stop the time where the market's next message is, and wait until the server is there."""
    clock = market.clock
    clock.pause()
    clock.set((clock.now() // TENTH + 5) * TENTH)
    await until(lambda: market.next_time() > clock.now())


async def restart(server: Server, market: Market, chance: random.Random) -> Server:
    await (server.stop() if chance.random() < 0.5 else crash(server))
    return await Server(market, port=server.port, key=KEY, accounts=ACCOUNTS).start()


async def agree(traders: Sequence[Trader], market: Market) -> None:
    """Wait until all clients know what the broker does."""
    with suppress(TimeoutError):
        await until(lambda: not any(trader.differences(market) for trader in traders))
    for trader in traders:
        assert trader.differences(market) == [], trader.name


def check(traders: Sequence[Trader], market: Market) -> None:
    """Check that nothing was lost or doubled."""
    broker = _broker(market)
    for account in {trader.account for trader in traders}:
        group = [trader for trader in traders if trader.account == account]
        orders = broker._customer(account).orders
        entered = Counter(one.entered[0] for one in (*orders.finished, *orders) if one.entered is not None)
        assert entered == Counter(name for trader in group for name in trader.placed)
        filled: Counter[str] = Counter()
        for order_id, quantity, _ in market.fills(account):
            filled[order_id] += quantity
        assert dict(filled) == {one.order_id: one.filled / 10**9 for one in (*orders.finished, *orders) if one.filled}
        for trader in group:
            fills = trader.client.trading.fills
            assert [(one.order_id, one.quantity, one.price) for one in fills] == market.fills(account), trader.name
            assert trader.losses == [], trader.name
            assert all(one.status is OrderStatus.REJECTED for one in trader.client.trading.orders if not one.order_id)


async def run(seed: int) -> Counter[str]:
    """One run; returns what has happened in it."""
    chance, market = random.Random(seed), Market(seed)
    server = await Server(market, port=0, key=KEY, accounts=ACCOUNTS).start()
    accounts = [chance.choice(("alice", "bob")) for _ in range(chance.randint(1, 3))]
    restarts = chance.choice((0, 0, 1, 2))
    try:
        async with (
            ChaosProxy(server.port, seed, repetition=chance.choice((0.05, 0.3))) as proxy,
            AsyncExitStack() as stack,
        ):
            tokens = [access_token(KEY, account, time.time()) for account in accounts]
            clients = [await stack.enter_async_context(Client(proxy.url, token=one, **QUICK)) for one in tokens]
            traders = [
                Trader(f"{account}{number}", account, client, seed + 1000 * number)
                for number, (account, client) in enumerate(zip(accounts, clients, strict=True))
            ]
            trading = [asyncio.create_task(trader.trade(10)) for trader in traders]
            disturbance = asyncio.create_task(disturb(proxy, chance, chance.randint(1, 5)))
            try:
                for _ in range(restarts):
                    wanted = len(market.reported) + chance.randint(1, 15)
                    await until(lambda wanted=wanted: len(market.reported) >= wanted or all(map(done, trading)))
                    server = await restart(server, market, chance)
                async with asyncio.timeout(PATIENCE):
                    await asyncio.gather(*trading)
            finally:
                for task in (disturbance, *trading):
                    task.cancel()
                await asyncio.gather(disturbance, *trading, return_exceptions=True)
            proxy.cut_after, proxy.delay, proxy.repetition = None, 0.0, 0.0
            for client in clients:
                await client.wait_connected(PATIENCE)
            await quiet(market)
            await agree(traders, market)
            check(traders, market)
            happened = Counter({"cut": proxy.cuts, "repeated": proxy.repeated, "restart": restarts})
            happened["fill"] = sum(one.kind is UpdateType.FILL for one in market.reported)
            happened["order"] = sum(len(trader.placed) for trader in traders)
            return happened
    except BaseException as exc:
        exc.add_note(f"run({seed}) of {__name__} repeats it, as far as sockets do")
        raise
    finally:
        await server.stop()


def done(task: asyncio.Task[None]) -> bool:
    return task.done()


@pytest.mark.parametrize(
    "seeds",
    [
        range(SHORT),
        *(pytest.param(range(first, first + 20), marks=pytest.mark.soak) for first in range(SHORT, LONG, 20)),
    ],
    ids=lambda seeds: f"{seeds[0]} to {seeds[-1]}",
)
async def test_no_order_is_lost_or_doubled(seeds: Sequence[int]) -> None:
    """Through cuts within frames, repeated messages, delays and restarts of the server: eight runs or a thousand."""
    happened: Counter[str] = Counter()
    for seed in seeds:
        happened += await run(seed)
    assert happened["cut"] > len(seeds)
    assert happened["repeated"] > len(seeds)
    assert happened["restart"] > 0
    assert happened["fill"] > len(seeds)
    assert happened["order"] > 5 * len(seeds)


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(3, 60))])
async def test_orders_of_a_market_that_has_gone_expire_and_trading_goes_on(seed: int) -> None:
    """The next server has another exchange: the clients say so of each open order, and are right about all new ones."""
    chance, market = random.Random(seed), Market(seed)
    server = await Server(market, port=0, key=KEY, accounts=ACCOUNTS).start()
    token = access_token(KEY, "alice", time.time())
    async with (
        ChaosProxy(server.port, seed, repetition=0.1) as proxy,
        Client(proxy.url, token=token, **QUICK) as first,
        Client(proxy.url, token=token, **QUICK) as second,
    ):
        traders = [Trader(f"t{number}", "alice", one, seed + number) for number, one in enumerate((first, second))]
        resting = [await first.trading.buy("AAPL", 1.0, 100.0 + number) for number in range(5)]
        assert {order.status for order in resting} == {"NEW"}
        trading = [asyncio.create_task(trader.trade(10)) for trader in traders]
        wanted = chance.randint(6, 20)
        await until(lambda: len(market.reported) >= wanted)
        proxy.cut_after = chance.randint(1, 2000)
        await server.stop()
        gone, market = market, Market(seed + 1000)
        gone.clock.pause()
        server = await Server(market, port=server.port, key=KEY, accounts=ACCOUNTS).start()
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*trading)
                await asyncio.gather(*(order.wait() for order in resting))
            proxy.cut_after, proxy.repetition = None, 0.0
            for trader in traders:
                await trader.client.wait_connected(PATIENCE)
                # What was cancelled before has gone with its market; all others have expired for a reason.
                assert await trader.client.trading.buy("MSFT", 1.0, client_order_id=f"last {trader.name}")
            await quiet(market)
            await until(lambda: not any(unlike_new(trader, market) for trader in traders))
        except TimeoutError:
            raise AssertionError([unlike_new(trader, market) for trader in traders]) from None
        finally:
            for task in trading:
                task.cancel()
            await asyncio.gather(*trading, return_exceptions=True)
            await server.stop()
        expired = [order for order in resting if order.status == "EXPIRED"]
        assert all("does not know this order" in (order.reason or "") for order in expired)
        assert {order.status for order in resting} <= {"EXPIRED", "CANCELED"}
        assert expired or any(order.status == "CANCELED" for order in resting)


def unlike_new(trader: Trader, market: Market) -> list[str]:
    """What a client says otherwise than the broker of a new market, or says is open and is not there."""
    broker, blotter = _broker(market), trader.client.trading._watch.blotter
    there = brokers_book(broker, trader.account)
    # The new market begins its numbers anew: an order of the old one may have the same.
    mine = {(number, one[0]): one for number, one in trader.rows()}
    found = [f"{key}: {told} is {one}" for key, one in there.items() if (told := mine.get((key, one[0]))) != one]
    names = {one[0] for one in there.values()}
    found += [f"{one!r} is open" for one in trader.client.trading.open_orders if one.client_order_id not in names]
    if set(blotter.positions) != set(broker.account(trader.account).positions):
        found.append(f"positions in {set(blotter.positions)}")
    for symbol, position in broker.account(trader.account).positions.items():
        found += unlike(blotter.positions.get(symbol), position_update(position, 0))
    return found + unlike(blotter.portfolio, portfolio_update(broker._customer(trader.account).portfolio(), 0))
