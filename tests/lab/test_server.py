"""A server in a notebook: who is connected, and what has failed."""

from __future__ import annotations

import hftlab as hl
from tests.server.test_failures import Breaking
from tests.waiting import until


def test_its_connections_are_listed() -> None:
    with hl.serve(hl.simulator.RandomWalk(7), port=0) as server, hl.connect(server.url) as client:
        client.ping()
        (connection,) = server.connections()
        assert (connection.peer, connection.state, connection.backlog) == ("127.0.0.1", "open", "none")
        assert connection.subject is not None


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
