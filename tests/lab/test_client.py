"""Plain calls of a client that wait, beside those of tests/test_lab.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import hftlab as hl
from hftlab.clock import Clock
from hftlab.lab import LabClient, LabServer
from hftlab.protocol import Message
from hftlab.simulator import RandomWalk
from tests.session.sessions import numbered

PATIENCE = 20.0


@pytest.fixture
def server() -> Iterator[LabServer]:
    with hl.serve(RandomWalk(clock=Clock(paused=True)), port=0) as server:
        yield server


@pytest.fixture
def client(server: LabServer) -> Iterator[LabClient]:
    with hl.connect(server.url, auto_reconnect=False) as client:
        client.subscribe("AAPL", frequency=0, wait=0)
        client.ping()
        client.messages()
        yield client


def identities(messages: list[Message]) -> list[str | None]:
    return [message.id for message in messages]


def test_the_next_message_is_waited_for(server: LabServer, client: LabClient) -> None:
    assert client.next_message(timeout=0.01) is None
    for number in range(2):
        server.publish(numbered(number))
    assert [client.next_message().id for _ in range(2)] == ["md_0", "md_1"]


def test_batches_have_each_message_once_and_go_on_where_a_loop_has_stopped(
    server: LabServer, client: LabClient
) -> None:
    for number in range(5):
        server.publish(numbered(number))
    client.ping()
    for batch in client.batches(2, PATIENCE):
        assert identities(batch) == ["md_0", "md_1"]
        break
    rest = []
    for batch in client.batches(2, 0.001):
        rest += identities(batch)
        if len(rest) == 3:
            break
    assert rest == ["md_2", "md_3", "md_4"]


def test_batches_end_with_the_connection(server: LabServer, client: LabClient) -> None:
    server.publish(numbered(0))
    client.ping()
    server.stop()
    assert [one.type for batch in client.batches(10, 0.001) for one in batch] == ["MARKET_DATA", "SERVER_SHUTDOWN"]


def test_the_end_is_waited_for(server: LabServer, client: LabClient) -> None:
    assert not client.wait_closed(timeout=0.01)
    server.stop()
    assert client.wait_closed(PATIENCE)
    assert [message.type for message in client] == ["SERVER_SHUTDOWN"]
    assert client.next_message() is None
