from __future__ import annotations

import pytest

from hftlab.widgets.core.view import symbol_notice
from hftlab.widgets.ladder.view import LadderView
from tests.widgets.market import Market, bitcoin


@pytest.fixture
def market() -> Market:
    return Market({"BTC-USD": bitcoin()}, offered_symbols=["BTC-USD", "AAPL", 'A"PL'])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("depth", 0),
        ("depth", "ten"),
        ("symbol", ["BTC-USD"]),
        ("depth", True),
        ("size", 10**400),
        ("size", float("inf")),
        ("size", float("nan")),
    ],
    ids=lambda value: f"{value!r:.12}",
)
def test_a_setting_that_makes_no_sense_is_refused(market, name, value):
    with pytest.raises(ValueError, match=f"{name} must be"):
        LadderView(market, "BTC-USD").set({name: value})


def test_a_change_is_told_to_the_widget_once(market):
    view, told = LadderView(market, "BTC-USD"), []
    view.changed = lambda: told.append(dict(view.settings))
    before = view.settings
    view.set({"depth": 5, "unknown": 1})
    view.set({"depth": 5})
    assert told == [{**before, "depth": 5}]


@pytest.mark.parametrize(
    ("symbol", "words"),
    [
        ("BTC-USD", ""),
        ("AAPL", 'AAPL is not subscribed to: client.subscribe(["AAPL"])'),
        ('A"PL', 'A"PL is not subscribed to: client.subscribe(["A\\"PL"])'),
        ("APPL", "the server has no APPL: did you mean AAPL?"),
        ("QQQQ", "the server has no QQQQ"),
    ],
)
def test_what_is_missing_is_said(market, symbol, words):
    assert symbol_notice(market, symbol) == words
