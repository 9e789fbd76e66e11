"""A gateway's clients get what those of a server get, message for message."""

from __future__ import annotations

import asyncio
import json
import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any, Final, TypeAlias, TypeVar

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect

from hftlab import Client, Clock
from hftlab.client.arguments import Encoding
from hftlab.gateway import Gateway, NatsTerms, PublisherNode
from hftlab.protocol import Gap, MarketData, Message
from hftlab.protocol.enums import Side
from hftlab.protocol.market_data import MarketDataSymbol, Trade
from hftlab.protocol.messages import BookDelta, OrderBookLevel
from hftlab.server import Server
from hftlab.session import open_session
from hftlab.session.replay import Replay
from hftlab.simulator import RandomWalk
from hftlab.source import Timed
from tests.command import ROOT
from tests.gateway.conftest import PATIENCE, until
from tests.server.traders import Trader

T = TypeVar("T")

KINDS: Final[list[list[str] | None]] = [
    None,
    ["TRADES"],
    ["QUOTES", "TRADES"],
    ["QUOTES", "ORDER_BOOK", "TRADES", "STATISTICS"],
    ["BOOK_DELTA"],
    ["BOOK_DELTA", "ORDER_BOOK"],
]
FEW: Final = [KINDS[0], KINDS[2], KINDS[4]]
"""Those that a busy machine keeps up with while a recording is played."""
NUMBERS: Final = ("fromSequence", "toSequence", "sequence", "prevSequence")
QUIET: Final = 0.5
"""Seconds without a message after which a server of this process has sent all."""


class Pushed(RandomWalk):
    """A live source that yields what it is given."""

    def __init__(self) -> None:
        super().__init__(7)
        self._due: deque[Timed[Any]] = deque()
        self._wake: Callable[[], None] = lambda: None

    def push(self, message: Message) -> None:
        self._due.append(Timed(self.clock.now(), message))
        self._wake()

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        self._wake = callback
        return lambda: None

    def next_time(self) -> int | None:  # type: ignore[override]
        return self._due[0].at if self._due else None

    def advance(self, until: int) -> list[Timed[Any]]:  # type: ignore[override]
        due = self._due
        return [due.popleft() for _ in range(len(due)) if due[0].at <= until]


def script() -> list[Message]:
    """Messages of all kinds: with and without parts, of one symbol and several, trades, snapshots and gaps."""
    walk = RandomWalk(7, clock=Clock(start=10**18))
    made: list[Message] = []
    for number in range(40):
        (full,) = walk.advance(walk.next_time())
        names = full.symbols[number % 3 : number % 3 + 1 + number % 5]
        symbols = [msgspec.structs.replace(symbol, **_parts(symbol, number + at)) for at, symbol in enumerate(names)]
        made.append(MarketData(timestamp=1.0, id=f"m{number}", symbols=symbols, snapshot=number % 7 == 3))
        if number % 9 == 4:  # which the wire cannot carry
            nothing = msgspec.structs.replace(symbols[0], bid=math.nan)
            made.append(MarketData(timestamp=1.0, symbols=[nothing, *symbols[1:]]))
        if number % 9 == 5:
            missing = [["AAPL"], None, ["AAPL", "AMZN"], ["NONE"]][number // 9]
            made.append(Gap(timestamp=1.0, from_sequence=0, to_sequence=0, reason=f"lost {number}", symbols=missing))
    return made


def _parts(symbol: Any, number: int) -> dict[str, Any]:
    trade = Trade(price=symbol.price, size=float(number + 1), timestamp=symbol.timestamp, side=Side.BUY)
    trades: Any = [[], None, [trade, trade]][number % 3]
    gone: list[dict[str, Any]] = [{}, {"bids": None}, {"asks": None}, {"last_trade": None}, {"bids": [], "asks": None}]
    return {"trades": trades, "last_trade": trade} | gone[number % 5]


async def heard(
    source: Pushed, messages: list[Message], url: str, encoding: Encoding, counts: Sequence[int | None]
) -> list[Any]:
    """Return what clients of each of KINDS are told, the first `counts` messages or all, and what they then know.

    What the first of them is told of errors comes behind.
    """
    errors: list[Any] = []
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(Client(url, encoding=encoding)) for _ in KINDS]
        clients[0].on("error", lambda error: errors.append((str(error), error.recoverable, error.context)))
        for message in messages[:5]:
            source.push(message)
        first = await stack.enter_async_context(Client(url))
        await first.subscribe(first.offered_symbols, frequency=0)
        await until(lambda: all(first.latest(name) for name in ("AAPL", "AMZN")))
        for client, kinds in zip(clients, KINDS, strict=True):
            await client.subscribe(client.offered_symbols, data_types=kinds, frequency=0)
        for message in messages[5:]:
            source.push(message)
        told = await asyncio.gather(*(_read(client, count) for client, count in zip(clients, counts, strict=True)))
        return [*told, errors]


