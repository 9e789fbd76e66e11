"""The two lanes of a slow reader: alone, beside plain lists, then over a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.protocol import OrderBookLevel
from hftlab.server import ConnectionInfo, Rate, Server, ServerLimits
from hftlab.server.outbox import Outbox
from hftlab.server.server_socket import HIGH_WATER
from tests.faults.conftest import order_update
from tests.protocol.conftest import market_data, symbol
from tests.server.conversation import PATIENCE, settled
from tests.server.readers import Reader

MAX_BYTES, MAX_FRAMES = 50, 5
FRAMES = st.tuples(st.booleans(), st.booleans(), st.binary(min_size=1, max_size=20))
STEPS = st.lists(st.none() | st.sampled_from(["drop", "begin", "end"]) | FRAMES)


@given(STEPS)
def test_it_behaves_as_two_lists(steps: list[tuple[bool, bool, bytes] | str | None]) -> None:
    """None takes a frame, "drop" drops the private ones, a triple puts one into the urgent lane or the other.

    From "begin" to "end" urgent frames do not count if none waited before, until all of them have left.
    """
    outbox = Outbox(MAX_BYTES, MAX_FRAMES)
    urgent: list[tuple[bool, bytes]] = []
    other: list[tuple[bool, bytes]] = []
    more: list[bytes] = []
    counts = ExitStack()
    is_counting = True
    for step in steps:
        if isinstance(step, tuple):
            is_urgent, is_private, frame = step
            lane = urgent if is_urgent else other
            lane.append((is_private, frame))
            if is_urgent and not is_counting:
                more.append(frame)
            besides = more if is_urgent else []
            size = sum(len(one) for _, one in lane) - sum(map(len, besides))
            fits = size <= MAX_BYTES and len(lane) - len(besides) <= MAX_FRAMES
            assert outbox.put(frame, urgent=is_urgent, private=is_private) is fits
        elif step in ("begin", "end"):
            counts.close()
            is_counting = True
            if step == "begin":
                counts.enter_context(outbox.uncounted())
                is_counting = bool(urgent)
        elif step == "drop":
            outbox.drop_private()
            urgent, other = ([one for one in lane if not one[0]] for lane in (urgent, other))
        elif urgent or other:
            assert outbox.take() == (urgent or other).pop(0)[1]
        else:
            with pytest.raises(IndexError):
                outbox.take()
        more = more if urgent else []
        assert bool(outbox) is bool(urgent or other)
        assert outbox.size == sum(len(one) for _, one in urgent + other)
    outbox.clear()
    assert (bool(outbox), outbox.size) == (False, 0)


def only(server: Server) -> ConnectionInfo:
    """The server's one connection."""
    (connection,) = server.connections()
    return connection


def books() -> Iterator[Any]:
    """Ever new books of A, all of whose levels change each time."""
    size = 0.0
    while True:
        size += 1.0
        levels = [OrderBookLevel(price=float(price), size=size, orders=1) for price in range(1, 200)]
        yield market_data(symbol("A", bids=levels))


