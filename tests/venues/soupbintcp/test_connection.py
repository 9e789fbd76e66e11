"""Each end against the other: logins, numbers, heartbeats, silence, ends, whatever the pieces that bytes come in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.errors import ArgumentError
from hftlab.venues.soupbintcp import (
    Broken,
    Client,
    Debug,
    EndOfSession,
    LoginAccepted,
    LoginRejected,
    LoginRequest,
    Logout,
    Sequenced,
    Server,
    Unsequenced,
)
from hftlab.venues.soupbintcp.packets import Event


def deliver(source: Client | Server, sink: Client | Server, now: float, size: int = 1 << 20) -> list[Event]:
    """Carry what one end has to send to the other, in pieces of so many bytes."""
    data = source.data_to_send()
    return [event for at in range(0, len(data), size) for event in sink.receive(data[at : at + size], now)]


def connected(sequence: int = 1) -> tuple[Client, Server]:
    client, server = Client("user", "secret", session="S1", sequence=sequence), Server()
    assert deliver(client, server, 0) == [LoginRequest("user", "secret", "S1", sequence)]
    server.accept("S1", sequence, 0)
    assert deliver(server, client, 0) == [LoginAccepted("S1", sequence)]
    assert client.is_ready
    assert server.is_ready
    return client, server


class TestMessages:
    @given(st.lists(st.binary(max_size=30), max_size=9), st.integers(1, 9), st.integers(1, 100))
    def test_are_numbered_from_the_login_on(self, messages: list[bytes], size: int, first: int) -> None:
        client, server = connected(first)
        for one in messages:
            server.send(one, 1)
        wanted = [Sequenced(one, number) for number, one in enumerate(messages, first)]
        assert deliver(server, client, 1, size) == wanted
        assert client.sequence == server.sequence == first + len(messages)

    def test_go_both_ways_without_numbers(self) -> None:
        client, server = connected()
        client.send(b"order", 1)
        client.debug("from a client", 1)
        assert deliver(client, server, 1) == [Unsequenced(b"order"), Debug("from a client")]
        server.send_unsequenced(b"answer", 1)
        assert deliver(server, client, 1) == [Unsequenced(b"answer")]
        assert client.sequence == 1

    def test_wait_for_the_login(self) -> None:
        client, server = Client("user", "secret"), Server()
        for end in (client, server):
            with pytest.raises(ArgumentError, match="before the login is accepted"):
                end.send(b"", 0)
        with pytest.raises(ArgumentError, match="before the login is accepted"):
            server.send_unsequenced(b"", 0)

    def test_go_on_after_a_lost_connection(self) -> None:
        client, server = connected()
        server.send(b"a", 1)
        deliver(server, client, 1)
        assert client.connection_lost() == [Broken("the connection was closed")]
        assert client.connection_lost() == []
        again, other = Client("user", "secret", session=client.session, sequence=client.sequence), Server()
        deliver(again, other, 2)
        other.accept("S1", 2, 2)
        other.send(b"b", 2)
        assert deliver(other, again, 2) == [LoginAccepted("S1", 2), Sequenced(b"b", 2)]


class TestTime:
    def test_heartbeats_after_a_second_without_a_packet(self) -> None:
        client, server = connected()
        for end, other, letter in ((client, server, b"R"), (server, client, b"H")):
            assert end.next_deadline() == 1.0
            assert end.handle_deadline(0.9) == []
            assert end.data_to_send() == b""
            assert end.handle_deadline(1.0) == []
            data = end.data_to_send()
            assert data == b"\0\1" + letter
            assert other.receive(data, 1.1) == []
            assert end.next_deadline() == 2.0

    def test_silence_ends_the_connection(self) -> None:
        for end in connected():
            assert end.handle_deadline(14.9) == []
            assert end.handle_deadline(15.0) == [Broken("nothing was heard for 15 s")]
            assert (end.is_over, end.is_ready, end.next_deadline(), end.handle_deadline(99)) == (True, False, None, [])
            with pytest.raises(ArgumentError, match="the connection is over: make a new one"):
                end.debug("?", 99)

    def test_a_login_has_thirty_seconds(self) -> None:
        server = Server(now=5)
        assert server.next_deadline() == 35.0
        assert server.handle_deadline(34) == []
        assert server.handle_deadline(35) == [Broken("there was no login for 30 s")]


class TestEnds:
    def test_of_a_session(self) -> None:
        client, server = connected()
        server.send(b"last", 1)
        server.end_session(1)
        assert deliver(server, client, 1) == [Sequenced(b"last", 1), EndOfSession()]
        assert client.is_over
        assert server.is_over

    def test_by_logging_out(self) -> None:
        client, server = connected()
        client.logout(1)
        assert deliver(client, server, 1) == [Logout()]
        assert server.is_over

    def test_by_a_rejected_login(self) -> None:
        client, server = Client("user", "wrong"), Server()
        deliver(client, server, 0)
        server.reject("A", 0)
        assert deliver(server, client, 0) == [LoginRejected("A")]
        assert client.is_over
        assert server.is_over

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"\0\0", "a packet of type b'' with 0 bytes"),
            (b"\0\1?", "a packet of type b'?'"),
            (b"\0\1O", "the other end sent Logout"),
            (b"\0\2Sx", "a message came before the login was accepted"),
            (b"\0\x1fA" + b"x" * 30, "a login has the number"),
        ],
    )
    def test_of_a_client_by_what_cannot_be(self, data: bytes, said: str) -> None:
        client = Client("user", "secret")
        (event,) = client.receive(data + b"\0\1H", 0)
        assert isinstance(event, Broken)
        assert said in event.reason

    def test_of_a_server_by_what_cannot_be(self) -> None:
        assert Server().receive(b"\0\1U", 0) == [Broken("a message came before the login was accepted")]
        assert isinstance(Server().receive(b"\0\1Z", 0)[0], Broken)
        _, server = connected()
        assert server.receive(Client("user", "secret").data_to_send(), 1) == [Broken("a second login came")]
