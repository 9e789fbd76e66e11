from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.client import Client
from hftlab.client.inbox import UNASKED_SECONDS, Inbox
from hftlab.client.metrics import Metrics
from hftlab.clock import NANOSECONDS, wall_time
from hftlab.protocol import Heartbeat, encode
from hftlab.server import Server
from tests.client.servers import until, within
from tests.protocol.conftest import market_data, symbol


def beat(number: int) -> Heartbeat:
    return Heartbeat(timestamp=1.0 + number)


def numbers(messages: list[object]) -> list[int]:
    return [round(message.timestamp - 1.0) for message in messages]  # type: ignore[attr-defined]


class TestBound:
    @given(
        st.lists(st.integers(0, 20), max_size=60),
        st.integers(1, 10),
        st.integers(1, 50),
        st.sampled_from(["oldest", "newest", "disconnect"]),
    )
    def test_it_is_of_messages_and_bytes(self, lengths: list[int], size: int, size_bytes: int, policy: str) -> None:
        """Against a list: the oldest go until the new one fits, or the new one goes; one alone always fits."""
        metrics = Metrics()
        inbox = Inbox(size, policy, size_bytes=size_bytes, metrics=metrics)
        kept: list[int] = []
        dropped = 0

        def fits(number: int) -> bool:
            total = sum(lengths[one] for one in [*kept, number])
            return not kept or (len(kept) < size and total <= size_bytes)

        for number, length in enumerate(lengths):
            assert inbox.put(beat(number), 0, length) is fits(number)
            if policy != "oldest" and not fits(number):
                dropped += 1
                continue
            while not fits(number):
                kept.pop(0)
                dropped += 1
            kept.append(number)
            assert (len(inbox), inbox.bytes) == (len(kept), sum(lengths[one] for one in kept))
        assert metrics.dropped == dropped
        assert numbers(inbox.take()) == kept
        assert inbox.bytes == 0

    def test_it_holds_something(self) -> None:
        for size, size_bytes in ((0, 1), (1, 0)):
            with pytest.raises(ValueError, match="at least one"):
                Inbox(size, size_bytes=size_bytes)

    async def test_a_client_counts_what_its_messages_came_in(self, hand_server: Server) -> None:
        """Three of these have room, five do not."""
        message = market_data(symbol(price=1.0), channel=1, sequence=1)
        async with Client(hand_server.url, inbox_bytes=3 * len(encode(message)) + 200) as client:
            await client.subscribe(["AAPL"], frequency=0)
            for price in range(1, 6):
                hand_server.publish(market_data(symbol(price=float(price))))
            await until(lambda: client.latest("AAPL") is not None and client.latest("AAPL").price == 5.0)
            assert client.metrics.dropped == 2
            assert [message.symbols[0].price for message in client.messages()] == [3.0, 4.0, 5.0]


class TestUntilAsked:
    """An inbox that nobody reads, filled with one message a second."""

    @staticmethod
    def filled(count: int, metrics: Metrics | None = None) -> Inbox:
        inbox = Inbox(metrics=metrics, measures=True, until_asked=True)
        for number in range(count):
            inbox.put(beat(number), (number + 1) * NANOSECONDS, 10)
        return inbox

    def test_it_keeps_the_newest_thousand(self) -> None:
        metrics = Metrics()
        inbox = self.filled(1500, metrics)
        assert (len(inbox), inbox.bytes, metrics.dropped) == (1000, 10_000, 0)
        with pytest.warns(RuntimeWarning, match="first 500 messages are gone"):
            assert numbers(inbox.take(1)) == [500]
        assert metrics.dropped == 500

    def test_it_keeps_those_of_the_last_seconds(self) -> None:
        """Also if they are more than a thousand."""
        inbox = self.filled(1000)
        for number in range(5000):
            inbox.put(beat(1000 + number), 2000 * NANOSECONDS + number, 10)
        assert len(inbox) == 5000
        inbox.put(beat(6000), (2000 + UNASKED_SECONDS + 1) * NANOSECONDS, 10)
        assert len(inbox) == 1000

    def test_it_keeps_all_from_the_first_call_on(self) -> None:
        inbox = self.filled(1000)
        assert numbers(inbox.take(0)) == []
        for number in range(1000, 1500):
            inbox.put(beat(number), (number + 1) * NANOSECONDS, 10)
        assert numbers(inbox.take()) == list(range(1500))

    async def test_a_wait_is_a_call(self) -> None:
        inbox = self.filled(1000)
        assert numbers([await inbox.get()]) == [0]
        for number in range(1000, 1500):
            inbox.put(beat(number), (number + 1) * NANOSECONDS, 10)
        assert len(inbox) == 1499

    def test_only_waits_since_the_first_call_are_measured(self) -> None:
        metrics = Metrics()
        inbox = self.filled(10, metrics)
        assert len(inbox.take()) == 10
        assert metrics.latency["queue"].count == 0
        inbox.put(beat(10), wall_time() + NANOSECONDS)
        inbox.take()
        assert metrics.latency["queue"].count == 1

    @pytest.mark.parametrize("own", [{"inbox_size": 5000}, {"inbox_bytes": 1 << 20}, {"drop_policy": "newest"}])
    async def test_a_client_with_an_inbox_of_its_own_keeps_all(self, hand_server: Server, own: dict[str, Any]) -> None:
        keeping = Client(hand_server.url, keep_unread=False, **own)
        async with keeping as keeps, Client(hand_server.url, keep_unread=False) as looks:
            for client in (keeps, looks):
                await client.subscribe(["AAPL"], data_types=["TRADES"])
            kept, looked = keeps._inbox, looks._inbox
            assert (kept._is_asked, looked._is_asked) == (True, False)
            assert looks.messages(0) == []
            assert looked._is_asked

    async def test_a_client_keeps_all_unless_it_is_told_otherwise(self, hand_server: Server) -> None:
        async with Client(hand_server.url) as client:
            assert client._inbox._is_asked


