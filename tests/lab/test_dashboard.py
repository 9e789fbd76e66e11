from __future__ import annotations

import threading
from xml.etree import ElementTree

import pytest

import hftlab as hl
from hftlab.errors import ArgumentTypeError
from hftlab.lab.background import background
from hftlab.lab.server import servers
from hftlab.testing import FakeLabClient


@pytest.fixture
def server():
    with hl.serve(hl.simulator.RandomWalk(7), port=0) as server:
        yield server


def test_a_client_without_subscriptions_gets_all_that_is_offered(server):
    with hl.connect(server.url) as client:
        dashboard = hl.dashboard(client)
        assert client.symbols == client.offered_symbols
        assert dashboard.symbol == client.symbols[0]
        assert {panel.notice() for panel in dashboard.views.values()} == {""}
        dashboard.close()


def test_subscriptions_stay_as_they_are(server):
    with hl.connect(server.url) as client:
        client.subscribe(["MSFT"])
        dashboard = hl.dashboard(client)
        assert (client.symbols, dashboard.symbol) == (["MSFT"], "MSFT")
        dashboard.close()


def test_the_symbol_asked_for_is_among_those_subscribed_to():
    symbols = [f"S{number:03}" for number in range(20)]
    with FakeLabClient(symbols=symbols) as client:
        dashboard = hl.dashboard(client, "S019")
        assert client.symbols == ["S019", *symbols[:11]]
        assert dashboard.views["ladder"].notice() == ""
        dashboard.close()


def test_linked_views_follow_the_symbol(server):
    with hl.connect(server.url) as client:
        client.subscribe(["AAPL", "MSFT"])
        dashboard = hl.dashboard(client, "AAPL")
        dashboard.symbol = "MSFT"
        shown = {view.settings["symbol"] for view in dashboard.views.values() if "symbol" in view.settings}
        assert shown == {"MSFT"}
        dashboard.close()


def test_the_picture_has_all_views(server):
    with hl.connect(server.url) as client:
        dashboard = hl.dashboard(client)
        picture = ElementTree.fromstring(dashboard.picture().svg)
        assert len(picture.findall("{http://www.w3.org/2000/svg}svg")) == len(dashboard.views)
        dashboard.close()


@pytest.fixture
def session(server, tmp_path):
    with hl.connect(server.url) as client:
        client.subscribe(["AAPL", "MSFT"], data_types=["QUOTES", "ORDER_BOOK"])
        with hl.record(client, tmp_path / "session"):
            client.messages(count=10)
    return hl.open_session(tmp_path / "session")


def test_a_session_is_replayed_until_the_dashboard_is_closed(session):
    dashboard = hl.dashboard(session)
    replayed = dashboard._client
    assert dashboard.symbol == "AAPL"
    assert replayed.connection_status == "CONNECTED"
    dashboard.close()
    assert replayed.connection_status == "DISCONNECTED"


def test_a_session_that_is_shown_again_is_replayed_once(session):
    before = set(servers())
    first, other = hl.dashboard(session), hl.dashboard(session, "MSFT")
    second = hl.dashboard(session)
    assert len(set(servers()) - before) == 2
    assert first.comm is None  # closed, not left behind without its server
    assert [each._client.connection_status for each in (second, other)] == ["CONNECTED", "CONNECTED"]
    second.close()
    other.close()
    assert set(servers()) == before
    assert "hftlab read-ahead" not in {thread.name for thread in threading.enumerate()}


def test_a_dashboard_of_a_session_that_is_refused_leaves_nothing_running(session):
    before = set(servers())
    with pytest.raises(ValueError, match="rate"):
        hl.dashboard(session, rate=-1)
    assert set(servers()) == before


def test_it_shows_one_symbol_first(server):
    with hl.connect(server.url) as client:
        for wrong in (["AAPL"], 3):
            with pytest.raises(ArgumentTypeError, match=r"hl.dashboard\(\) takes one symbol, such as 'AAPL'"):
                hl.dashboard(client, wrong)
        assert client.symbols == []


def test_anything_else_is_refused(server):
    with pytest.raises(TypeError, match=r"hl.dashboard\(\) shows a client or a session, got str"):
        hl.dashboard("AAPL")


def test_a_server_that_offers_nothing_needs_a_subscription():
    server = hl.Server(port=0)  # without a source it says nothing of symbols
    background.run(server.start())
    try:
        with (
            hl.connect(server.url) as client,
            pytest.raises(ValueError, match="the server does not say which symbols it has"),
        ):
            hl.dashboard(client)
    finally:
        background.run(server.stop())
