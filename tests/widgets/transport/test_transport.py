from __future__ import annotations

import struct
import threading
from math import inf
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hftlab.clock import to_milliseconds
from hftlab.protocol.market_data import MarketData
from hftlab.protocol.messages import ReplayStatus
from hftlab.session import open_session
from hftlab.widgets import Transport
from hftlab.widgets.core.link import Link
from hftlab.widgets.transport.frame import HEADER, STATES, TransportState
from hftlab.widgets.transport.picture import transport_svg
from hftlab.widgets.transport.playhead import Playhead
from hftlab.widgets.transport.price_line import BINS, LearntLines, PriceLine, session_line
from hftlab.widgets.transport.view import TransportView
from tests.widgets.market import NOON, Market, quote

SECOND = 1_000_000_000
WALK = Path(__file__).parents[3] / "data" / "walk"


def status(seconds: float = 0, state: str = "PLAYING", speed: float | None = 1.0, **changes) -> ReplayStatus:
    fields = {"start": NOON / 1e6, "end": NOON / 1e6 + 60_000, "timestamp": 1.0, **changes}
    return ReplayStatus(state=state, position=NOON / 1e6 + 1000 * seconds, speed=speed, **fields)


class Replayed(Market):
    """A client of a replay that notes its commands, and is told messages by the test."""

    def __init__(self, newest: ReplayStatus | None) -> None:
        super().__init__(quotes={"BTC-USD": quote("BTC-USD"), "ETH-USD": quote("ETH-USD")})
        self.replay = Controls(newest)
        self.callbacks = []

    def on(self, event, callback):
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback) if callback in self.callbacks else None

    def send(self, message):
        if isinstance(message, ReplayStatus):
            self.replay.status = message
        for callback in list(self.callbacks):
            callback(message)


class Controls:
    def __init__(self, newest):
        self.status = newest
        self.calls = []
        self.answers = threading.Event()
        self.answers.set()

    def __getattr__(self, name):
        def call(*args, **kwargs):
            assert self.answers.wait(10)
            self.calls.append((name, *args, *kwargs.items()))

        return call


class Timer:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def timer():
    return Timer()


def unpack(frame: bytes) -> dict:
    found = dict(zip(HEADER, struct.unpack(f"<{len(frame) // 8}d", frame), strict=True))
    return {**found, "state": STATES[int(found["state"])]}


class TestPlayhead:
    def test_it_goes_on_at_the_speed_and_ends_at_the_end(self):
        playhead = Playhead()
        assert playhead.at(0) == 0
        playhead.take(status(10, speed=5.0), 100.0)
        assert playhead.at(102.0) == NOON + 20 * SECOND
        assert playhead.at(1000.0) == NOON + 60 * SECOND

    @pytest.mark.parametrize("state", ["PAUSED", "WAITING", "ENDED"])
    def test_it_stands(self, state):
        playhead = Playhead()
        playhead.take(status(10, state), 100.0)
        assert playhead.at(150.0) == NOON + 10 * SECOND

    def test_a_server_that_is_slower_shows_it_by_its_messages(self):
        playhead = Playhead()
        playhead.take(status(0, speed=10.0), 100.0)
        assert playhead.see(NOON + 4 * SECOND, 103.0) == NOON + 4 * SECOND
        assert playhead.at(103.1) == NOON + 4 * SECOND
        assert playhead.at(105.0) == NOON + 50 * SECOND  # nothing comes: the clock is all that is known

    def test_a_little_lateness_is_not_slowness(self):
        playhead = Playhead()
        playhead.take(status(0), 100.0)
        playhead.see(NOON + 2 * SECOND, 103.0)
        assert playhead.at(103.0) == NOON + 3 * SECOND

    def test_at_full_speed_messages_are_the_clock(self):
        playhead = Playhead()
        playhead.take(status(0, speed=None), 100.0)
        playhead.see(NOON + 40 * SECOND, 100.1)
        assert playhead.at(100.2) == NOON + 40 * SECOND

    def test_event_times_of_another_clock_are_no_positions(self):
        playhead = Playhead()
        playhead.take(status(0), 100.0)
        assert playhead.see(NOON - 3600 * SECOND, 101.0) == NOON + SECOND


