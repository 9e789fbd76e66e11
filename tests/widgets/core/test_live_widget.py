"""The base of the live widgets, tested with the ladder."""

from __future__ import annotations

import logging
import threading
import time
from xml.etree import ElementTree

import pytest

from hftlab.protocol.messages import ReplayState, ReplayStatus
from hftlab.widgets import Ladder
from hftlab.widgets.core.jupyter_kernel import JupyterKernel
from hftlab.widgets.core.live_widget import LiveWidget
from tests.widgets.market import Market, bitcoin, quote

WAIT = 5.0  # seconds until a test gives up; none takes as long


def shown(ladder: LiveWidget, view: str = "v", visible: bool = True) -> None:
    """Send what a page sends when it comes into view."""
    ladder._handle_custom_msg({"view": view, "visible": visible, "beat": 1}, [])


@pytest.fixture
def market() -> Market:
    return Market({"BTC-USD": bitcoin()})


@pytest.fixture
def ladder(market, still_loop):
    ladder = Ladder(market, "BTC-USD", rate=10, refresh_loop=still_loop)
    yield ladder
    ladder.close()


@pytest.fixture
def frames(ladder) -> list[bytes]:
    """Collect every frame that the widget sends from now on."""
    sent: list[bytes] = []
    ladder.observe(lambda change: sent.append(change["new"]), "frame")
    return sent


class TestSending:
    def test_the_first_frame_is_there_before_anybody_looks(self, ladder):
        assert ladder.frame

    def test_nothing_is_sent_before_a_page_looks(self, ladder, market, frames):
        market.books["BTC-USD"].buys[0] = (61737.63, 9.0, 2)
        assert ladder.tick(0.0, busy=False) is None
        assert frames == []

    def test_nothing_is_sent_when_nothing_changed(self, ladder, frames):
        shown(ladder)
        for step in range(10):
            ladder.tick(step * 0.1, busy=False)
        assert frames == []

    def test_what_goes_on_after_a_pause_is_not_late(self, ladder, market):
        def play(state: ReplayState) -> None:
            market.replay.status = ReplayStatus(timestamp=1.0, state=state, position=0.0)

        shown(ladder)
        market.books["BTC-USD"].buys[0] = (61737.63, 9.0, 2)
        play(ReplayState.PAUSED)
        ladder.tick(0.0, busy=False)
        for second in range(1, 6):
            ladder.tick(float(second), busy=False)
        assert ladder.pulse["ages"][""] == 5
        play(ReplayState.PLAYING)
        ladder.tick(6.0, busy=False)
        assert ladder.pulse["ages"][""] == 0
        ladder.tick(7.0, busy=False)
        assert ladder.pulse["ages"][""] == 1

    def test_the_latest_wins(self, ladder, market, frames):
        shown(ladder)
        ladder.tick(0.0, busy=False)
        for size in range(5, 50):
            market.books["BTC-USD"].buys[0] = (61737.63, float(size), 2)
            assert ladder.tick(0.05, busy=False) == pytest.approx(0.1)
        ladder.tick(0.1, busy=False)
        assert frames == [ladder.snapshot()]

    def test_a_hidden_page_pauses_and_a_shown_one_resumes(self, ladder, market, frames):
        shown(ladder)
        shown(ladder, visible=False)
        market.books["BTC-USD"].buys[0] = (61737.63, 9.0, 2)
        assert ladder.tick(1.0, busy=False) is None
        assert frames == []
        shown(ladder)
        ladder.tick(2.0, busy=False)
        assert len(frames) == 1

    def test_a_page_that_fell_silent_pauses(self, ladder):
        shown(ladder)
        now = 0.0
        while ladder.tick(now, busy=False) is not None:
            now += 0.1
            assert now < 60
        assert now > 8  # two beats may be missed

    def test_a_busy_kernel_goes_on(self, ladder):
        shown(ladder)
        assert all(ladder.tick(step * 0.1, busy=True) is not None for step in range(600))

    def test_a_kernel_busy_for_very_long_slows_down(self, ladder):
        shown(ladder)
        dues = [ladder.tick(step * 0.125, busy=True) for step in range(4000)]
        assert len(set(dues[:1000])) == 1000
        assert len(set(dues[-100:])) == pytest.approx(12, abs=1)
        shown(ladder)
        assert ladder.tick(dues[-1], busy=True) - dues[-1] <= 0.1 + 1e-9

    def test_what_is_costly_to_read_slows_down(self, ladder, monkeypatch):
        snapshot = ladder.views[""].snapshot

        def costly():
            end = time.thread_time() + 0.03
            while time.thread_time() < end:
                pass
            return snapshot()

        monkeypatch.setattr(ladder.views[""], "snapshot", costly)
        shown(ladder)
        assert ladder.tick(0.0, busy=False) >= 0.3

    def test_a_displayed_widget_runs_while_its_cell_does(self, ladder, market, frames):
        ladder._repr_mimebundle_()
        market.books["BTC-USD"].buys[0] = (61737.63, 9.0, 2)
        ladder.tick(0.0, busy=True)
        assert len(frames) == 1

    def test_signs_of_life_are_answered(self, ladder, monkeypatch):
        sent = []
        monkeypatch.setattr(ladder, "send", sent.append)
        shown(ladder, view="page one")
        assert sent == [{"view": "page one", "beat": 1}]

    def test_pages_learn_whether_they_are_heard_in_cells(self, ladder, still_loop, monkeypatch):
        assert ladder.hears_in_cells is None
        shown(ladder)
        assert ladder.hears_in_cells is False
        monkeypatch.setattr(still_loop.kernel, "hear", lambda: True)
        shown(ladder)
        assert ladder.hears_in_cells is True
        shown(ladder, visible=False)
        assert ladder.hears_in_cells is True

    @pytest.mark.parametrize(
        "content",
        [
            {},
            {"view": 3, "visible": True},
            {"view": "x"},
            [],
            "text",
            None,
            {"panel": []},
            {"panel": {}},
            {"panel": None},
        ],
    )
    def test_other_messages_are_left_alone(self, ladder, content):
        ladder._handle_custom_msg(content, [])
        assert ladder.tick(0.0, busy=False) is None

    @pytest.mark.parametrize("rate", [0, -1, 31, float("nan")])
    def test_rates_out_of_range_are_refused(self, market, still_loop, rate):
        with pytest.raises(ValueError, match="rate must be above 0"):
            Ladder(market, "BTC-USD", rate=rate, refresh_loop=still_loop)


