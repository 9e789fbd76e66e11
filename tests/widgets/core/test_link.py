from __future__ import annotations

import pytest

from hftlab.widgets.core.link import Link
from hftlab.widgets.ladder.view import LadderView
from tests.widgets.market import Market, bitcoin


@pytest.fixture
def views() -> list[LadderView]:
    market = Market({"BTC-USD": bitcoin(), "ETH-USD": bitcoin()})
    return [LadderView(market, "BTC-USD") for _ in range(3)]


def test_linked_views_share_their_symbol(views):
    link = Link(*views)
    told = []
    views[2].changed = lambda: told.append(views[2].settings["symbol"])
    views[0].set({"symbol": "ETH-USD"})
    assert [view.settings["symbol"] for view in views] == ["ETH-USD"] * 3
    assert told == ["ETH-USD"]
    assert views[0].link is link


def test_what_is_not_shared_stays(views):
    Link(*views)
    views[0].set({"depth": 3})
    assert [view.settings["depth"] for view in views] == [3, 10, 10]


def test_a_view_is_in_one_link(views):
    Link(*views)
    Link(views[0])
    views[0].set({"symbol": "ETH-USD"})
    assert [view.settings["symbol"] for view in views] == ["ETH-USD", "BTC-USD", "BTC-USD"]
