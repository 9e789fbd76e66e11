from __future__ import annotations

import pytest

import hftlab as hl


@pytest.fixture
def client():
    with hl.serve(hl.simulator.RandomWalk(7), port=0) as server, hl.connect(server.url) as client:
        client.subscribe(["AAPL"], data_types=["QUOTES", "ORDER_BOOK"])
        yield client


def test_a_ladder_shows_the_book(client):
    ladder = client.ladder("AAPL", depth=5, tick=0.01)
    assert (ladder.notice, ladder.error, ladder.status) == ("", "", "CONNECTED")
    assert "no book yet" not in ladder.picture().svg
    ladder.close()


def test_a_ladder_says_what_is_missing(client):
    ladder = client.ladder("APPL")
    assert ladder.notice == "the server has no APPL: did you mean AAPL?"
    ladder.symbol = "MSFT"
    ladder.tick(0.0, busy=False)
    assert ladder.views[""].notice() == 'MSFT is not subscribed to: client.subscribe(["MSFT"])'
    ladder.close()


def test_the_latency_panel_shows_the_traffic(client):
    panel = client.latency_panel()
    assert panel.error == ""
    panel.close()
