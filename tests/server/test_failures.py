"""A source, a tap or a task that raises: told, counted, and never the end of the others."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import socket
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from hftlab.client import Client
from hftlab.clock import Clock
from hftlab.errors import ServerError
from hftlab.protocol import Message
from hftlab.protocol.publishing.publisher import Publisher
from hftlab.recorder import Recording, tap
from hftlab.server import Server
from hftlab.server.connections import Connections
from hftlab.simulator import RandomWalk
from tests.protocol.conftest import market_data, symbol
from tests.server.conversation import receive, settled, subscribe
from tests.server.http.plain_http import get


class Breaking:
    """A live source whose third message is not to be had."""

    name, symbols = "feed", ("AAPL",)

    def __init__(self) -> None:
        self.recorded = False
        self.clock = Clock(0, paused=True)
        self.yielded = 0
        self.asked = 0

    def next_time(self) -> int:
        self.asked += 1
        return (self.yielded + 1) * 1000

    def advance(self, until: int) -> list[Message]:
        self.yielded += 1
        if self.yielded == 3:
            raise ValueError("a bad line")
        return [market_data(symbol("AAPL", float(self.yielded)))]


class Garbling:
    """A live source of which only the tenth message is good."""

    name, recorded = "garbling", False

    def __init__(self) -> None:
        self.symbols = ("AAPL",)
        self.step: float = 1000
        self.clock = Clock(0, paused=True)
        self.yielded = 0

    def next_time(self) -> int:
        return (self.yielded + 1) * self.step  # type: ignore[return-value]

    def advance(self, until: int) -> list[Message]:
        self.yielded += 1
        return [market_data(symbol("AAPL", bid=9.0 if self.yielded == 10 else math.nan))]


def prices_of(client: Client) -> list[float]:
    latest = client.latest("AAPL")
    return [] if latest is None or latest.price is None else [latest.price]


class TestSource:
    async def test_everyone_is_told_and_what_was_sent_before_is_kept(self, caplog: pytest.LogCaptureFixture) -> None:
        source = Breaking()
        async with Server(source, port=0) as server, Client(server.url) as client, Client(server.url) as other:
            told: list[Exception] = []
            for one in (client, other):
                one.on("error", told.append)
            await client.subscribe("AAPL", frequency=0)
            source.clock.step(10_000)
            await settled(lambda: len(told) == 2)
            for error in told:
                assert isinstance(error, ServerError)
                assert not error.recoverable
                assert "'feed' has failed (ValueError: a bad line)" in str(error)
            assert client.latest("AAPL").price == 2.0  # type: ignore[union-attr]
            assert server.failure == server.stats()["failure"] == "ValueError: a bad line"
            assert "a bad line" in caplog.text
            asked = source.asked
            with pytest.raises(ServerError):
                await server.replay.pause()
            assert source.asked == asked

    async def test_a_message_that_the_wire_cannot_carry_is_left_out_and_told(self) -> None:
        source = Garbling()
        async with Server(source, port=0) as server, Client(server.url) as client:
            told: list[Exception] = []
            client.on("error", told.append)
            await client.subscribe("AAPL", frequency=0)
            source.clock.step(10_000)
            await settled(lambda: server.stats()["published"] == 1 and len(told) == 4)
            assert server.stats()["invalid"] == 9
            await settled(lambda: prices_of(client) == [10.0])
            assert "'garbling' yields what cannot be streamed (1 so far)" in str(told[0])
            assert "field `symbols[0].bid`" in str(told[0])
            assert "nan of 'AAPL'" in str(told[0])
            assert isinstance(told[0], ServerError)
            assert told[0].context == {"field": "symbols[0].bid"}
            assert server.failure is None

    def test_a_source_of_impossible_symbols_is_not_served(self) -> None:
        source = Garbling()
        source.symbols = ("AAPL", "A\nB")
        with pytest.raises(ValueError, match=r"'A\\nB' is not a symbol"):
            Server(source, port=0)

    async def test_a_time_that_is_none_ends_the_source_and_not_the_server(self) -> None:
        source = Garbling()
        async with Server(source, port=0) as server, Client(server.url) as client:
            await client.subscribe("AAPL", frequency=0)
            source.step = float("nan")
            source.clock.step(10_000)
            await settled(lambda: server.failure)
            assert "next_time() returned nan" in str(server.failure)

    async def test_what_is_published_by_hand_still_goes_out(self) -> None:
        """At a pace as well, which the stream's own loop keeps."""
        source = Breaking()
        async with Server(source, port=0) as server, Client(server.url) as client:
            await client.subscribe("AAPL", frequency=500)
            source.clock.step(10_000)
            await settled(lambda: server.failure)
            for price in (7.0, 8.0):
                server.publish(market_data(symbol("AAPL", price)))
            source.clock.step(10**10)
            await settled(lambda: prices_of(client)[-1:] == [8.0])

    async def test_ready_says_why_it_is_not(self) -> None:
        source = Breaking()
        async with Server(source, port=0) as server:
            assert (await get(server, "/ready"))[0] == 200
            source.clock.step(10_000)
            await settled(lambda: server.failure)
            status, _, body = await get(server, "/ready")
            assert (status, json.loads(body)["reason"]) == (503, "ValueError: a bad line")
            assert (await get(server, "/health"))[0] == 200
            assert b"\nhftlab_failed 1.0\n" in (await get(server, "/metrics"))[2]

    async def test_a_replay_that_fails_has_ended_where_it_was(self) -> None:
        source = Breaking()
        source.recorded = True
        async with Server(source, port=0) as server, Client(server.url) as client:
            await client.subscribe("AAPL", frequency=0)
            await server.replay.resume()
            source.clock.step(10_000)
            await settled(lambda: client.replay_ended)
            assert server.replay_status().state == "ENDED"
            with pytest.raises(ServerError, match="has failed"):
                await server.replay.resume()

    async def test_the_server_stops_and_frees_its_port(self) -> None:
        source = Breaking()
        server = await Server(source, port=0).start()
        source.clock.step(10_000)
        await settled(lambda: server.failure)
        await server.stop()
        assert not server.is_running
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port))