class TestMessages:
    """What pages send to a view, and a view to its pages."""

    @pytest.fixture
    def heard(self, ladder, monkeypatch) -> list[dict]:
        heard: list[dict] = []
        monkeypatch.setattr(ladder.views[""], "receive", lambda content, buffers: heard.append(content))
        return heard

    def stamp(self, ladder: LiveWidget, ago: float = 0.0) -> dict[str, float]:
        return {"pulse": ladder.pulse["count"], "since": ago, "at": (time.time() - ago) * 1000}

    def test_have_an_age_if_they_are_stamped(self, ladder, heard):
        ladder._handle_custom_msg({"panel": "", "ask": 1, "stamp": self.stamp(ladder)}, [])
        ladder._handle_custom_msg({"panel": "", "ask": 2}, [])
        assert 0 <= heard[0]["age"] < WAIT
        assert "age" not in heard[1]

    def test_cannot_say_their_age_themselves(self, ladder, heard):
        ladder._handle_custom_msg({"panel": "", "stamp": self.stamp(ladder, ago=60.0), "age": 0}, [])
        assert heard[0]["age"] >= 60

    def test_a_view_tells_all_its_pages(self, ladder, monkeypatch):
        sent = []
        monkeypatch.setattr(ladder, "send", sent.append)
        ladder.views[""].tell({"word": "something"})
        assert sent == [{"panel": "", "word": "something"}]


