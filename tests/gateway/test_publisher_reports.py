from __future__ import annotations

from typing import Any

import pytest

from hftlab.gateway import Gateway, NatsTerms, PublisherNode
from hftlab.gateway.announcement import Announcement, Beat
from hftlab.gateway.market_feed import SILENCE, MarketFeed
from hftlab.gateway.market_frame import MarketFrame
from hftlab.gateway.publisher_reports import PublisherReports
from hftlab.simulator import RandomWalk
from tests.gateway.conftest import until
from tests.gateway.test_gateway import Some, running


def reports_of(*publishers: Announcement) -> tuple[MarketFeed, PublisherReports]:
    feed = MarketFeed()
    for one in publishers:
        feed.announce(one, 0.0)
    return feed, PublisherReports(feed)


ONE = Announcement("one", "walk", 1, ["AAPL"])


class TestReports:
    def test_what_a_publisher_says_counts_until_it_says_otherwise_or_is_replaced(self) -> None:
        feed, reports = reports_of(ONE)
        reports.take(Beat("one", problem="the source has failed", untold="no room"))
        assert reports.problems(0.0) == ["the source has failed"]
        assert reports.untold("one") == "no room"
        reports.take(Beat("one"))
        assert (reports.problems(0.0), reports.untold("one")) == ([], None)
        reports.take(Beat("one", problem="the source has failed"))
        feed.announce(Announcement("two", "walk", 2, ["AAPL"]), 1.0)
        assert reports.problems(1.0) == []

    def test_a_publisher_of_another_version_is_named_while_it_is_heard(self) -> None:
        _, reports = reports_of()
        other = Announcement("one", "walk", 1, ["AAPL"], wire=7, version="9.1")
        assert not reports.is_foreign(ONE, 0.0)
        assert reports.is_foreign(other, 0.0)
        (said,) = reports.problems(1.0)
        assert said.startswith("the publisher of 'walk' (hftlab 9.1) sends version 7 of a cluster's messages")
        assert reports.problems(SILENCE + 0.1) == []
        assert reports.hears_foreign("one", SILENCE)
        assert reports.problems(SILENCE + 0.1) == [said]
        assert not reports.hears_foreign("two", 1.0)

    def test_what_cannot_be_read_is_the_publishers_under_whose_name_it_comes(self) -> None:
        _, reports = reports_of(ONE)
        reports.cannot_read("nobody 1 p", ValueError("why"), 1.0)
        assert reports.problems(1.0) == []
        reports.cannot_read("one 1 p", ValueError("why"), 1.0)
        (said,) = reports.problems(2.0)
        assert said.startswith("messages of the publisher of 'walk' cannot be read (why): is it of another version")
        assert reports.problems(60.0) == []


class TestGateway:
    async def test_a_publisher_of_another_version_is_why_it_is_not_ready(
        self, terms: NatsTerms, cluster: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("hftlab.gateway.gateway._START", 0.3)
        node = PublisherNode(RandomWalk(7), terms, cluster=cluster)
        node.announcement.wire += 1
        async with node, Gateway(terms, port=0, cluster=cluster) as gateway:
            await until(lambda: "install the same hftlab for both" in str(gateway.server.unready()))
            async with PublisherNode(Some(["GOOD"]), terms, cluster=cluster):
                await until(lambda: gateway.server.unready() is None)
                (problem,) = gateway.server.stats()["problems"]
                assert "'random walk'" in problem
                assert gateway.server.source.symbols == ["GOOD"]  # type: ignore[union-attr]

    async def test_headers_of_another_form_are_a_gap_and_a_problem_that_names_the_publisher(
        self, terms: NatsTerms, cluster: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with running(RandomWalk(7), terms, cluster) as (_, (gateway,)):
            right: Any = MarketFrame.header.fget  # type: ignore[attr-defined]
            monkeypatch.setattr(MarketFrame, "header", property(lambda frame: right(frame) + " 0"))
            await until(lambda: "is it of another version" in "".join(gateway.server.stats()["problems"]))
            await until(gateway._feed.out_of_step)  # the loss is noticed by a sign of life
            monkeypatch.undo()
            await until(lambda: gateway._feed.is_complete)
