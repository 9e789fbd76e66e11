"""A server in a notebook: who is connected, what has failed, and running a cell again."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import msgspec
import pytest

import hftlab as hl
from hftlab.errors import PortInUse
from hftlab.lab import LabServer
from hftlab.protocol import MarketData, OrderUpdate
from tests.faults.conftest import order_update
from tests.lab.market import states, walk
from tests.protocol.conftest import market_data, symbol
from tests.server.test_failures import Breaking
from tests.waiting import until


def test_connections_are_listed() -> None:
    with hl.serve(hl.simulator.RandomWalk(7), port=0) as server, hl.connect(server.url, account="alice") as client:
        client.ping()
        (connection,) = server.connections()
        assert (connection.peer, connection.state, connection.backlog) == ("127.0.0.1", "open", "none")
        assert connection.subject == "alice"


def test_a_source_that_fails_shows() -> None:
    source = Breaking()
    with hl.serve(source, port=0) as server:
        assert "running" in repr(server)
        source.clock.step(10_000)
        until(lambda: server.inner.failure)
        assert "FAILED (ValueError: a bad line)" in repr(server)
        assert "FAILED (ValueError: a bad line)" in server._repr_html_()
        assert server.is_running
    assert "stopped" in repr(server)


class TestPlainCalls:
    @pytest.mark.parametrize("given", [3, {"type": "MARKET_DATA"}, MarketData])
    def test_only_messages_are_published(self, server: LabServer, given: Any) -> None:
        with pytest.raises(TypeError, match=r"a server publishes messages such as hftlab.protocol.MarketData\(...\)"):
            server.publish(given)

    def test_a_class_is_not_served(self) -> None:
        with pytest.raises(TypeError, match=r"make one, such as RandomWalk\(\)"):
            hl.serve(hl.simulator.RandomWalk, port=0)  # type: ignore[arg-type]

    def test_without_a_source_the_simulator_is_served(self) -> None:
        with hl.serve(port=0) as server, hl.connect(server.url) as client:
            assert client.offered_symbols == walk().symbols

    def test_a_server_streams_what_is_published_by_hand(self) -> None:
        with hl.serve(walk(), port=0) as server, hl.connect(server.url) as client:
            client.subscribe("AAPL", frequency=0)
            server.publish(market_data(symbol("AAPL", exchange="by hand")))
            until(lambda: any(one.symbols[0].exchange == "by hand" for one in states(client.messages(count=1))))

    def test_two_servers_run_at_once(self, server: LabServer) -> None:
        """Each streams its own market."""
        with hl.serve(walk(8), port=0) as other, hl.connect(server.url) as one, hl.connect(other.url) as two:
            assert server.port != other.port
            for client in (one, two):
                client.subscribe("AAPL", frequency=0)
            prices = [[m.symbols[0].price for m in states(client.messages(count=10))] for client in (one, two)]
            assert prices[0] != prices[1]
        assert server.is_running


def test_changing_a_published_message_changes_nothing() -> None:
    """Publishing copies the message."""
    with hl.serve(walk(), port=0) as server, hl.connect(server.url) as client:
        client.subscribe("AAPL", frequency=0)
        message = market_data(symbol("AAPL", exchange="copied"))
        kept = msgspec.json.encode(message.symbols)
        server.publish(message)
        message.symbols.clear()
        got: list[MarketData] = []
        until(lambda: got.extend(states(client.messages(count=1))) or got[-1].symbols[0].exchange == "copied")
        assert got[-1].symbols[0].exchange == msgspec.json.decode(kept)[0]["exchange"]


def test_a_private_message_is_published_for_its_account() -> None:
    accounts: list[str | None] = []
    with hl.serve(walk(), port=0) as server:
        server.inner.taps.append(
            lambda timed: accounts.append(timed.account) if isinstance(timed.message, OrderUpdate) else None
        )
        server.publish(order_update(1), "alice")
    assert accounts == ["alice"]


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
        """Another cell may still have the replaced server in a variable."""
        first = hl.serve(walk(), port=0, name="mine")
        second = hl.serve(walk(), port=first.port, name="mine")
        first.stop()
        assert second.is_running
        third = hl.serve(walk(), port=0, name="mine")
        assert not second.is_running
        third.stop()

    def test_the_same_source_replaces(self) -> None:
        """Each of its messages comes once, so that it can have one server."""
        venue = hl.simulator.Exchange(seed=7, symbols=["AAPL"])
        first = hl.serve(venue, port=0)
        with hl.serve(hl.simulator.Faults(venue), port=0) as second, hl.connect(second.url, account="alice") as client:
            assert (first.is_running, second.is_running) == (False, True)
            assert client.trading.buy("AAPL", 5).wait(timeout=10).status == "FILLED"

    def test_port_0_replaces_nothing(self, server: LabServer) -> None:
        with hl.serve(walk(), port=0) as other:
            assert server.is_running
            assert other.is_running


class TestBusyPort:
    def test_the_holder_is_named(self) -> None:
        """Here the holder is this process, with a plain socket."""
        with socket.create_server(("127.0.0.1", 0)) as foreign:
            port = foreign.getsockname()[1]
            with pytest.raises(PortInUse) as caught:
                hl.serve(walk(), port=port)
        assert (caught.value.port, caught.value.host) == (port, "127.0.0.1")
        assert (caught.value.holder, caught.value.is_here) == ("this process", True)
        assert f"port {port} on 127.0.0.1 is in use by this process" in str(caught.value)
        assert "port=0" in str(caught.value)

    def test_the_port_is_free_after_a_stop(self, server: LabServer) -> None:
        with hl.connect(server.url) as client:
            client.subscribe("AAPL", frequency=0)
            server.stop()
            with socket.create_server(("127.0.0.1", server.port)):
                pass


class TestRepresentation:
    def test_html_escapes_what_comes_from_outside(self) -> None:
        source = walk()
        source.name = "<script>alert(1)</script>"
        with hl.serve(source, port=0) as server, hl.connect(f"{server.url}/?<b>&") as client:
            assert "not measured yet" in client._repr_html_()
            client.subscribe("AAPL")
            client.messages(count=3)
            assert "p50" in client._repr_html_()
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
