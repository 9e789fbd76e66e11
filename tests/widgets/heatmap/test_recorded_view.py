from __future__ import annotations

from pathlib import Path

import pytest

import hftlab as hl
from hftlab.session import Session
from hftlab.widgets import HeatMap
from hftlab.widgets.core.recorded_client import RecordedClient
from hftlab.widgets.heatmap.recorded_view import KEPT, RecordedHeatMapView
from tests.widgets.heatmap.columns import unpack

FLASH = Path(__file__).parents[3] / "data" / "flash"
START = 1_767_364_200_000.0
ASKED = {"from": START + 20_000, "to": START + 40_000, "columns": 400, "low": 17_400, "high": 17_700, "rows": 300}
WAIT = 20.0  # seconds until a test gives up; none takes as long


@pytest.fixture
def session() -> Session:
    return hl.open_session(FLASH)


@pytest.fixture
def view(session: Session) -> RecordedHeatMapView:
    return RecordedHeatMapView(RecordedClient(session), session, "AAPL")


def test_a_frame_has_the_whole_recording(view):
    header, columns = unpack(view.snapshot())
    assert (header["recorded"], header["start"]) == (1, START)
    assert len(columns) == header["count"] > 400
    assert all(column.known for column in columns.values())
    assert not view.ages
    assert view.notice() == ""


def test_a_finer_tile_is_computed_and_then_given(view):
    told = []
    view.tell = told.append
    assert view.receive({"tile": ASKED}, []) == ({"tile": False}, [])
    assert view._commands.wait(WAIT)
    assert {"ready": True} in told
    answer, (tile,) = view.receive({"tile": {**ASKED, "from": ASKED["from"] + 3}}, [])
    assert answer == {"tile": True}
    header, columns = unpack(tile)
    assert header["epoch"] == unpack(view.snapshot())[0]["epoch"]
    assert columns[0].step == 50
    assert columns[0].time <= ASKED["from"]
    assert columns[len(columns) - 1].time + 50 >= ASKED["to"]
    assert header["low"] + header["origin"] <= 17_400


def test_what_is_not_asked_for_any_more_is_not_computed(view):
    """Of many questions in a row the one under way and the newest are answered."""
    for second in range(40):
        view.receive({"tile": {**ASKED, "from": START + 4000 * second, "to": START + 4000 * second + 2000}}, [])
    assert view._commands.wait(WAIT)
    assert view.receive({"tile": {**ASKED, "from": START + 156_000, "to": START + 158_000}}, [])[0] == {"tile": True}
    assert len(view._tiles) <= KEPT < 40


def test_a_tile_that_cannot_be_computed_is_not_asked_for_again(view, monkeypatch):
    monkeypatch.setattr(view._shown["AAPL"].book, "tile", lambda *_: 1 / 0)
    view.receive({"tile": ASKED}, [])
    assert view._commands.wait(WAIT)
    assert view.receive({"tile": ASKED}, []) == ({"tile": True}, [b""])


def test_another_symbol_is_read_while_the_page_waits(view):
    view.set({"symbol": "NVDA"})
    assert view.snapshot() == b""
    assert view.receive({"tile": ASKED}, []) is None
    assert "no book yet" in view.picture().svg
    assert view._commands.wait(WAIT)
    assert len(unpack(view.snapshot())[1]) > 400
    assert "NVDA" in view.picture().svg
    view.close()


def test_a_symbol_that_was_not_recorded_is_named(session, still_loop):
    widget = HeatMap(session, "APPL", refresh_loop=still_loop)
    assert widget.notice == "the session has no APPL: did you mean AAPL?"
    assert widget.status == "CONNECTED"
    widget.close()


def test_a_time_is_checked(view):
    with pytest.raises(ValueError, match="ms since 1970"):
        view.set({"time": "noon"})


def test_its_page_needs_no_kernel(session, still_loop):
    widget = HeatMap(session, "AAPL", refresh_loop=still_loop)
    html = widget.to_html()
    assert len(html) < 1_500_000
    assert len(widget.picture().svg) < 60_000
    widget.close()


def test_the_client_of_a_recording_has_its_symbols_and_no_state(session):
    client = RecordedClient(session)
    assert list(client.symbols) == list(client.offered_symbols) == ["AAPL", "MSFT", "NVDA"]
    assert client.book("AAPL") is client.latest("AAPL") is client.replay.status is None
