"""The process that reads many connections for a benchmark: it counts each frame once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import hftlab as hl
from hftlab.bench.reader_process import ReaderProcess
from hftlab.clock import Clock
from hftlab.lab import LabServer
from hftlab.simulator import RandomWalk
from tests.session.sessions import numbered
from tests.waiting import until

CONNECTIONS = 3
REPLIES = 3
"""Long frames that each connection gets beside the stream: the welcome, the acknowledgement and a snapshot."""


@pytest.fixture
def server() -> Iterator[LabServer]:
    """A random walk that stands still: the test publishes."""
    with hl.serve(RandomWalk(clock=Clock(paused=True)), port=0) as server:
        yield server


@pytest.mark.parametrize("more", [(), ("lazy",)])
def test_every_frame_is_counted_once(server: LabServer, more: tuple[str, ...]) -> None:
    readers = ReaderProcess(server.port, CONNECTIONS, "subscribe", "count", *more)
    readers.start()
    readers.wait_connected()
    until(lambda: server.stats()["messages_received"] == CONNECTIONS)
    replies = server.stats()["messages_sent"]
    for number in range(20):
        server.publish(numbered(number))
    sent = server.stats()["messages_sent"] - replies
    assert sent == 20 * CONNECTIONS
    assert 0 <= readers.stop() - sent <= CONNECTIONS * REPLIES


def test_without_count_it_only_reads(server: LabServer) -> None:
    with ReaderProcess(server.port, CONNECTIONS) as readers:
        assert server.stats()["connections"] == CONNECTIONS
        assert readers.stop() == 0
    until(lambda: server.stats()["connections"] == 0)


def test_a_process_that_cannot_connect_is_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    readers = ReaderProcess(1, CONNECTIONS)
    readers.start()
    with pytest.raises(RuntimeError, match="could not connect"):
        readers.wait_connected()
    assert readers.output() == ""
    assert "ConnectionRefusedError" in capfd.readouterr().err
