"""The plain calls of a notebook, with real servers on the background loop."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

import hftlab as hl
from hftlab.clock import Clock
from hftlab.errors import ConnectionFailed, PortInUse, SessionError, SessionExists, SubscriptionFailed
from hftlab.lab import LabClient, LabServer
from hftlab.protocol import MarketData
from hftlab.session import open_session
from hftlab.simulator import RandomWalk
from tests.protocol.conftest import market_data, symbol
from tests.session.sessions import numbered, replayed, write_session

PATIENCE = 20.0
HOUR = 3600 * 1_000_000_000


def walk(seed: int = 7) -> RandomWalk:
    """At a hundred times real time, so that no test waits for its ticks."""
    return RandomWalk(seed, clock=Clock(speed=100))


def until(condition: Callable[[], object]) -> None:
    """Compute until a condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"


@pytest.fixture
def server() -> Iterator[LabServer]:
    with hl.serve(walk(), port=0) as server:
        yield server


@pytest.fixture
def client(server: LabServer) -> Iterator[LabClient]:
    with hl.connect(server.url) as client:
        yield client


def states(messages: list[object]) -> list[MarketData]:
    return [message for message in messages if isinstance(message, MarketData)]


class TestPlainCalls:
    def test_a_first_cell(self) -> None:
        """Serve, connect, subscribe, look."""
        with hl.serve(walk(), port=0) as server, hl.connect(server.url) as client:
            assert server.is_running
            assert client.connection_status == "CONNECTED"
            assert client.offered_symbols == walk().symbols
            ack = client.subscribe(["AAPL", "MSFT"], data_types=["QUOTES", "ORDER_BOOK"], frequency=0)
            assert ack.type == "ACK"
            latest, book = client.latest("AAPL"), client.book("AAPL")
            assert latest is not None
            assert book is not None
            assert latest.symbol == "AAPL"
            assert len(book.bids(10)) == 5
            assert book.bids(1)[0][0] < book.asks(1)[0][0]
            assert client.symbols == ["AAPL", "MSFT"]
            assert client.is_healthy
            assert client.ping() > 0
            assert server.stats()["connections"] == 1
        assert not server.is_running
        assert client.connection_status == "DISCONNECTED"

    def test_messages_come_in_order_and_each_is_given_once(self, client: LabClient) -> None:
        client.subscribe("AAPL", frequency=0)
        taken = states([*client.messages(count=5), *client.messages(count=5), *client.messages()])
        sequences = [message.sequence for message in taken if not message.snapshot]
        assert len(sequences) >= 9
        assert sequences == list(range(1, len(sequences) + 1))

    def test_without_a_source_the_simulator_is_served(self) -> None:
        with hl.serve(port=0) as server, hl.connect(server.url) as client:
            assert client.offered_symbols == walk().symbols

    def test_messages_returns_what_there_is_when_the_time_is_over(self) -> None:
        """Of a thousand that are waited for, three come and stay in order; then there are no more."""
        with hl.serve(RandomWalk(clock=Clock(paused=True)), port=0) as still, hl.connect(still.url) as client:
            client.subscribe("AAPL", frequency=0)
            client.messages()
            for number in range(3):
                still.publish(numbered(number))
            taken = client.messages(count=1000, timeout=0.1)
            taken += client.messages(count=3 - len(taken))
            assert [message.id for message in taken] == ["md_0", "md_1", "md_2"]
            assert client.messages(count=1, timeout=0.01) == []

    def test_messages_returns_what_there_is_when_the_connection_ends(self, tmp_path: Path) -> None:
        session = write_session(tmp_path / "session", [(1, numbered(1)), (2, numbered(2)), (HOUR, numbered(3))])
        server = hl.serve(session.replay(float("inf")), port=0)
        client = hl.connect(server.url, auto_reconnect=False)
        client.subscribe("AAPL", frequency=0)
        assert client.wait_for_replay(PATIENCE)
        server.stop()
        assert len(states(client.messages(count=1000))) == 3
        assert client.messages(count=1) == []
        client.close()

    def test_iterating_waits_for_message_after_message(self, client: LabClient) -> None:
        client.subscribe("AAPL", frequency=0)
        taken = [message for message, _ in zip(client, range(10), strict=False)]
        assert len(taken) == 10

    def test_unsubscribing_ends_the_stream_of_a_symbol(self, client: LabClient) -> None:
        client.subscribe(["AAPL", "MSFT"], frequency=0)
        client.unsubscribe("AAPL")
        assert client.symbols == ["MSFT"]
        client.messages()
        assert {one.symbol for message in states(client.messages(count=5)) for one in message.symbols} == {"MSFT"}

    def test_a_server_streams_what_is_published_by_hand(self) -> None:
        with hl.serve(walk(), port=0) as server, hl.connect(server.url) as client:
            client.subscribe("AAPL", frequency=0)
            server.publish(market_data(symbol("AAPL", exchange="by hand")))
            until(lambda: any(one.symbols[0].exchange == "by hand" for one in states(client.messages(count=1))))

    def test_errors_are_the_protocol_s(self, server: LabServer, client: LabClient) -> None:
        with pytest.raises(SubscriptionFailed, match="NOPE"):
            client.subscribe("NOPE")
        with pytest.raises(ConnectionFailed, match="check that a server runs there"):
            hl.connect("ws://127.0.0.1:1")
        assert client.ping() > 0

    def test_two_servers_run_at_once(self, server: LabServer) -> None:
        """Each streams its own market."""
        with hl.serve(walk(8), port=0) as other, hl.connect(server.url) as one, hl.connect(other.url) as two:
            assert server.port != other.port
            for client in (one, two):
                client.subscribe("AAPL", frequency=0)
            prices = [[m.symbols[0].price for m in states(client.messages(count=10))] for client in (one, two)]
            assert prices[0] != prices[1]
        assert server.is_running

    def test_stopping_and_closing_again_is_no_error(self, server: LabServer, client: LabClient) -> None:
        for _ in range(2):
            client.close()
            server.stop()
        assert server.stats()["connections"] == 0


