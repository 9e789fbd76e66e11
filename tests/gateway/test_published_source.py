from __future__ import annotations

import pytest

from hftlab import Clock
from hftlab.errors import ArgumentError
from hftlab.gateway.published_source import check_publishable, paper_traded
from hftlab.session import open_session
from hftlab.simulator import RandomWalk
from hftlab.trading.paper_source import PaperSource
from tests.command import ROOT
from tests.listed_source import ListedSource


class TestCheckPublishable:
    def test_a_paced_source_is_taken(self) -> None:
        check_publishable(RandomWalk(7), None)

    def test_a_looped_recording_is_taken_without_fills_alone(self) -> None:
        recording = open_session(ROOT / "data" / "walk").replay(loop=True)
        check_publishable(recording, None)
        with pytest.raises(ArgumentError, match="leave loop or fills out"):
            check_publishable(recording, "risk_averse")

    def test_an_unpaced_source_is_refused(self) -> None:
        with pytest.raises(ArgumentError, match="unpaced, and gateways cannot hold it back"):
            check_publishable(RandomWalk(7, clock=Clock(speed=float("inf"))), None)

    def test_a_source_without_symbols_is_refused(self) -> None:
        source = ListedSource([])
        source.symbols = ()
        with pytest.raises(ArgumentError, match="no symbols to publish"):
            check_publishable(source, None)


@pytest.mark.usefixtures("compiled")
def test_a_recording_that_is_traded_on_paper_takes_orders() -> None:
    traded = paper_traded(open_session(ROOT / "data" / "walk").replay(), "risk_averse", None)
    assert isinstance(traded, PaperSource)
