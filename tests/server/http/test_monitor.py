"""/metrics as Prometheus reads it, and the histograms behind it."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import connect

from hftlab.clock import Clock
from hftlab.server import Server, broadcaster, stream
from hftlab.server.histogram import Histogram
from hftlab.server.queue_time import QueueTimes
from hftlab.simulator import RandomWalk
from tests.protocol.conftest import market_data, symbol
from tests.server.conversation import receive, settled, subscribe
from tests.server.http.test_http import get
from tests.server.test_server import handshake, level_of
from tests.test_clock import Timer

SECOND = 1_000_000_000


async def metrics(server: Server) -> dict[str, Metric]:
    status, _, body = await get(server, "/metrics")
    assert status == 200
    return {family.name: family for family in text_string_to_metric_families(body.decode())}


def value(family: Metric, ending: str = "", **labels: str) -> float:
    (found,) = [one.value for one in family.samples if one.name == family.name + ending and one.labels == labels]
    return found


async def read_on(reader: socket.socket) -> None:
    while await asyncio.get_running_loop().sock_recv(reader, 1 << 20):
        pass


class TestHistogram:
    def test_buckets_count_what_is_at_most_their_bound(self) -> None:
        """Against a sorted list."""
        chance = random.Random(7)
        bounds = (0.25, 0.5, 1.0)
        values = [chance.choice([0.0, 0.25, 0.3, 0.5, 0.75, 1.0, 2.0]) for _ in range(100)]
        histogram = Histogram(bounds)
        for one in values:
            histogram.add(one)
        for bound, total in histogram.buckets():
            assert total == sum(one <= float(bound) for one in values)
        assert histogram.seconds == pytest.approx(sum(values))
        summary = histogram.summary()
        assert (summary["count"], summary["max"]) == (100, 2.0)
        middle = sorted(values)[49]
        assert summary["p50"] == min(bound for bound in bounds if bound >= middle)

    def test_without_values_all_is_nothing(self) -> None:
        assert set(Histogram((1.0,)).summary().values()) == {0}


@dataclass(eq=False)
class Buffered:
    """A connection as far as its buffer."""

    written: int = 0
    buffered: int = 0
    is_open: bool = True


class TestQueueTimes:
    async def test_a_wait_ends_when_the_kernel_has_taken_the_message(self) -> None:
        """Not earlier, though bytes before it have gone, and not later, though bytes behind it wait."""
        now = 5.0
        times = QueueTimes(lambda: now)
        slow, quick, broken = Buffered(1000, 400), Buffered(1000, 0), Buffered(1000, 10)
        times.written([slow, quick, broken], now)  # type: ignore[list-item]
        assert times.histogram.count == 1
        slow.written, slow.buffered = 3000, 2001
        broken.is_open = False
        now = 6.0
        await settled(lambda: times.histogram.count == 2)
        now = 7.5
        slow.buffered = 2000
        await settled(lambda: times.histogram.count == 3)
        assert times.histogram.seconds == 0.0 + 1.0 + 2.5
        times.close()

    async def test_a_reader_has_one_sample_at_a_time_and_a_batch_soon_after_none(self) -> None:
        times = QueueTimes(lambda: 9.0)
        slow = Buffered(1000, 400)
        for at, is_due in ((1.0, True), (1.001, False), (2.0, True)):
            assert times.is_due(at) == is_due
            if is_due:
                times.written([slow, Buffered()], at)  # type: ignore[list-item]
        assert times.histogram.count == 2
        slow.buffered = 0
        await settled(lambda: times.histogram.count == 3)
        assert times.histogram.longest == 8.0


class TestMetrics:
    async def test_a_message_that_is_taken_at_once_is_counted_in_both_histograms(self) -> None:
        async with Server(port=0) as server, connect(server.url) as connection:
            await subscribe(connection, "A", frequency=0)
            server.publish(market_data(symbol("A")))
            await receive(connection)
            await settled(lambda: server.stats()["queue_seconds"]["count"] == 1)
            found = await metrics(server)
            stats = server.stats()
        for name in ("broadcast_seconds", "queue_seconds"):
            family = found[f"hftlab_{name}"]
            assert family.type == "histogram"
            assert value(family, "_count") == value(family, "_bucket", le="+Inf") == stats[name]["count"] == 1
            assert value(family, "_sum") == pytest.approx(stats[name]["mean"])
            rising = [one.value for one in family.samples if one.name.endswith("_bucket")]
            assert rising == sorted(rising)
        assert value(found["hftlab_messages_sent"], "_total") == 1

    async def test_a_message_that_waits_is_counted_when_it_has_gone(self) -> None:
        """A reader that does not read holds back megabytes, then takes them."""
        loop = asyncio.get_running_loop()
        async with Server(port=0) as server:
            with socket.create_connection(("127.0.0.1", server.port)) as reader:
                reader.setblocking(False)
                await handshake(reader, server.port)
                await settled(lambda: server.stats()["channels"] == 1)
                server.publish(market_data(symbol(bids=[level_of(price) for price in range(1, 60_000)])))
                (connection,) = server._connections
                for _ in range(10):  # turns of the loop in which the wait is looked at
                    await metrics(server)
                assert connection.buffered > 1_000_000
                assert server.stats()["queue_seconds"]["count"] == 0
                reading = loop.create_task(read_on(reader))
                await settled(lambda: server.stats()["queue_seconds"]["count"] == 1)
                reading.cancel()
                found = await metrics(server)
                assert value(found["hftlab_queue_seconds"], "_count") == 1
                assert value(found["hftlab_queue_seconds"], "_sum") > 0
                assert server.stats()["aborted"] == {}

    async def test_a_broadcast_begins_before_its_messages_are_projected_and_encoded(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """On a clock that only their publisher moves: by hand and from a source."""
        now = 0.0
        clock = SimpleNamespace(perf_counter=lambda: now, monotonic=time.monotonic)
        for module in (stream, broadcaster):
            monkeypatch.setattr(module, "time", clock)
        source = RandomWalk(7, clock=Clock(paused=True))
        async with Server(source, port=0) as server, connect(server.url) as connection:
            await subscribe(connection, *source.symbols, frequency=0)

            def slowed(call: Callable[..., Any]) -> Callable[..., Any]:
                def slow(*given: Any, **named: Any) -> Any:
                    nonlocal now
                    now += 1.0
                    return call(*given, **named)

                return slow

            for name in ("publish", "poll"):
                monkeypatch.setattr(server._publisher, name, slowed(getattr(server._publisher, name)))
            server.publish(market_data(symbol("AAPL")))
            await settled(lambda: server.stats()["broadcast_seconds"]["count"] == 1)
            assert server.stats()["broadcast_seconds"]["max"] == 2.0
            due = source.next_time()
            assert due is not None
            source.clock.step(due - source.clock.now())
            await settled(lambda: server.stats()["broadcast_seconds"]["count"] == 2)
            assert server._broadcaster.broadcasts.histogram.seconds == 4.0

    async def test_lag_is_how_far_the_stream_is_behind_its_clock(self) -> None:
        """In real time; nobody streams here, so that it is not made up for."""
        timer = Timer()
        server = Server(RandomWalk(7, clock=Clock(SECOND, 10, timer=timer)), port=0)
        assert server.stats()["lag_seconds"] == 0
        due = server.source.next_time()  # type: ignore[union-attr]
        assert due is not None
        timer.ns += 6 * SECOND + (due - SECOND) // 10
        assert server.stats()["lag_seconds"] == pytest.approx(6)
        server.clock.pause()
        assert server.stats()["lag_seconds"] == 0
        async with Server(port=0) as other:
            assert value((await metrics(other))["hftlab_lag_seconds"]) == 0