class TestRunningACellAgain:
    def test_the_same_port_replaces(self, server: LabServer) -> None:
        again = hl.serve(walk(), port=server.port)
        assert (server.is_running, again.is_running) == (False, True)
        assert again.url == server.url
        hl.connect(again.url).close()
        again.stop()

    def test_the_same_name_replaces(self) -> None:
        first = hl.serve(walk(), port=0, name="mine")
        second = hl.serve(walk(), port=0, name="mine")
        assert (first.is_running, second.is_running) == (False, True)
        second.stop()

    def test_stopping_the_replaced_does_not_stop_the_new(self) -> None:
        """Its handle may still be held by another cell."""
        first = hl.serve(walk(), port=0, name="mine")
        second = hl.serve(walk(), port=first.port, name="mine")
        first.stop()
        assert second.is_running
        third = hl.serve(walk(), port=0, name="mine")
        assert not second.is_running
        third.stop()

    def test_port_0_replaces_nothing(self, server: LabServer) -> None:
        with hl.serve(walk(), port=0) as other:
            assert server.is_running
            assert other.is_running

    def test_a_client_with_the_same_name_is_replaced(self, server: LabServer) -> None:
        first = hl.connect(server.url, name="mine")
        second = hl.connect(server.url, name="mine")
        assert (first.connection_status, second.connection_status) == ("DISCONNECTED", "CONNECTED")
        second.close()

    def test_a_client_that_nobody_refers_to_is_closed(self, server: LabServer) -> None:
        """A cell that connects again and again must not pile up connections."""
        client = hl.connect(server.url)
        assert server.stats()["connections"] == 1
        del client
        gc.collect()
        until(lambda: server.stats()["connections"] == 0)

    def test_a_recording_into_the_same_folder_replaces(self, client: LabClient, tmp_path: Path) -> None:
        """The one before is finished first, and does not write into the new one."""
        client.subscribe("AAPL", frequency=0)
        first = hl.record(client, tmp_path / "session")
        until(lambda: first.recorded > 3)
        with pytest.raises(SessionExists):
            hl.record(client, tmp_path / "session")
        assert "recording" in repr(first)
        second = hl.record(client, tmp_path / "session", overwrite=True)
        assert "finished" in repr(first)
        until(lambda: second.recorded > 3)
        session = second.stop()
        assert session.manifest.messages == second.recorded == len(replayed(session))
        assert session.manifest.complete

    def test_the_path_may_be_spelt_in_another_way(
        self, client: LabClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        first = hl.record(client, "session")
        with hl.record(client, tmp_path / "session", overwrite=True):
            assert "finished" in repr(first)


class TestBusyPort:
    def test_the_holder_is_named(self) -> None:
        """Here it is this very process, with a socket of its own."""
        with socket.create_server(("127.0.0.1", 0)) as foreign:
            port = foreign.getsockname()[1]
            with pytest.raises(PortInUse) as caught:
                hl.serve(walk(), port=port)
        assert (caught.value.port, caught.value.host) == (port, "127.0.0.1")
        assert f"(process {os.getpid()})" in str(caught.value.holder)
        assert f"port {port} on 127.0.0.1 is in use by" in str(caught.value)
        assert "port=0" in str(caught.value)

    def test_the_port_is_free_after_a_stop(self, server: LabServer) -> None:
        with hl.connect(server.url) as client:
            client.subscribe("AAPL", frequency=0)
            server.stop()
            with socket.create_server(("127.0.0.1", server.port)):
                pass


class TestInterrupt:
    @pytest.fixture(autouse=True)
    def listening(self) -> Iterator[None]:
        """A process that a shell has started in the background ignores SIGINT, and Python leaves it at that."""
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
        signal.signal(signal.SIGINT, before)

    def interrupted(self, ready: threading.Event, call: Callable[[], object]) -> None:
        """Press the stop button once `ready` is set and `call` waits."""
        main = threading.main_thread().ident

        def press() -> None:
            assert ready.wait(PATIENCE)
            until(lambda: "result" in {entry.name for entry in traceback.extract_stack(sys._current_frames()[main])})
            signal.pthread_kill(main, signal.SIGINT)

        button = threading.Thread(target=press)
        button.start()
        with pytest.raises(KeyboardInterrupt):
            call()
        button.join()

    def test_it_stops_the_wait_and_not_the_server(self, server: LabServer, client: LabClient) -> None:
        """The next call works, and no message is lost with the wait."""
        some = threading.Event()
        client.on("message", lambda message: message.sequence == 5 and some.set())
        client.subscribe("AAPL", frequency=0)
        self.interrupted(some, lambda: client.messages(count=1_000_000))
        taken = states([*client.messages(), *client.messages(count=5)])
        sequences = [message.sequence for message in taken if not message.snapshot]
        assert sequences == list(range(1, len(sequences) + 1))
        assert len(sequences) >= 9
        assert server.is_running
        assert client.is_healthy

    def test_a_wait_for_the_end_of_a_replay_can_be_interrupted(self, tmp_path: Path) -> None:
        session = write_session(tmp_path / "session", [(1, numbered(1)), (HOUR, numbered(2))])
        with hl.serve(session.replay(), port=0) as server, hl.connect(server.url) as client:
            first = threading.Event()
            client.on("message", lambda message: isinstance(message, MarketData) and first.set())
            client.subscribe("AAPL", frequency=0)
            self.interrupted(first, client.wait_for_replay)
            assert client.ping() > 0
            assert client.wait_for_replay(timeout=0.01) is False


class TestBackground:
    def test_a_computing_cell_does_not_stop_the_stream(self, client: LabClient) -> None:
        client.subscribe("AAPL", frequency=0)
        before = client.metrics.messages_received
        total = 0

        def computed() -> bool:
            nonlocal total
            total += sum(range(1000))
            return client.metrics.messages_received >= before + 50

        until(computed)
        assert total > 0
        assert client.metrics.messages_lost == 0

    def test_a_callback_may_publish(self, server: LabServer, client: LabClient) -> None:
        """It runs on the loop that the server runs on."""
        echoed = threading.Event()

        def echo(message: object) -> None:
            if isinstance(message, MarketData) and message.symbols[0].exchange == "echo":
                echoed.set()
            elif not echoed.is_set():
                server.publish(market_data(symbol("AAPL", exchange="echo")))

        client.on("message", echo)
        client.subscribe("AAPL", frequency=0)
        assert echoed.wait(PATIENCE)

    def test_a_callback_that_waits_is_told_and_the_stream_goes_on(self, client: LabClient) -> None:
        """Waiting there would wait for itself, for ever."""
        told: list[str] = []
        done = threading.Event()

        def wait(_: object) -> None:
            try:
                client.messages(count=10)
            except RuntimeError as exc:
                told.append(str(exc))
            done.set()

        client.on("message", wait)
        client.subscribe("AAPL", frequency=0)
        assert done.wait(PATIENCE)
        assert "cannot wait for it" in told[0]
        assert client.ping() > 0

    def test_calls_from_several_threads_do_not_mix(self, client: LabClient) -> None:
        acks: dict[str, str | None] = {}
        threads = [
            threading.Thread(target=lambda name=name: acks.update({name: client.subscribe(name).message}))
            for name in client.offered_symbols
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(acks) == sorted(client.symbols) == sorted(client.offered_symbols)


class TestReplay:
    def test_a_recorded_session_is_served_again(self, client: LabClient, tmp_path: Path) -> None:
        """What arrives equals what was recorded, as fast as possible."""
        client.subscribe(["AAPL", "TSLA"], frequency=0)
        with hl.record(client, tmp_path / "session") as recording:
            until(lambda: recording.recorded > 20)
        session = hl.open_session(tmp_path / "session")
        recorded = [message.symbols for _, message in replayed(session)]
        with hl.serve(session.replay(speed=float("inf")), port=0) as server, hl.connect(server.url) as listener:
            listener.subscribe(session.manifest.symbols, frequency=0)
            assert listener.wait_for_replay(PATIENCE)
            assert [message.symbols for message in states(listener.messages())] == recorded

    def test_waiting_for_a_replay_ends_with_the_connection(self, tmp_path: Path) -> None:
        """There is no end to wait for any more."""
        session = write_session(tmp_path / "session", [(1, numbered(1)), (HOUR, numbered(2))])
        server = hl.serve(session.replay(), port=0)
        client = hl.connect(server.url, auto_reconnect=False)
        client.subscribe("AAPL", frequency=0)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert client.wait_for_replay() is False
        stopping.join()
        assert client.wait_for_replay() is False
        client.close()

    def test_a_live_source_has_no_end(self, client: LabClient) -> None:
        client.subscribe("AAPL")
        assert client.wait_for_replay(timeout=0.01) is False


class TestRecord:
    def test_recording_a_server_equals_what_its_source_published(self, tmp_path: Path) -> None:
        start = 1_767_364_200_000_000_000
        source, twin = (RandomWalk(7, clock=Clock(start, 100, paused=True)) for _ in range(2))
        source.clock.resume()
        with hl.serve(source, port=0) as server, hl.record(server, tmp_path / "session") as recording:
            until(lambda: recording.recorded >= 30)
        session = recording.stop()
        received = replayed(session)
        while twin.next_time() < received[0][0]:
            twin.advance(twin.next_time())
        assert received == [(at, twin.advance(at)[0]) for at, _ in received]
        assert len(received) >= 30

    def test_stopping_again_returns_the_session_again(self, client: LabClient, tmp_path: Path) -> None:
        recording = hl.record(client, tmp_path / "session")
        assert recording.stop().folder == recording.stop().folder == recording.folder

    def test_a_recording_keeps_its_client(self, server: LabServer, tmp_path: Path) -> None:
        """`with hl.record(hl.connect(url), ...)`: nobody else refers to the client."""
        client = hl.connect(server.url)
        client.subscribe("AAPL", frequency=0)
        recording = hl.record(client, tmp_path / "session")
        del client
        gc.collect()
        start = recording.recorded
        until(lambda: recording.recorded > start + 5)
        assert server.stats()["connections"] == 1
        recording.stop()

    def test_an_error_in_the_block_still_finishes_the_session(self, client: LabClient, tmp_path: Path) -> None:
        with pytest.raises(ZeroDivisionError), hl.record(client, tmp_path / "session"):
            _ = 1 / 0
        assert hl.open_session(tmp_path / "session").manifest.complete

    def test_a_disk_that_fails_does_not_stand_in_the_way_of_the_next(self, client: LabClient, tmp_path: Path) -> None:
        recording = hl.record(client, tmp_path / "session")
        shutil.rmtree(tmp_path / "session")
        with pytest.raises(SessionError, match="has ended early"):
            recording.stop()
        assert "FAILED" in repr(recording)
        hl.record(client, tmp_path / "session")
        shutil.rmtree(tmp_path / "session")
        hl.record(client, tmp_path / "session", overwrite=True).stop()
        assert hl.open_session(tmp_path / "session").manifest.complete


class TestFaces:
    def test_html_escapes_what_comes_from_outside(self) -> None:
        source = walk()
        source.name = "<script>alert(1)</script>"
        with hl.serve(source, port=0) as server, hl.connect(f"{server.url}/?<b>&") as client:
            client.subscribe("AAPL")
            for html in (server._repr_html_(), client._repr_html_()):
                assert "<script>" not in html
                assert "<b>" not in html
            assert "&lt;script&gt;" in server._repr_html_()
            assert "&lt;b&gt;&amp;" in client._repr_html_()

    def test_handles_say_what_they_are(self, tmp_path: Path) -> None:
        with hl.serve(walk(), port=0) as server, hl.connect(server.url) as client:
            assert repr(server) == f"<hftlab server at {server.url}, running>"
            assert repr(client) == f"<hftlab client of {server.url}, CONNECTED>"
            with hl.record(client, tmp_path / "a") as recording:
                assert repr(recording) == f"<hftlab recording in {str(tmp_path / 'a')!r}, recording, 0 messages>"
            assert repr(recording) == f"<hftlab recording in {str(tmp_path / 'a')!r}, finished, 0 messages>"
        assert repr(server) == f"<hftlab server at {server.url}, stopped>"
        assert repr(client) == f"<hftlab client of {server.url}, DISCONNECTED>"
        assert "stopped" in server._repr_html_()


_NO_STOP = """
import shutil, sys, hftlab as hl
from hftlab.clock import Clock
from hftlab.simulator import RandomWalk

server = hl.serve(RandomWalk(7, clock=Clock(speed=100)), port=0)
client = hl.connect(server.url)
client.subscribe("AAPL", frequency=0)
hl.record(client, sys.argv[1])
hl.record(server, sys.argv[2])
hl.record(server, sys.argv[3])
client.messages()
client.messages(count=20)
if "lose" in sys.argv:
    shutil.rmtree(sys.argv[2])
if "fail" in sys.argv:
    1 / 0
"""


class TestEndOfTheProcess:
    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", _NO_STOP, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    @pytest.mark.parametrize("end", ["return", "fail"])
    def test_recordings_that_nobody_stopped_are_finished(self, tmp_path: Path, end: str) -> None:
        """Also those whose handle nobody kept, and when the program ends with an error."""
        folders = [tmp_path / name for name in "abc"]
        done = self.run(*folders, end)
        assert done.returncode == (1 if end == "fail" else 0)
        assert ("ZeroDivisionError" in done.stderr) == (end == "fail")
        for folder in folders:
            session = open_session(folder)
            assert session.manifest.complete
            assert len(replayed(session)) >= 18
        assert done.stdout == ""

    def test_one_that_fails_does_not_keep_the_others_from_it(self, tmp_path: Path) -> None:
        folders = [tmp_path / name for name in "abc"]
        done = self.run(*folders, "lose")
        assert "SessionError" in done.stderr
        for folder in (folders[0], folders[2]):
            assert open_session(folder).manifest.complete


def test_nested_loops_are_allowed_only_when_asked_for() -> None:
    """In a process of its own, for it changes the whole process."""
    code = """
import asyncio, hftlab as hl
async def inner(): return 42
async def outer(): return asyncio.run(inner())
try:
    asyncio.run(outer())
except RuntimeError:
    print("refused")
hl.enable_nested()
print(asyncio.run(outer()))
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["refused", "42"]


def test_a_message_is_streamed_as_it_was_published_and_not_as_it_was_changed_later() -> None:
    """Publishing takes a copy."""
    with hl.serve(walk(), port=0) as server, hl.connect(server.url) as client:
        client.subscribe("AAPL", frequency=0)
        message = market_data(symbol("AAPL", exchange="copied"))
        kept = msgspec.json.encode(message.symbols)
        server.publish(message)
        message.symbols.clear()
        got: list[MarketData] = []
        until(lambda: got.extend(states(client.messages(count=1))) or got[-1].symbols[0].exchange == "copied")
        assert got[-1].symbols[0].exchange == msgspec.json.decode(kept)[0]["exchange"]
