from __future__ import annotations

from xml.etree import ElementTree

import pytest

import hftlab as hl
from hftlab.lab.background import background


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


def test_a_session_is_replayed_until_the_dashboard_is_closed(server, tmp_path):
    with hl.connect(server.url) as client:
        client.subscribe(["AAPL"], data_types=["QUOTES", "ORDER_BOOK"])
        with hl.record(client, tmp_path / "session"):
            client.messages(count=10)
    session = hl.open_session(tmp_path / "session")
    dashboard = hl.dashboard(session)
    replayed = dashboard._client
    assert dashboard.symbol == "AAPL"
    assert replayed.connection_status == "CONNECTED"
    dashboard.close()
    assert replayed.connection_status == "DISCONNECTED"


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
