from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from math import nan
from xml.etree import ElementTree

import pytest

from hftlab.clock import wall_time
from hftlab.protocol import ChannelInfo
from hftlab.testing import FakeLabClient, Script, market_data
from hftlab.widgets import ConnectionPanel, connection_svg
from hftlab.widgets.connection.frame import ConnectionFrame, Event, Fact, pack_connection, read_connection
from hftlab.widgets.connection.view import ConnectionView
from hftlab.widgets.latency.rate_meter import Traffic
from tests.waiting import until

SVG = "{http://www.w3.org/2000/svg}"
BOOK = market_data("AAPL", bids=[(175.25, 300.0)], asks=[(175.27, 100.0)])


@pytest.fixture
def client() -> Iterator[FakeLabClient]:
    with FakeLabClient(Script(["AAPL"]).when("SUBSCRIBE", BOOK), reconnect_interval=0.01) as client:
        client.subscribe(["AAPL"], data_types=["QUOTES", "ORDER_BOOK"])
        yield client


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def facts(frame: ConnectionFrame) -> dict[str, str]:
    return {fact.name: fact.text for fact in (*frame.facts, *frame.counters)}


def read(client: FakeLabClient, traffic: Traffic | None = None, silence: float | None = None) -> ConnectionFrame:
    return read_connection(client, traffic or Traffic(), silence, wall_time())


class TestFrame:
    def test_of_a_connected_client(self, client):
        frame = read(client, Traffic(10, 500, 0, 12.0, 2300.0), 0.25)
        found = facts(frame)
        assert (frame.status, frame.lasting) == ("CONNECTED", "0 s")
        assert found["server"] == client.url
        assert (found["rate"], found["last message"]) == ("12 messages/s, 2.30 kB/s", "0.2 s ago")
        assert {found[name] for name in ("reconnects", "gaps", "lost", "conflated", "dropped", "errors")} == {"0"}
        assert not any(fact.warns for fact in (*frame.facts, *frame.counters))
        assert [(event.level, event.text) for event in frame.events] == [("INFO", "CONNECTED"), ("INFO", "CONNECTING")]

    def test_a_lost_connection(self, client):
        client.network = "manual"
        client.simulate_close(1001, "going away")
        until(lambda: client.connection_status == "RECONNECTING")
        frame = read(client)
        assert frame.status == "RECONNECTING"
        assert frame.events[0].text == "RECONNECTING, attempt 1"
        lost = next(event for event in frame.events if event.level == "WARN")
        assert "is lost" in lost.text
        assert "NETWORK_ERROR" not in lost.text
        assert next(fact for fact in frame.counters if fact.name == "errors") == Fact(
            "errors", "1", "of the server, the network and callbacks", warns=True
        )
        client.simulate_open()
        client.wait_connected(10)
        assert facts(read(client))["reconnects"] == "1"

    def test_what_is_not_known(self, client):
        found = facts(read(client, Traffic(0, 0, 0, nan, nan)))
        assert (found["rate"], found["last message"], found["clock offset"]) == ("–", "–", "not certain yet")

    def test_silence_is_a_warning(self, client):
        last = next(fact for fact in read(client, silence=75.0).facts if fact.name == "last message")
        assert (last.text, last.warns) == ("1 min 15 s ago", True)

    def test_counters(self, client):
        client.metrics.gaps, client.metrics.clock_offset, client.metrics.bytes_sent = 12_345, -20_400, 2_300_000
        found = facts(read(client))
        assert (found["gaps"], found["clock offset"]) == ("12,345", "-20 µs")
        assert found["sent"].endswith("2.30 MB")

    def test_subscriptions_with_their_frequency(self, client, monkeypatch):
        kinds = {"data_types": ["QUOTES", "TRADES"], "slow_consumer": "GAP", "sequence": 0}
        channels = [
            ChannelInfo(channel=1, symbols=["AAPL", "MSFT"], frequency=100, **kinds),
            ChannelInfo(channel=2, symbols=["NVDA"], frequency=0, **kinds),
        ]
        monkeypatch.setattr(type(client), "channels", channels)
        assert [tuple(each) for each in read(client).subscriptions] == [
            ("AAPL, MSFT", "QUOTES, TRADES", "100 ms", "gap"),
            ("NVDA", "QUOTES, TRADES", "every change", "gap"),
        ]

    def test_symbols_of_a_server_that_names_no_channels(self, client):
        """The reference server names none, and its symbols are subscribed to all the same."""
        assert client.channels == []
        assert [each.symbols for each in read(client).subscriptions] == [", ".join(client.symbols)]
        client.unsubscribe(client.symbols)
        assert read(client).subscriptions == []

    def test_books_that_come_anew_are_counted(self, client):
        client.network = "manual"
        client.simulate_close()
        assert facts(read(client))["resyncing"] == "1"

    def test_the_newest_twenty_events(self, client):
        for number in range(30):
            client.debug_log.log("INFO", f"event {number}", {"channel": number, "reason": None})
        events = read(client).events
        assert len(events) == 20
        assert events[0].text == "event 29: channel 29"

    def test_it_travels_as_json(self, client):
        frame = json.loads(pack_connection(read(client)))
        assert set(frame) == {field.name for field in fields(ConnectionFrame)}
        assert frame["counters"][0] == ["reconnects", "0", "connections made again after one was lost", False]
        assert len(pack_connection(read(client))) < 3_000


class TestView:
    def test_the_age_of_the_last_message(self, client):
        now = 100.0
        view = ConnectionView(client, timer=lambda: now, clock=wall_time)
        assert facts(view._read())["last message"] == "–"
        client.simulate_message(BOOK)
        assert facts(view._read())["last message"] == "0.0 s ago"
        now = 112.0
        assert facts(view._read())["last message"] == "12 s ago"

    def test_the_widget(self, client, still_loop):
        panel = ConnectionPanel(client, refresh_loop=still_loop)
        assert json.loads(panel.frame)["status"] == "CONNECTED"
        assert not panel.views[""].ages
        assert repr(panel) == "ConnectionPanel()"
        assert "CONNECTED for 0 s" in texts(panel.picture().svg)
        panel.close()


class TestPicture:
    def test_long_and_hostile_texts(self):
        frame = ConnectionFrame("ERROR", "", events=[Event("12:00:00.000", "ERROR", f"<&{'x' * 200}")])
        words = texts(connection_svg(frame))
        assert "ERROR" in words
        assert words[-1].startswith("<&xxx")
        assert words[-1].endswith("…")
