"""`orders`: from NEW_ORDER to its ORDER_UPDATE at the client, through the simulated exchange.

A server process streams the simulated exchange with eight symbols, as a notebook's would. A client sends one LIMIT
order after the other, away from the market so that it rests, and cancels each. In turns with it the same process sends
as many bytes to a bare echo in a process of its own: the websockets library on both ends, and nothing else. One follows
the other without a pause. The ratio is the 99th percentile of ours over that of the echo; the p50 is a figure. So are
both `rested`: with 4 ms of sleep between round trips, after which a processor's caches are cold, which costs more where
there is more to do.

    python -m hftlab.bench.orders serve | echo

are the two server processes; they print their address and end when their standard input closes.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from asyncio.subprocess import PIPE, Process
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from hftlab.bench.result import Result
from hftlab.client import Client, LatencyHistogram
from hftlab.clock import to_milliseconds, wall_time
from hftlab.loop import run as run_loop
from hftlab.protocol import JSON, CancelOrder, Message, NewOrder, OrderType, OrderUpdate, Side, UpdateType
from hftlab.server import Rate, Server, ServerLimits
from hftlab.simulator import Exchange
from hftlab.trading import AccountTerms, RiskLimits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from websockets.asyncio.client import ClientConnection
    from websockets.asyncio.server import ServerConnection

__all__ = ["run"]

_ORDERS: Final = 3_000
_RESTED: Final = 1_000
_WARM_UP: Final = 300
_PAUSE: Final = 0.004
"""Seconds of sleep between two round trips, where there is some."""
_PATIENCE: Final = 10.0
"""Seconds for one round trip."""
_MUST: Final = 2.0
"""Largest ratio of our p99 to the echo's."""


def run() -> Result:
    """Run the benchmark."""
    busy, rested, size = run_loop(_measure())
    over = busy.over()
    figures: dict[str, Any] = {f"{name}_over_echo": value for name, value in over.items()}
    figures |= {f"rested_{name}_over_echo": value for name, value in rested.over().items()}
    for prefix, pair in (("", busy), ("rested_", rested)):
        figures |= {f"{prefix}{who}_us": value for who, value in pair.microseconds().items()}
    figures |= {"orders": _ORDERS, "message_bytes": size, "most_over_echo": _MUST}
    ratio = _MUST / over["p99"]
    return Result("orders", ratio, 1.0, ratio >= 1.0, figures)


class _Pair:
    """Round trips of orders and of the echo, taken in turns, in nanoseconds."""

    def __init__(self) -> None:
        self.ours, self.echo = LatencyHistogram(), LatencyHistogram()

    def over(self) -> dict[str, float]:
        """Return ours over the echo's."""
        ours, echo = self.ours.summary(), self.echo.summary()
        return {name: ours[name] / echo[name] for name in ("p50", "p99")}

    def microseconds(self) -> dict[str, float]:
        """Return the percentiles."""
        both = {"ours": self.ours.summary(), "echo": self.echo.summary()}
        return {f"{who}_{name}": summary[name] / 1000 for who, summary in both.items() for name in ("p50", "p99")}


async def _measure() -> tuple[_Pair, _Pair, int]:
    """Return the round trips without and with rest in between, and the bytes of an order."""
    busy, rested = _Pair(), _Pair()
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(_process("serve"))
        echoing = await stack.enter_async_context(connect(await stack.enter_async_context(_process("echo"))))
        client = await stack.enter_async_context(Client(url, account="bench"))
        await client.subscribe(["AAPL"])
        while (state := client.latest("AAPL")) is None:
            await client.next_message()
        trader = _Trader(client, round(0.9 * state.bid, 2))
        for pair, count, pause in ((_Pair(), _WARM_UP, 0.0), (busy, _ORDERS, 0.0), (rested, _RESTED, _PAUSE)):
            for _ in range(count):
                order = trader.order()
                payload = JSON.encode(order).decode()
                pair.ours.record(await trader.enter(order))
                pair.echo.record(await _echoed(echoing, payload))
                await trader.cancel(order)
                await asyncio.sleep(pause)
    return busy, rested, len(payload)


class _Trader:
    """Sends one order at a time, and waits for its updates."""

    def __init__(self, client: Client, price: float) -> None:
        self._client, self._price = client, price
        self._numbers = itertools.count()
        self._waits_for: tuple[str, UpdateType] | None = None
        self._updated: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        client.on("message", self._receive)

    def order(self) -> NewOrder:
        number = next(self._numbers)
        return NewOrder(
            timestamp=to_milliseconds(wall_time()),
            id=f"order-{number}",
            client_order_id=f"bench-{number}",
            symbol="AAPL",
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            quantity=100.0,
            price=self._price,
        )

    async def enter(self, order: NewOrder) -> int:
        """Send an order; returns the nanoseconds until its NEW has come."""
        started = time.perf_counter_ns()
        return await self._sent(order, order.client_order_id, UpdateType.NEW) - started

    async def cancel(self, order: NewOrder) -> None:
        request = CancelOrder(timestamp=1.0, id=f"cancel-{order.id}", client_order_id=order.client_order_id)
        await self._sent(request, order.client_order_id, UpdateType.CANCEL)

    async def _sent(self, message: Message, client_order_id: str, kind: UpdateType) -> int:
        self._waits_for = client_order_id, kind
        self._updated = asyncio.get_running_loop().create_future()
        await self._client.send_message(message)
        async with asyncio.timeout(_PATIENCE):
            return await self._updated

    def _receive(self, message: Message) -> None:
        now = time.perf_counter_ns()
        if isinstance(message, OrderUpdate) and self._waits_for == (message.client_order_id, message.update_type):
            self._waits_for = None
            self._updated.set_result(now)


async def _echoed(connection: ClientConnection, payload: str) -> int:
    started = time.perf_counter_ns()
    await connection.send(payload)
    await connection.recv()
    return time.perf_counter_ns() - started


@asynccontextmanager
async def _process(way: str) -> AsyncIterator[str]:
    """Run one of the server processes; yields its address."""
    process: Process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hftlab.bench.orders", way, stdin=PIPE, stdout=PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.stdin.close()
        await process.wait()


async def _serve(way: str) -> None:
    if way == "serve":
        # Each order is two messages, as fast as the client likes.
        limits = ServerLimits(messages=Rate(10_000, burst=10_000))
        accounts = {"*": AccountTerms(limits=RiskLimits(orders_per_second=None))}
        async with Server(Exchange(seed=7), port=0, limits=limits, accounts=accounts) as server:
            await _until_closed(server.url)
    else:
        async with serve(_echo, "127.0.0.1", 0, compression=None) as bare:
            host, port = next(iter(bare.sockets)).getsockname()[:2]
            await _until_closed(f"ws://{host}:{port}")


async def _until_closed(url: str) -> None:
    print(url, flush=True)  # noqa: T201 - the parent reads it
    await asyncio.to_thread(sys.stdin.read)


async def _echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


if __name__ == "__main__":
    run_loop(_serve(sys.argv[1]))