class TestWaiting:
    async def test_who_takes_message_after_message_lets_others_run(self) -> None:
        """The inbox is never empty here, so that nothing else would make it wait."""
        inbox = Inbox()
        ran = asyncio.Event()
        inbox.put(beat(0))
        asyncio.get_running_loop().call_soon(ran.set)
        for _ in range(1_000_000):
            inbox.put(await inbox.get())
            if ran.is_set():
                return
        pytest.fail("nothing else has run")

    async def test_waits_that_are_given_up_leave_nothing_behind(self) -> None:
        inbox = Inbox()
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await inbox.get()
        waiting = asyncio.create_task(inbox.get())
        await asyncio.sleep(0)
        inbox.put(beat(1))
        assert await waiting == beat(1)
        assert len(inbox) == 0


class TestGather:
    async def test_it_waits_for_so_many_or_the_end(self) -> None:
        inbox = Inbox()
        gathering = asyncio.create_task(inbox.gather(3))
        for number in range(4):
            inbox.put(beat(number))
        assert numbers(await within(gathering)) == [0, 1, 2]
        gathering = asyncio.create_task(inbox.gather(3))
        await until(lambda: not len(inbox))
        inbox.close()
        assert numbers(await within(gathering)) == [3]
        assert await inbox.gather(3) == []

    async def test_a_cancelled_one_takes_nothing(self) -> None:
        """In number and in bytes; what there is no room for any more goes, the oldest first, and is counted."""
        metrics = Metrics()
        inbox = Inbox(3, metrics=metrics)
        for number in range(2):
            inbox.put(beat(number), 0, 10)
        gathering = asyncio.create_task(inbox.gather(5))
        await until(lambda: not len(inbox))
        for number in range(2, 4):
            inbox.put(beat(number), 0, 10)
        gathering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gathering
        assert inbox.bytes == 30
        assert numbers(inbox.take()) == [1, 2, 3]
        assert metrics.dropped == 1


def test_another_thread_may_take() -> None:
    """Nothing comes twice, and the bytes are right at the end."""
    inbox = Inbox(50, size_bytes=400, metrics=(metrics := Metrics()))
    taken: list[int] = []
    stop = threading.Event()

    def take() -> None:
        while not stop.is_set() or len(inbox):
            taken.extend(numbers(inbox.take(7)))

    thread = threading.Thread(target=take)
    thread.start()
    for number in range(20_000):
        inbox.put(beat(number), 0, 10)
    stop.set()
    thread.join()
    assert taken == sorted(set(taken))
    assert len(taken) + metrics.dropped == 20_000
    assert inbox.bytes == 0


def test_take_returns_the_oldest_first() -> None:
    inbox = Inbox(10)
    beats = [Heartbeat(timestamp=float(n)) for n in range(1, 5)]
    for beat in beats:
        inbox.put(beat)
    assert inbox.take(2) == beats[:2]
    assert inbox.take() == beats[2:]
    assert inbox.take() == []


async def test_get_waits_for_a_message_or_the_end() -> None:
    inbox = Inbox(10)
    first, second = asyncio.create_task(inbox.get()), asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    beat = Heartbeat(timestamp=1.0)
    inbox.put(beat)
    inbox.close()
    assert [await first, await second] == [beat, None]
    assert await inbox.get() is None
