"""/health, /ready and /metrics as Prometheus reads them."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import connect

from hftlab.clock import Clock
from hftlab.server import Server
from hftlab.simulator import RandomWalk
from tests.protocol.conftest import market_data, symbol
from tests.server.conversation import receive, settled, subscribe
from tests.server.http.plain_http import get
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


class TestMonitoring:
    async def test_health_and_ready(self, hand_server: Server) -> None:
        for path in ("/health", "/ready"):
            status, headers, body = await get(hand_server, path)
            assert (status, headers["content-type"]) == (200, "application/json")
            assert "status" in json.loads(body)

    async def test_a_problem_beside_the_stream_is_told_and_leaves_the_server_ready(self, hand_server: Server) -> None:
        hand_server.problems = {"a": lambda: "the disk is full", "b": lambda: None}
        status, _, body = await get(hand_server, "/ready")
        assert (status, json.loads(body)) == (200, {"status": "ready", "problems": ["the disk is full"]})
        assert value((await metrics(hand_server))["hftlab_problems"]) == 1.0
        hand_server.problems.clear()
        _, _, body = await get(hand_server, "/ready")
        assert json.loads(body) == {"status": "ready"}

    async def test_metrics_are_those_of_stats(self, hand_server: Server) -> None:
        async with connect(hand_server.url) as connection:
            await subscribe(connection, "A", frequency=0)
            hand_server.publish(market_data(symbol("A")))
            await receive(connection)
            await connection.send("{")
            await receive(connection)
            _, headers, body = await get(hand_server, "/metrics")
        assert headers["content-type"].startswith("text/plain")
        lines = body.decode().splitlines()
        for line in (
            "hftlab_connections 1.0",
            "hftlab_channels 1.0",
            "hftlab_messages_received_total 2.0",
            "hftlab_messages_sent_total 1.0",
            'hftlab_errors_total{type="MESSAGE_PARSE_ERROR"} 1.0',
        ):
            assert line in lines
        assert any(line.startswith('hftlab_broadcast_seconds_bucket{le="+Inf"}') for line in lines)

    async def test_required_authentication_closes_the_metrics(self) -> None:
        """And leaves of /health and /ready what a load balancer needs."""
        async with Server(port=0, auth="required") as server:
            token = server.issue_tokens("prometheus").access
            for headers in ({}, {"Authorization": "Bearer a.b.c"}, {"Authorization": f"Basic {token}"}):
                status, answer, body = await get(server, "/metrics", **headers)
                assert (status, answer["www-authenticate"]) == (401, "bearer")
                assert b"Authorization: Bearer" in body
                assert json.loads((await get(server, "/health", **headers))[2]) == {"status": "ok"}
                assert json.loads((await get(server, "/ready", **headers))[2]) == {"status": "ready"}
            signed = {"Authorization": f"Bearer {token}"}
            assert b"hftlab_connections 0.0" in (await get(server, "/metrics", **signed))[2]
            assert json.loads((await get(server, "/health", **signed))[2]) == {"status": "ok", "connections": 0}

    async def test_other_paths_want_a_websocket(self, hand_server: Server) -> None:
        assert (await get(hand_server, "/"))[0] == 426

    async def test_stats_keep_their_keys(self, hand_server: Server) -> None:
        assert {"connections", "channels", "published", "messages_sent", "bytes_sent", "messages_received"} | {
            "conflated",
            "gaps",
            "aborted",
        } <= hand_server.stats().keys()


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
                for _ in range(10):  # turns of the loop in which the wait is looked at
                    await metrics(server)
                (connection,) = server.connections()
                assert connection.buffered > 1_000_000
                assert server.stats()["queue_seconds"]["count"] == 0
                reading = loop.create_task(read_on(reader))
                await settled(lambda: server.stats()["queue_seconds"]["count"] == 1)
                reading.cancel()
                found = await metrics(server)
                assert value(found["hftlab_queue_seconds"], "_count") == 1
                assert value(found["hftlab_queue_seconds"], "_sum") > 0
                assert server.stats()["aborted"] == {}

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
