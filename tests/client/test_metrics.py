from __future__ import annotations

from hftlab.client.metrics import Metrics


def test_it_shows_itself() -> None:
    metrics = Metrics()
    metrics.messages_received, metrics.bytes_received = 1234, 9
    metrics.latency["network"].record(5_000)
    assert "1,234 messages, 9 bytes, 0 lost, network p50 5 µs" in repr(metrics)
    page = metrics._repr_html_()
    assert "messages received" in page
    assert "1,234" in page
    assert "network latency" in page
    assert "queue latency" not in page  # nothing has been measured
    assert "latency" in metrics.as_dict()
