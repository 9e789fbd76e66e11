from __future__ import annotations

import json
from pathlib import Path

import pytest

import hftlab as hl
from hftlab.clock import to_milliseconds
from tests.waiting import until

START = 1_767_364_200_000_000_000  # 2026-01-02 14:30 UTC in ns
SECOND = 1_000_000_000
WALK = Path(__file__).parents[2] / "data" / "walk"


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


@pytest.mark.parametrize(
    "show",
    [
        lambda client: client.watchlist(),
        lambda client: client.time_and_sales("AAPL"),
        lambda client: client.depth_chart("AAPL"),
        lambda client: client.connection_panel(),
    ],
    ids=["watch list", "time and sales", "depth chart", "connection panel"],
)
def test_a_view_reads_a_notebooks_client(client, show):
    widget = show(client)
    assert (widget.notice, widget.error, widget.status) == ("", "", "CONNECTED")
    assert widget.picture().svg.startswith("<svg")
    assert "CONNECTED" in widget.to_html()
    widget.close()


def test_a_watch_list_points_linked_views_at_its_symbol(client):
    client.subscribe(["MSFT"])
    watchlist, depth = client.watchlist(), client.depth_chart("AAPL")
    hl.widgets.Link(*watchlist.views.values(), *depth.views.values())
    watchlist._handle_custom_msg({"panel": "", "from": "page", "set": {"symbol": "MSFT"}}, [])
    assert depth.symbol == "MSFT"
    watchlist.close()
    depth.close()


class TestTransport:
    @pytest.fixture
    def replaying(self):
        session = hl.open_session(WALK)
        with hl.serve(session.replay(), port=0) as server, hl.connect(server.url) as client:
            client.subscribe(["AAPL"])
            yield session, client

    def test_it_controls_the_replay(self, replaying):
        session, client = replaying
        transport = client.transport(session=session)
        view = transport.views[""]

        def ask(**command):
            view.receive(command, [])
            assert view._commands.wait(10)
            assert view._commands.refused == ""
            return client.replay.status

        start = session.manifest.started
        assert ask(do="pause").state == "PAUSED"
        assert ask(do="seek", position=to_milliseconds(start + 20 * 10**9)).position == (start + 20 * 10**9) / 1e6
        assert view.state().position == start + 20 * 10**9
        assert ask(do="step", seconds=0.5).position == (start + 20.5 * 10**9) / 1e6
        assert ask(do="step", count=1).position == (start + 20.6 * 10**9) / 1e6
        assert ask(do="speed", value=10).speed == 10
        assert ask(do="loop", on=True).loop is False  # until it plays
        status = ask(do="play")
        assert (status.state, status.loop) == ("PLAYING", True)
        transport.close()

    def test_it_learns_the_price_as_it_is_played(self, replaying):
        _, client = replaying
        transport = client.transport()
        client.replay.pause()
        client.replay.step("3s")
        view = transport.views[""]
        view.set({"symbol": "MSFT"})
        view.set({"symbol": "AAPL"})
        view.snapshot()
        assert any(price is not None for price in view.settings["line"]["prices"])
        transport.close()

    def test_a_live_source_says_so(self, client):
        transport = client.transport()
        assert transport.views[""].state().state == "LIVE"
        transport.views[""].receive({"do": "pause"}, [])
        assert transport.views[""]._commands.wait(10)
        assert "is live and cannot be controlled" in transport.views[""]._commands.refused
        transport.close()


def test_a_blotter_shows_and_cancels_orders():
    with hl.serve(hl.simulator.Exchange(seed=7), port=0) as server, hl.connect(server.url, account="alice") as client:
        client.subscribe(["AAPL"])
        low = round(client.latest("AAPL").bid * 0.9, 2)
        first, second = (client.trading.buy("AAPL", 10, price=low) for _ in range(2))
        blotter = client.blotter()
        frame = json.loads(blotter.frame)
        assert [row[0] for row in frame["orders"]] == [second.client_order_id, first.client_order_id]
        assert frame["portfolio"] is not None
        view = blotter.views[""]
        view.receive({"cancel": first.client_order_id}, [])
        assert view._commands.wait(10)
        assert (first.status, second.status) == ("CANCELED", "NEW")
        view.receive({"cancel_all": True, "age": 0.1}, [])
        assert view._commands.wait(10)
        assert second.wait(timeout=10).status == "CANCELED"
        view.receive({"cancel": "nobody's"}, [])
        assert view._commands.wait(10)
        assert "nobody's" in view._commands.refused
        blotter.close()


def test_queue_positions_hold_the_true_ones():
    """Against the exchange's own queues, through the wire, on a clock that the test moves."""
    source = hl.simulator.Exchange(seed=7, symbols=["AAPL"], clock=hl.Clock(START, paused=True))
    with hl.serve(source, port=0) as server, hl.connect(server.url, account="alice") as client:
        client.subscribe(["AAPL"], data_types=["QUOTES", "ORDER_BOOK", "TRADES"], frequency=0)
        queue = client.queue_position()
        for price, _, _ in client.book("AAPL").bids(5):
            client.trading.buy("AAPL", 100, price=price)
        book = source.books["AAPL"]
        account = max(resting.owner for resting in book.queue("B"))
        source.clock.step(2 * SECOND)
        until(lambda: client.latest("AAPL").timestamp > START / 1e6 + 1500)
        until(lambda: client.trading.orders[-1].record.status == "NEW")
        places = {track.record.price: track.points[-1] for track in queue.views[""]._tracker.tracks()}
        true = {
            round(resting.price * book.instrument.tick / 1e9, 9): book.ahead(resting.id)
            for resting in book.queue("B")
            if resting.owner == account
        }
        assert len(true) >= 3
        assert [price for price, ahead in true.items() if ahead > places[price].most] == []
        queue.close()


@pytest.mark.parametrize("name", ["ladder", "heatmap", "time_and_sales", "depth_chart"])
def test_a_view_of_one_symbol_takes_no_list(client, name):
    with pytest.raises(hl.errors.ArgumentTypeError, match=rf"client.{name}\(\) takes one symbol, such as 'AAPL'"):
        getattr(client, name)(["AAPL"])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("ladder", {"rate": "fast"}),
        ("ladder", {"rate": None}),
        ("ladder", {"rate": True}),
        ("ladder", {"depth": "ten"}),
        ("ladder", {"depth": None}),
        ("ladder", {"depth": 1.5}),
        ("ladder", {"tick": "0.01"}),
        ("ladder", {"size": None}),
        ("depth_chart", {"depth": "all"}),
        ("depth_chart", {"depth": 2.5}),
        ("time_and_sales", {"min_size": None}),
        ("heatmap", {"rate": "10"}),
    ],
    ids=str,
)
def test_an_argument_that_is_no_number_is_refused(client, name, arguments):
    with pytest.raises(hl.errors.ArgumentError, match=rf"{next(iter(arguments))} must be"):
        getattr(client, name)("AAPL", **arguments)


def test_a_watch_list_takes_names(client):
    for wrong in (3, [3], [["AAPL"]], [None]):
        with pytest.raises(hl.errors.ArgumentError, match="symbols must be"):
            client.watchlist(wrong)
    empty = client.watchlist([])
    assert repr(empty) == "WatchList([])"
    empty.close()