class TestPriceLine:
    def test_what_is_learnt_is_what_the_session_holds(self):
        session = open_session(WALK)
        started, ended = session.manifest.started, session.manifest.ended
        learnt = LearntLines(started, ended)
        source = session.replay(inf)
        while (at := source.next_time()) is not None:
            for message in source.advance(at):
                learnt.take(message, at)
        source.close()
        for symbol in ("AAPL", "TSLA"):
            assert learnt.line(symbol).prices == session_line(session, symbol).prices
            assert learnt.line(symbol).volumes == session_line(session, symbol).volumes

    def test_what_was_not_played_is_not_known(self):
        learnt = LearntLines(NOON, NOON + BINS * SECOND - 1)
        learnt.take(MarketData(timestamp=1.0, symbols=[quote("X", price=10.0, volume=100.0)]), NOON)
        learnt.take(MarketData(timestamp=1.0, symbols=[quote("X", price=11.0, volume=130.0)]), NOON + 3 * SECOND)
        learnt.jump()
        learnt.take(MarketData(timestamp=1.0, symbols=[quote("X", price=12.0, volume=900.0)]), NOON + 9 * SECOND)
        line = learnt.line("X")
        assert list(line.prices[:10]) == [10.0, None, None, 11.0, None, None, None, None, None, 12.0]
        assert list(line.volumes[:10]) == [0, 0, 0, 30.0, 0, 0, 0, 0, 0, 0]
        assert set(learnt.line("Y").prices) == {None}

    def test_gaps_of_the_session_are_marked(self, tmp_path):
        line = PriceLine("X", NOON, NOON + SECOND, [1.25, None], [0.0, 1.0], [(NOON, NOON + SECOND // 2)])
        assert line.to_json()["gaps"] == [[NOON / 1e6, NOON / 1e6 + 500]]
        assert line.to_json()["decimals"] == 2


class TestView:
    def view(self, client, timer, **options) -> TransportView:
        return TransportView(client, timer=timer, **options)

    def test_the_frame(self, timer):
        view = self.view(Replayed(status(10, speed=None, loop=True)), timer)
        frame = unpack(view.snapshot())
        assert (frame["state"], frame["position"], frame["speed"]) == ("PLAYING", NOON / 1e6 + 10_000, inf)
        assert (frame["start"], frame["end"], frame["loop"]) == (NOON / 1e6, NOON / 1e6 + 60_000, 1)
        view.close()

    def test_a_live_source(self, timer):
        view = self.view(Replayed(None), timer)
        assert unpack(view.snapshot())["state"] == "LIVE"
        assert "live source" in view.picture().svg
        assert view.notice() == ""

    @pytest.mark.parametrize(
        ("command", "call"),
        [
            ({"do": "pause"}, ("pause",)),
            ({"do": "play"}, ("resume", ("loop", None))),
            ({"do": "step", "count": 10}, ("step", 10)),
            ({"do": "step", "seconds": 0.1}, ("step", ("seconds", 0.1))),
            ({"do": "seek", "position": NOON / 1e6 + 1500}, ("seek", NOON + 1_500_000_000)),
            ({"do": "home"}, ("seek", NOON)),
            ({"do": "speed", "value": 25}, ("set_speed", 25)),
            ({"do": "speed", "value": None}, ("set_speed", inf)),
            ({"do": "loop", "on": True}, ("resume", ("loop", True))),
        ],
        ids=str,
    )
    def test_a_command_is_heard_at_once_and_done(self, timer, command, call):
        client = Replayed(status(10))
        client.replay.answers.clear()
        view = self.view(client, timer)
        assert view.receive({**command, "number": 7}, []) == ({"heard": 7}, [])
        assert unpack(view.snapshot())["busy"] == 1  # the server has not answered, and nothing waits for it
        client.replay.answers.set()
        assert view._commands.wait(10)
        assert client.replay.calls == [call]
        assert unpack(view.snapshot())["busy"] == 0

    def test_of_many_seeks_the_newest_is_done(self, timer):
        client = Replayed(status(10))
        client.replay.answers.clear()
        view = self.view(client, timer)
        for seconds in range(30):
            view.receive({"do": "seek", "position": NOON / 1e6 + 1000 * seconds}, [])
        client.replay.answers.set()
        assert view._commands.wait(10)
        assert len(client.replay.calls) <= 2
        assert client.replay.calls[-1] == ("seek", NOON + 29 * SECOND)

    def test_play_at_the_end_begins_again(self, timer):
        client = Replayed(status(60, "ENDED"))
        view = self.view(client, timer)
        view.receive({"do": "play"}, [])
        assert view._commands.wait(10)
        assert client.replay.calls == [("seek", NOON), ("resume", ("loop", None))]

    def test_looping_does_not_end_a_pause(self, timer):
        client = Replayed(status(10, "PAUSED"))
        view = self.view(client, timer)
        view.receive({"do": "loop", "on": True}, [])
        assert view._commands.wait(10)
        assert (client.replay.calls, unpack(view.snapshot())["loop"]) == ([], 1)
        view.receive({"do": "play"}, [])
        assert view._commands.wait(10)
        assert client.replay.calls == [("resume", ("loop", True))]

    @pytest.mark.parametrize(
        "command",
        [{"do": "fly"}, {"do": "step", "seconds": -1}, {"do": "seek"}, {"do": "speed", "value": "fast"}, {"do": None}],
        ids=str,
    )
    def test_nonsense_is_refused(self, timer, command):
        view = self.view(Replayed(status(10)), timer)
        with pytest.raises(ValueError, match=r"must be a number above 0|a replay cannot"):
            view.receive(command, [])

    def test_what_the_server_refuses_is_told(self, timer):
        client = Replayed(status(10))
        view = self.view(client, timer)
        client.replay.pause = lambda: 1 / 0
        view.receive({"do": "pause"}, [])
        assert view._commands.wait(10)
        view.snapshot()
        assert view.settings["refused"] == {"count": 1, "text": "division by zero"}

    def test_it_follows_what_the_client_receives(self, timer):
        client = Replayed(status(0))
        view = self.view(client, timer)
        timer.now += 2
        client.send(status(30, "PAUSED", reset=True))
        assert unpack(view.snapshot())["position"] == NOON / 1e6 + 30_000
        client.send(MarketData(timestamp=1.0, symbols=[quote("BTC-USD", timestamp=NOON / 1e6 + 30_500)]))
        timer.now += 2
        view.snapshot()
        line = view.settings["line"]
        assert [(at, price) for at, price in enumerate(line["prices"]) if price] == [(304, 61737.64)]
        view.close()
        assert client.callbacks == []

    def test_a_linked_symbol_has_its_own_line(self, timer):
        session = open_session(WALK)
        view = self.view(Replayed(status(0)), timer, symbol="AAPL", session=session)
        assert view.settings["line"]["prices"] == list(session_line(session, "AAPL").prices)
        other = self.view(Replayed(status(0)), timer)
        Link(view, other)
        other.set({"symbol": "TSLA"})
        assert view._commands.wait(10)
        assert view.settings["line"]["symbol"] == "TSLA"
        assert view.settings["line"]["start"] == to_milliseconds(session.manifest.started)

    def test_the_page_does_not_change_the_line(self, timer):
        view = self.view(Replayed(status(0)), timer)
        with pytest.raises(ValueError, match="line is not changed"):
            view.set({"line": {}})


class TestWidget:
    def test_a_message_that_comes_in_a_subshell_is_obeyed(self, still_loop):
        """JupyterLab sends to a subshell: the message is read on another thread while the main one is in a cell."""
        client = Replayed(status(10))
        client.replay.answers.clear()
        widget = Transport(client, refresh_loop=still_loop)
        message = {"panel": "", "from": "page", "do": "pause", "number": 1}
        with widget._guard:  # a refresh is under way on this thread
            reader = threading.Thread(target=widget._handle_custom_msg, args=(message, []))
            reader.start()
        reader.join(10)
        assert not reader.is_alive()  # though the server does not answer
        client.replay.answers.set()
        assert widget.views[""]._commands.wait(10)
        assert client.replay.calls == [("pause",)]
        widget.close()

    def test_symbol_and_name(self, still_loop):
        widget = Transport(Replayed(status(10)), refresh_loop=still_loop)
        assert (repr(widget), widget.symbol) == ("Transport('BTC-USD')", "BTC-USD")
        widget.symbol = "ETH-USD"
        assert widget.views[""].settings["symbol"] == "ETH-USD"
        widget.close()


class TestPicture:
    def texts(self, svg: str) -> str:
        return " ".join(element.text or "" for element in ElementTree.fromstring(svg).iter())

    def test_it_says_where_the_replay_stands(self):
        line = session_line(open_session(WALK), "AAPL")
        state = TransportState("PAUSED", line.start + 1_500_000_000, line.start, line.end, 10.0, loop=True)
        words = self.texts(transport_svg(state, line))
        assert "AAPL · paused · 10× · loop" in words
        assert "28.4 s left" in words
        assert "2026-01-02 14:30:01.500 UTC" in words

    def test_the_line_ends_at_a_gap(self):
        gap = (NOON + 2 * SECOND, NOON + 3 * SECOND)
        line = PriceLine("X", NOON, NOON + 5 * SECOND, [1.0, 2.0, None, 3.0, None], [0.0] * 5, [gap])
        svg = transport_svg(TransportState("PAUSED", NOON, NOON, NOON + 5 * SECOND), line)
        assert svg.count("<polyline") == 2
        assert (
            transport_svg(TransportState("PAUSED", NOON, NOON, NOON + 5 * SECOND), PriceLine("X", 0, 0)).count("<poly")
            == 0
        )

    def test_it_is_small(self):
        line = session_line(open_session(WALK), "AAPL")
        assert len(transport_svg(TransportState("PAUSED", line.start, line.start, line.end), line)) < 60_000

    def test_without_a_line_and_at_full_speed(self):
        words = self.texts(transport_svg(TransportState("PLAYING", NOON, NOON, NOON, inf), PriceLine("", 0, 0)))
        assert "playing · max" in words
