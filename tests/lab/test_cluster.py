from __future__ import annotations

import pytest

import hftlab as hl
from tests.waiting import until


@pytest.mark.soak
def test_a_cluster_serves_and_a_second_one_takes_its_place() -> None:
    with hl.cluster(hl.simulator.RandomWalk(7), gateways=1) as first:
        with hl.connect(first.urls) as client:
            client.subscribe(["AAPL"])
            until(lambda: client.latest("AAPL"))
            assert client.url == first.urls[0]
        assert first.urls[0] in repr(first)
        assert "gateways" in first._repr_html_()
        with hl.cluster(hl.simulator.RandomWalk(7), gateways=1) as second:
            assert not any(gateway.is_running for gateway in first.gateways)
            with hl.connect(second) as client:
                client.subscribe(["AAPL"])
                until(lambda: client.latest("AAPL"))