async def replayed(recording: Replay, url: str, counts: Sequence[int | None]) -> list[Any]:
    """Return what clients of each of FEW are told of a recording that stands still until they have all subscribed."""
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(Client(url)) for _ in FEW]
        for client, kinds in zip(clients, FEW, strict=True):
            await client.subscribe(client.offered_symbols, data_types=kinds, frequency=0)
        recording.clock.resume()
        return await asyncio.gather(*(_read(client, count) for client, count in zip(clients, counts, strict=True)))


async def _read(client: Client, count: int | None) -> Any:
    """Messages without the numbers of their channel, and the newest state of all symbols."""
    found: list[Any] = []
    while count is None or len(found) < count:
        try:
            message = await asyncio.wait_for(client.next_message(), QUIET if count is None else PATIENCE)
        except TimeoutError:
            break
        if isinstance(message, MarketData | Gap | BookDelta):
            facts = msgspec.to_builtins(msgspec.structs.replace(message, timestamp=1.0))
            told = {name: value for name, value in facts.items() if name not in NUMBERS}
            found.append(told)
    return found, {name: msgspec.to_builtins(client.latest(name)) for name in client.offered_symbols}


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_clients_cannot_tell(terms: NatsTerms, cluster: str, encoding: Encoding) -> None:
    source, messages = Pushed(), script()
    async with Server(source, port=0) as server:
        plain = await heard(source, messages, server.url, encoding, [None for _ in KINDS])
    source = Pushed()
    async with PublisherNode(source, terms, cluster=cluster), Gateway(terms, port=0, cluster=cluster) as gateway:
        await until(lambda: gateway.server.unready() is None)
        behind = await heard(source, messages, gateway.url, encoding, [len(found) for found, _ in plain[:-1]])
    errors, other_errors = plain.pop(), behind.pop()
    assert [text.partition(":")[0] for text, *_ in errors] == [
        f"the source 'random walk' yields what cannot be streamed ({count} so far)" for count in (1, 2, 4)
    ]
    assert other_errors == errors
    for kinds, one, other in zip(KINDS, plain, behind, strict=True):
        assert len(one[0]) > 20, kinds
        assert len([told for told in one[0] if "reason" in told]) == _gaps(kinds, len(source.symbols)), kinds
        assert other == one, kinds


def _gaps(kinds: list[str] | None, symbols: int) -> int:
    """GAPs of the script: one for each of three in a channel of all symbols, and in those of each symbol."""
    together = 0 if kinds == ["BOOK_DELTA"] else 3
    return together + (1 + symbols + 2 if kinds is not None and "BOOK_DELTA" in kinds else 0)


async def test_nor_can_clients_of_a_recording(terms: NatsTerms, cluster: str) -> None:
    """Message for message with the times of its recording, up to its end."""
    recording = _paused()
    async with Server(recording, port=0) as server:
        plain = await replayed(recording, server.url, [None for _ in FEW])
    recording = _paused()
    async with PublisherNode(recording, terms, cluster=cluster), Gateway(terms, port=0, cluster=cluster) as gateway:
        await until(lambda: gateway.server.unready() is None)
        behind = await replayed(recording, gateway.url, [len(found) for found, _ in plain])
        async with connect(gateway.url) as connection:
            controller = Trader(connection)
            await controller.ask(type="AUTH", token=gateway.server.issue_tokens("alice").access)
            refused = await controller.ask(type="REPLAY_CONTROL", action="PAUSE")
        assert (refused["type"], recording.clock.paused) == ("ERROR", False)
        assert "played for all gateways: use `hftlab serve`" in refused["message"]
    for kinds, one, other in zip(FEW, plain, behind, strict=True):
        assert len(one[0]) >= 300, kinds
        assert other == one, kinds


