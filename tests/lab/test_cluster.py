from __future__ import annotations

import pytest

import hftlab as hl
from hftlab.errors import HftlabError
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


def test_a_cluster_goes_on_where_the_next_ones_arguments_are_wrong() -> None:
    source = hl.simulator.RandomWalk(7)
    unpaced = hl.simulator.RandomWalk(7, clock=hl.Clock(speed=float("inf")))
    with hl.cluster(source, gateways=1) as first:
        for wrong, said in (
            (lambda: hl.cluster(source, gateways=0), "not a number of processes"),
            (lambda: hl.cluster(source, gateways=2, port=65_535), "too high"),
            (lambda: hl.cluster("exchange"), "exchange"),  # type: ignore[arg-type]
            (lambda: hl.cluster(unpaced, gateways=1), "unpaced"),
            (lambda: hl.cluster(hl.simulator.RandomWalk(7), accounts={"a": hl.trading.AccountTerms()}), "walk"),
        ):
            with pytest.raises(HftlabError, match=said):
                wrong()
            assert first.gateways[0].is_running
        with hl.cluster(source, gateways=1) as second:  # the same cell once more
            assert not first.gateways[0].is_running
            with hl.connect(second.urls) as client:
                client.subscribe(["AAPL"])
                until(lambda: client.latest("AAPL"))