async def until_told(reader: Reader, kind: str) -> list[dict[str, Any]]:
    """What it reads up to the first message of a type."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(PATIENCE):
        while not any(one["type"] == kind for one in found):
            await reader.read(1 << 16)
            found += reader.take()
    return found


async def test_private_messages_are_first_in_line() -> None:
    """Behind what the transport and the kernel have already, but before the megabytes that wait."""
    async with Server(port=0, limits=ServerLimits(write_deadline=60)) as server:
        reader = Reader(server.port)
        await reader.subscribe("A", dataTypes=["BOOK_DELTA"])
        await reader.ask(type="AUTH", token=server.issue_tokens("alice").access)
        await until_told(reader, "AUTH_SUCCESS")
        waiting = books()
        while only(server).buffered < 3 * HIGH_WATER:
            server.publish(next(waiting))
            await asyncio.sleep(0)
        behind = only(server).buffered
        for number in range(3):
            server.publish(order_update(number), "alice")
        # Whoever signs in again is answered before the private messages that follow, and before the rest as well.
        await reader.ask(type="AUTH", token=server.issue_tokens("alice").access)
        await settled(lambda: only(server).received == 3)
        server.publish(order_update(3), "alice")
        got: list[dict[str, Any]] = []
        last = only(server).channels[0].sequence
        async with asyncio.timeout(PATIENCE):
            while not got or got[-1].get("sequence") != last or got[-1]["type"] != "BOOK_DELTA":
                await reader.read(1 << 16)
                got += reader.take()
        assert only(server).buffered == 0
        private = [n for n, one in enumerate(got) if one["type"] in ("ORDER_UPDATE", "AUTH_SUCCESS")]
        assert [got[n]["type"] for n in private] == 3 * ["ORDER_UPDATE"] + ["AUTH_SUCCESS", "ORDER_UPDATE"]
        assert private == list(range(private[0], private[0] + 5))
        after = sum(len(json.dumps(one, separators=(",", ":"))) for one in got[private[-1] + 1 :])
        assert after > behind - 2 * HIGH_WATER
        # Everything else has kept its order.
        sequences = [one["sequence"] for one in got if one["type"] == "BOOK_DELTA"]
        assert sequences == list(range(sequences[0], last + 1))
        reader.socket.close()


@pytest.mark.parametrize("limits", [{"queue_messages": 50}, {"queue_bytes": 300_000}], ids=["messages", "bytes"])
async def test_events_beyond_the_bound_are_a_gap(limits: dict[str, int]) -> None:
    """Of messages or of bytes; private messages have a lane of their own and come all the same."""
    async with Server(port=0, limits=ServerLimits(write_deadline=60, **limits)) as server:
        reader = Reader(server.port)
        await reader.subscribe("A", dataTypes=["BOOK_DELTA"])
        await reader.ask(type="AUTH", token=server.issue_tokens("alice").access)
        await until_told(reader, "AUTH_SUCCESS")
        waiting = books()
        async with asyncio.timeout(PATIENCE):
            while only(server).backlog != "full":
                server.publish(next(waiting))
                await asyncio.sleep(0)
        server.publish(next(waiting))
        server.publish(order_update(0), "alice")
        full = only(server).buffered
        for _ in range(20):
            server.publish(next(waiting))
        assert only(server).buffered == full
        got = await until_told(reader, "GAP")
        assert server.stats()["aborted"] == {}
        assert [one["type"] for one in got].count("ORDER_UPDATE") == 1
        assert server.stats()["gaps"] == 1
        reader.socket.close()


async def test_replies_that_are_not_read_end_the_connection() -> None:
    """There is no gap to declare in them."""
    limits = ServerLimits(write_deadline=60, queue_messages=100, messages=Rate(1e6, burst=10**6))
    async with Server(port=0, limits=limits) as server:
        reader = Reader(server.port, buffer=4096)
        await reader.subscribe("A")
        async with asyncio.timeout(PATIENCE):
            while not server.stats()["aborted"]:
                await reader.ask(type="PING", pingId="x" * 10_000)
        assert server.stats()["aborted"] == {"overflow": 1}
        assert {one.state for one in server.connections()} <= {"closing"}
        reader.socket.close()


async def test_what_waits_comes_before_the_close_frame() -> None:
    """A shutdown's notice and 1001 go behind all that is queued."""
    async with Server(port=0, limits=ServerLimits(write_deadline=60)) as server:
        reader = Reader(server.port)
        await reader.subscribe("A", dataTypes=["BOOK_DELTA"])
        waiting = books()
        while only(server).buffered < 3 * HIGH_WATER:
            server.publish(next(waiting))
            await asyncio.sleep(0)
        last = only(server).channels[0].sequence
        stopping = asyncio.create_task(server.stop())
        got: list[dict[str, Any]] = []
        async with asyncio.timeout(PATIENCE):
            while not reader.is_over:
                await reader.read(1 << 16)
                got += reader.take()
            await stopping
        assert got[-1]["type"] == "SERVER_SHUTDOWN"
        assert got[-2]["sequence"] == last
        assert reader.close is not None
        assert reader.close[0] == 1001
        reader.socket.close()