async def at_both(
    told: Callable[[Pushed, list[Message], str, list[T] | None], Awaitable[list[T]]], terms: NatsTerms, cluster: str
) -> tuple[list[T], list[T]]:
    """Return what is told at a server, and at a gateway, whose clients wait for as much."""
    source, messages = Pushed(), script()
    async with Server(source, port=0) as server:
        plain = await told(source, messages, server.url, None)
    source = Pushed()
    async with PublisherNode(source, terms, cluster=cluster), Gateway(terms, port=0, cluster=cluster) as gateway:
        await until(lambda: gateway.server.unready() is None)
        return plain, await told(source, messages, gateway.url, plain)


async def test_nor_can_compressed_clients(terms: NatsTerms, cluster: str) -> None:
    """Not the library's own, which does not ask for compression on loopback."""
    plain, behind = await at_both(inflated, terms, cluster)
    for kinds, one, other in zip(KINDS, plain, behind, strict=True):
        assert len(one) > 20, kinds
        assert other == one, kinds


async def inflated(source: Pushed, messages: list[Message], url: str, goal: list[list[Any]] | None) -> list[list[Any]]:
    """Return what connections that compress get for each of KINDS, without times and the numbers of their channel.

    They wait for as many messages as `goal` has.
    """
    async with AsyncExitStack() as stack:
        connections = [await stack.enter_async_context(connect(url, compression="deflate")) for _ in KINDS]
        for connection, kinds in zip(connections, KINDS, strict=True):
            assert [extension.name for extension in connection.protocol.extensions] == ["permessage-deflate"]
            request = {"type": "SUBSCRIBE", "timestamp": 1, "symbols": source.symbols, "frequency": 0}
            await connection.send(json.dumps(request | ({} if kinds is None else {"dataTypes": kinds})))
            while "Subscribed to" not in str(await connection.recv()):
                pass
        for message in messages:
            source.push(message)
        wanted = [None for _ in connections] if goal is None else [len(found) for found in goal]
        return await asyncio.gather(*map(_facts, connections, wanted))


async def _facts(connection: ClientConnection, count: int | None) -> list[Any]:
    found: list[Any] = []
    with suppress(TimeoutError):
        while count is None or len(found) < count:
            text = await asyncio.wait_for(connection.recv(), QUIET if count is None else PATIENCE)
            told = json.loads(text)
            found.append({name: value for name, value in told.items() if name not in (*NUMBERS, "timestamp")})
    return found


async def test_nor_can_paced_clients_but_by_what_they_skip(terms: NatsTerms, cluster: str) -> None:
    """Which state they skip is a matter of time; trades, GAPs and the newest state are not."""
    plain, behind = await at_both(paced, terms, cluster)
    for kinds, one, other in zip(KINDS, plain, behind, strict=True):
        assert other == one, kinds
    kinds_of_events = [kind for events in plain[1][0].values() for kind, _ in events]
    assert kinds_of_events.count("trade") > 20
    assert kinds_of_events.count("gap") == 1 + len(Pushed().symbols) + 2


Paced: TypeAlias = tuple[dict[str, list[Any]], dict[str, Any]]
"""By symbol the trades and GAPs, and the newest state and book."""