class TestErrors:
    def test_are_shown_and_logged_once(self, ladder, market, caplog):
        shown(ladder)
        market.broken = OSError("no such book")
        with caplog.at_level(logging.ERROR):
            for step in range(5):
                assert ladder.tick(float(step), busy=False) is not None
        assert ladder.error == "OSError: no such book"
        assert len(caplog.records) == 1

    def test_go_when_all_is_well_again(self, ladder, market, caplog):
        shown(ladder)
        market.broken = OSError("no such book")
        ladder.tick(0.0, busy=False)
        market.broken = None
        ladder.tick(1.0, busy=False)
        assert ladder.error == ""

    def test_a_client_that_fails_from_the_start_still_makes_a_widget(self, still_loop, caplog):
        ladder = Ladder(Market(broken=OSError("closed")), "BTC-USD", refresh_loop=still_loop)
        assert ladder.error == "OSError: closed"
        data, _ = ladder._repr_mimebundle_()
        assert "application/vnd.jupyter.widget-view+json" in data
        ladder.close()


class TestClosing:
    def test_stops_and_may_be_repeated(self, ladder):
        shown(ladder)
        ladder.close()
        ladder.close()
        assert ladder.tick(0.0, busy=False) is None

    def test_leaves_a_picture(self, ladder):
        ladder.close()
        data, _ = ladder._repr_mimebundle_()
        assert set(data) == {"text/plain", "image/svg+xml"}

    def test_takes_it_off_the_thread(self, market, refresh_loop):
        ladder = Ladder(market, "BTC-USD", refresh_loop=refresh_loop)
        thread = refresh_loop._thread
        ladder.close()
        thread.join(WAIT)
        assert not refresh_loop.is_running


class TestThread:
    def test_frames_come_while_the_main_thread_is_kept(self, market, refresh_loop):
        """Observers are called on the refresh thread, and the main thread does nothing but wait for them."""
        ladder = Ladder(market, "BTC-USD", rate=30, refresh_loop=refresh_loop)
        arrived, names = threading.Semaphore(0), set()

        def observe(change):
            names.add(threading.current_thread().name)
            market.books["BTC-USD"].ts_event += 1_000_000
            arrived.release()

        ladder.observe(observe, "frame")
        shown(ladder)
        market.books["BTC-USD"].ts_event += 1_000_000
        for _ in range(5):
            assert arrived.acquire(timeout=WAIT)
        assert names == {"hftlab-widgets"}
        ladder.close()

    def test_another_symbol_is_shown_at_once(self, market, refresh_loop):
        market.books["X"] = bitcoin()
        market.books["X"].buys[0] = (1.0, 1.0, 1)
        ladder = Ladder(market, "BTC-USD", rate=0.01, refresh_loop=refresh_loop)
        changed = threading.Event()
        ladder.observe(lambda change: changed.set(), "frame")
        shown(ladder)
        ladder.symbol = "X"
        assert changed.wait(WAIT)
        ladder.close()


class TestShowing:
    def test_live_view_picture_and_text(self, ladder):
        data, _ = ladder._repr_mimebundle_()
        assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == ladder.model_id
        assert data["text/plain"] == "Ladder('BTC-USD', depth=10)"
        ElementTree.fromstring(data["image/svg+xml"])

    def test_where_a_program_runs_the_cells_there_is_no_live_view(self, ladder, monkeypatch):
        """nbconvert --execute would reserve a place for it, and leave the place blank."""
        monkeypatch.setattr(JupyterKernel, "is_unattended", True)
        data, _ = ladder._repr_mimebundle_()
        assert set(data) == {"text/plain", "image/svg+xml"}

    def test_the_picture_alone(self, ladder, market):
        market.quotes["BTC-USD"] = quote("BTC-USD")
        picture = ladder.picture()
        assert set(picture._repr_mimebundle_()) == {"text/plain", "image/svg+xml"}
        assert "61,737.63" in picture._repr_svg_()

    def test_the_page_code_is_one_module(self):
        assert "import" not in Ladder._esm.replace("imports", "").split("class Surface")[0]
        assert Ladder._esm.count("export default") == 1
