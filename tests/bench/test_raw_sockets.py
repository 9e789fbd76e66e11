"""Raw sockets as the limit that a benchmark compares with."""

from __future__ import annotations

from hftlab.bench.raw_sockets import accepted, listener, measure_latency
from hftlab.bench.reader_process import ReaderProcess


def test_latencies_are_of_the_timed_reader() -> None:
    summary = measure_latency(connections=4, before=1, count=5, interval=0.001, size=200)
    assert 0 < summary["p50"] <= summary["p99"] <= summary["max"]


def test_all_connections_are_accepted_and_closed_at_the_end() -> None:
    with listener() as opened:
        readers = ReaderProcess(opened.getsockname()[1], 3)
        with accepted(opened, readers, 3) as connections:
            assert len(connections) == 3
            assert all(connection.send(b"x" * 1000) == 1000 for connection in connections)
        assert all(connection.fileno() == -1 for connection in connections)