async def paced(source: Pushed, messages: list[Message], url: str, goal: list[Paced] | None) -> list[Paced]:
    """Return what paced clients of each of KINDS are told, until they have all of `goal` or there is nothing more."""
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(Client(url)) for _ in KINDS]
        for client, kinds in zip(clients, KINDS, strict=True):
            await client.subscribe(source.symbols, data_types=kinds, frequency=30)
        events: list[dict[str, list[Any]]] = [{name: [] for name in source.symbols} for _ in clients]
        reading = [asyncio.create_task(_collect(*one)) for one in zip(clients, events, strict=True)]
        for at, message in enumerate(messages):
            source.push(message)
            if at % 10 == 9:
                await until(lambda: clients[0].metrics.messages_received > at // 10)  # noqa: B023 - it waits here

        def now() -> list[Paced]:
            return [
                (found, {name: (_state(client.latest(name)), str(client.book(name))) for name in source.symbols})
                for found, client in zip(events, clients, strict=True)
            ]

        with suppress(TimeoutError):
            if goal is None:
                await _quiet(clients)
            else:
                await until(lambda: now() == goal)
        for task in reading:
            task.cancel()
        return now()


def _state(latest: MarketDataSymbol | None) -> MarketDataSymbol | None:
    """A state without the trades that have come with it, which depend on when it was sent."""
    return None if latest is None else msgspec.structs.replace(latest, trades=None)


async def _collect(client: Client, events: dict[str, list[Any]]) -> None:
    async for message in client:
        if isinstance(message, MarketData):
            for symbol in message.symbols:
                events[symbol.symbol] += [("trade", msgspec.to_builtins(trade)) for trade in symbol.trades or ()]
        elif isinstance(message, Gap):
            for name in events if message.symbols is None else message.symbols:
                if name in events:
                    events[name].append(("gap", message.reason))


async def _quiet(clients: Sequence[Client]) -> None:
    """Wait until nothing has come for a while."""
    while True:
        before = [client.metrics.messages_received for client in clients]
        await asyncio.sleep(QUIET)
        if before == [client.metrics.messages_received for client in clients]:
            return


def _paused() -> Replay:
    recording = open_session(ROOT / "data" / "walk").replay(speed=20)
    recording.clock.pause()
    return recording


async def test_a_symbol_that_comes_twice_in_a_message_is_taken_twice(terms: NatsTerms, cluster: str) -> None:
    source = Pushed()
    walk = RandomWalk(7, clock=Clock(start=10**18))
    (full,) = walk.advance(walk.next_time())
    first, other = full.symbols[:2]
    twice = [msgspec.structs.replace(first, price=price, bids=bids) for price, bids in ((1.0, first.bids), (2.0, None))]
    async with (
        PublisherNode(source, terms, cluster=cluster),
        Gateway(terms, port=0, cluster=cluster) as gateway,
        Client(gateway.url) as client,
    ):
        await until(lambda: gateway.server.unready() is None)
        await client.subscribe(first.symbol, frequency=0)
        source.push(MarketData(timestamp=1.0, symbols=[*twice, other]))
        message = await asyncio.wait_for(client.next_message(), PATIENCE)
        assert isinstance(message, MarketData)
        assert [(one.price, one.bids) for one in message.symbols] == [(1.0, first.bids), (2.0, first.bids)]
        async with Client(gateway.url) as later:
            await later.subscribe(first.symbol)
            await until(lambda: later.latest(first.symbol))
        assert gateway.server.failure is None


def book_delta(
    bids: list[tuple[float, float]], asks: list[tuple[float, float]], *, snapshot: bool = False
) -> BookDelta:
    sides = [[OrderBookLevel(price=price, size=size, orders=1) for price, size in side] for side in (bids, asks)]
    return BookDelta(
        timestamp=1.0,
        symbol="AAPL",
        exchange="X",
        bids=sides[0],
        asks=sides[1],
        checksum=0,
        ts_event=2.0,
        snapshot=snapshot,
    )


async def test_a_gateway_that_begins_later_has_the_whole_of_an_incremental_book(terms: NatsTerms, cluster: str) -> None:
    """The source has nothing else, and its levels came before the gateway was there."""
    source = Pushed()
    async with PublisherNode(source, terms, cluster=cluster) as publisher:
        source.push(book_delta([(10.0, 1.0), (9.0, 1.0)], [(11.0, 1.0), (12.0, 1.0)], snapshot=True))
        await until(lambda: publisher.stats()["published"] == 1)
        async with Gateway(terms, port=0, cluster=cluster) as gateway, Client(gateway.url) as client:
            await until(lambda: gateway.server.unready() is None)
            await client.subscribe("AAPL", frequency=0)
            await until(lambda: client.book("AAPL"))
            source.push(book_delta([(10.0, 5.0), (9.0, 0.0)], [(10.5, 2.0)]))
            await until(lambda: client.latest("AAPL").bid_size == 5.0)  # type: ignore[union-attr]
            book, state = client.book("AAPL"), client.latest("AAPL")
            assert book is not None
            assert book.bids() == [(10.0, 5.0, 1)]
            assert book.asks() == [(10.5, 2.0, 1), (11.0, 1.0, 1), (12.0, 1.0, 1)]
            assert state is not None
            assert state.price == 10.25
