"""A venue's capture as a session: its events, and the messages made of them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hftlab.errors import CaptureError, SessionExists
from hftlab.events import EventBatch
from hftlab.protocol import MarketData
from hftlab.recorder import import_capture, open_session
from hftlab.venues import binance
from tests.recorder.sessions import replayed, write_session
from tests.venues.captures import SNAPSHOT, trade, update, write_capture

MESSAGES = [
    SNAPSHOT,
    update(10, 11, {"100.01": "5"}, {}),
    trade(1, "100.02", "0.5", buyer_is_maker=False),
    update(12, 12, {}, {"100.02": "1.0", "100.03": "7"}),
]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    return write_capture(tmp_path / "capture.gz", *MESSAGES)


def test_a_capture_becomes_messages_in_its_own_time(capture: Path, tmp_path: Path) -> None:
    """Received at 1, 2, 3 and 4 seconds."""
    session, stats, books = import_capture("binance", capture, tmp_path / "session")
    received = replayed(session)
    assert [at for at, _ in received] == sorted(at for at, _ in received)
    assert {at // 1_000_000_000 for at, _ in received} <= {1, 2, 3, 4}
    last = received[-1][1]
    assert isinstance(last, MarketData)
    (state,) = last.symbols
    assert (state.symbol, state.bid, state.bid_size, state.ask) == ("BTCUSDT", 100.01, 5.0, 100.02)
    assert [(level.price, level.size) for level in state.asks] == [(100.02, 1.0), (100.03, 7.0)]
    assert [(price, size) for price, size, *_ in books["BTCUSDT"].bids(2)] == [(100.01, 5.0), (100.0, 3.0)]
    (sold,) = [one for _, message in received for symbol in message.symbols for one in symbol.trades or ()]
    assert (sold.price, sold.size, sold.side) == (100.02, 0.5, "BUY")
    assert session.manifest.source["format"] == "binance"
    assert session.manifest.source["stats"] == stats
    assert "damage" not in session.manifest.source


def test_the_events_are_the_decoder_s(capture: Path, tmp_path: Path) -> None:
    session = import_capture("binance", capture, tmp_path / "session").session
    decoded = EventBatch.concat(binance.read(capture))
    assert session.events.collect().equals(decoded.to_polars())
    assert session.manifest.rows("events") == len(decoded)


def test_an_empty_events_table_has_their_columns(tmp_path: Path) -> None:
    events = write_session(tmp_path / "session", []).events
    frame = EventBatch.concat([]).to_polars()
    assert events.collect_schema() == frame.schema
    assert events.filter(pl.col("price") > 0).collect().is_empty()


def test_progress_is_told_up_to_the_size_of_the_file(capture: Path, tmp_path: Path) -> None:
    told: list[int] = []
    import_capture("binance", capture, tmp_path / "session", progress=told.append)
    assert max(told) == capture.stat().st_size


def test_what_is_before_the_damage_is_a_session_all_the_same(capture: Path, tmp_path: Path) -> None:
    """A download that broke off; the error says where, and the session remembers it."""
    capture.write_bytes(capture.read_bytes()[:-12])
    with pytest.raises(CaptureError, match=r"ends too early.*messages before it are in") as caught:
        import_capture("binance", capture, tmp_path / "session")
    assert caught.value.path == capture
    session = open_session(tmp_path / "session")
    assert session.manifest.complete
    assert session.manifest.messages > 0
    assert "ends too early" in session.manifest.source["damage"]
    assert len(replayed(session)) == session.manifest.messages


@pytest.mark.parametrize(
    ("format_name", "name", "sentence"),
    [
        ("betamax", "capture.gz", "no format is called 'betamax': choose one of .*binance"),
        ("binance", "absent.gz", "absent.gz does not exist: check the path"),
        ("binance", ".", "is a folder"),
        ("binance", "text.csv", "line 1.*does not start with a receive time"),
    ],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_no_capture_neither_leaves_a_folder_nor_costs_one(
    capture: Path, tmp_path: Path, format_name: str, name: str, sentence: str, overwrite: bool
) -> None:
    (tmp_path / "text.csv").write_text("time,price\n1,2\n")
    folder = tmp_path / "session"
    if overwrite:
        write_session(folder, [])
    with pytest.raises(CaptureError, match=sentence):
        import_capture(format_name, tmp_path / name, folder, overwrite=overwrite)
    assert folder.exists() == overwrite


def test_a_session_that_is_there_is_replaced_only_if_asked_for(capture: Path, tmp_path: Path) -> None:
    first = import_capture("binance", capture, tmp_path / "session").session
    with pytest.raises(SessionExists):
        import_capture("binance", capture, tmp_path / "session")
    again = import_capture("binance", capture, tmp_path / "session", overwrite=True).session
    assert replayed(first) == replayed(again)