class TestTask:
    async def test_one_that_has_ended_does_not_keep_the_port(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Whatever it has raised, and wherever."""
        ended = asyncio.Event()

        async def broken(self: Connections) -> None:
            ended.set()
            raise ValueError("of our own making")

        monkeypatch.setattr(Connections, "watch", broken)
        server = await Server(port=0).start()
        await ended.wait()
        await server.stop()
        assert "of our own making" in caplog.text
        async with Server(port=server.port):
            pass

    async def test_an_error_while_telling_of_the_end_does_not_keep_the_port(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = await Server(port=0).start()

        def broken(*_: object) -> None:
            raise ValueError("of our own making")

        monkeypatch.setattr(Publisher, "notify", broken)
        with pytest.raises(ValueError, match="our own making"):
            await server.stop()
        monkeypatch.undo()
        async with Server(port=server.port):
            pass


class TestTaps:
    async def test_one_that_raises_is_called_no_more_and_the_stream_goes_on(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        calls: list[str] = []

        def broken(item: object) -> None:
            calls.append("broken")
            raise OSError(28, "No space left on device")

        async with Server(RandomWalk(7, clock=Clock(speed=100)), port=0) as server:
            server.taps.extend((lambda item: calls.append("before"), broken, lambda item: calls.append("after")))
            async with connect(server.url) as connection:
                await subscribe(connection, "AAPL", frequency=0)
                for _ in range(5):
                    assert (await receive(connection))["type"] == "MARKET_DATA"
            assert server.stats()["failed_taps"] == {"OSError": 1}
            assert server.failure is None
        assert calls[:5] == ["before", "broken", "after", "before", "after"]
        assert "No space left on device" in caplog.text

    async def test_a_recording_that_fails_is_taken_off_and_its_owner_is_told(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with Server(port=0) as server:
            recording = Recording(tmp_path / "session", source={})
            monkeypatch.setattr(recording._writer, "append", lambda *_: 1 / 0)
            detach = tap(server, recording)
            server.publish(market_data(symbol("AAPL")))
            await settled(lambda: recording.failure)
            server.publish(market_data(symbol("AAPL")))
            assert server.taps == []
            assert server.stats()["failed_taps"] == {"SessionError": 1}
            assert f"hftlab recover {tmp_path / 'session'}" in caplog.text
            detach()


async def test_failures_are_logged_as_errors(caplog: pytest.LogCaptureFixture) -> None:
    source = Breaking()
    async with Server(source, port=0) as server:
        source.clock.step(10_000)
        await settled(lambda: server.failure)
    assert [record.levelno for record in caplog.records if record.name == "hftlab.server"] == [logging.ERROR]
