"""A client in a notebook: plain calls that wait."""

from __future__ import annotations

import gc
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import hftlab as hl
from hftlab.clock import Clock
from hftlab.errors import ConnectionFailed, SubscriptionFailed
from hftlab.lab import LabClient, LabServer
from hftlab.protocol import MarketData, Message
from hftlab.simulator import RandomWalk
from tests.lab.market import HOUR, states, walk
from tests.session.sessions import numbered, replayed, write_session
from tests.waiting import PATIENCE, until


@pytest.fixture
def still_server() -> Iterator[LabServer]:
    with hl.serve(RandomWalk(clock=Clock(paused=True)), port=0) as server:
        yield server


@pytest.fixture
def still_client(still_server: LabServer) -> Iterator[LabClient]:
    with hl.connect(still_server.url, auto_reconnect=False) as client:
        client.subscribe("AAPL", frequency=0, wait=0)
        client.ping()
        client.messages()
        yield client


def identities(messages: list[Message]) -> list[str | None]:
    return [message.id for message in messages]


def test_the_next_message_is_waited_for(still_server: LabServer, still_client: LabClient) -> None:
    assert still_client.next_message(timeout=0.01) is None
    for number in range(2):
        still_server.publish(numbered(number))
    assert [still_client.next_message().id for _ in range(2)] == ["md_0", "md_1"]


def test_batches_have_each_message_once_and_go_on_where_a_loop_has_stopped(
    still_server: LabServer, still_client: LabClient
) -> None:
    for number in range(5):
        still_server.publish(numbered(number))
    still_client.ping()
    for batch in still_client.batches(2, PATIENCE):
        assert identities(batch) == ["md_0", "md_1"]
        break
    rest = []
    for batch in still_client.batches(2, 0.001):
        rest += identities(batch)
        if len(rest) == 3:
            break
    assert rest == ["md_2", "md_3", "md_4"]


def test_batches_end_with_the_connection(still_server: LabServer, still_client: LabClient) -> None:
    still_server.publish(numbered(0))
    still_client.ping()
    still_server.stop()
    assert [one.type for batch in still_client.batches(10, 0.001) for one in batch] == [
        "MARKET_DATA",
        "SERVER_SHUTDOWN",
    ]


def test_the_end_is_waited_for(still_server: LabServer, still_client: LabClient) -> None:
    assert not still_client.wait_closed(timeout=0.01)
    still_server.stop()
    assert still_client.wait_closed(PATIENCE)
    assert [message.type for message in still_client] == ["SERVER_SHUTDOWN"]
    assert still_client.next_message() is None


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

    def test_messages_returns_what_there_is_when_the_time_is_over(self) -> None:
        """A thousand are asked for, three arrive: they are returned in order."""
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

    def test_errors_are_the_protocol_s(self, server: LabServer, client: LabClient) -> None:
        with pytest.raises(SubscriptionFailed, match="NOPE"):
            client.subscribe("NOPE")
        with pytest.raises(ConnectionFailed, match="check that a server runs there"):
            hl.connect("ws://127.0.0.1:1")
        assert client.ping() > 0

    def test_stopping_and_closing_again_is_no_error(self, server: LabServer, client: LabClient) -> None:
        for _ in range(2):
            client.close()
            server.stop()
        assert server.stats()["connections"] == 0


class TestRunningACellAgain:
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


class TestInterrupt:
    @pytest.fixture(autouse=True)
    def listening(self) -> Iterator[None]:
        """Handle SIGINT, which a process ignores if a shell has started it in the background."""
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
        """The next call works, and no message is lost."""
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


class TestWaitForReplay:
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
        """The end of the replay would never arrive."""
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
