from __future__ import annotations

import hftlab as hl
from tests.waiting import until


def test_a_gateway_is_killed_and_started_again_at_its_address() -> None:
    with hl.cluster(hl.simulator.RandomWalk(7), gateways=1) as cluster:
        (gateway,) = cluster.gateways
        url, pid = gateway.url, gateway.pid
        with hl.connect(cluster.urls, reconnect_interval=0.05, max_reconnect_attempts=None) as client:
            client.subscribe(["AAPL"])
            gateway.kill()
            assert not gateway.is_running
            assert "ended" in repr(gateway)
            until(lambda: client.connection_status != "CONNECTED")
            gateway.restart()
            assert (gateway.url, gateway.is_running) == (url, True)
            assert gateway.pid != pid
            until(lambda: client.connection_status == "CONNECTED")
            gateway.stop()
            assert not gateway.is_running
