"""Coverage by the rows of the control table, against a program that looks at every moment by itself."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from hftlab.clock import NANOSECONDS
from hftlab.session import Session, SessionWriter, open_session
from hftlab.session.coverage import Hole, Interval, coverage_intervals, coverage_table, holes, interval_table
from tests.protocol.conftest import market_data, symbol
from tests.session.sessions import numbered

SYMBOLS = ["A", "B", "C"]
LAST = 30
EVENTS = ["start", "subscribe", "resync", "unsubscribe", "disconnect", "gap", "drop", "damage", "clock", "end", "error"]


def row(event: str, at: int, **what: Any) -> dict[str, Any]:
    return {"event": event, "ts_recv": at, "ts_from": None, "ts_to": None, "ts_clock": None, "symbols": None} | what


# --- the oracle ---


def is_on(rows: list[dict[str, Any]], name: str, moment: int) -> bool:
    """Whether the last row that switches a symbol before a moment has switched it on."""
    on = False
    for one in rows:
        if one["ts_recv"] > moment or not (one["symbols"] is None or name in one["symbols"]):
            continue
        is_open = one["event"] in ("gap", "drop") and one["ts_from"] is not None and one["ts_to"] is None
        if one["event"] in ("start", "subscribe", "resync"):
            on = True
        elif one["event"] in ("unsubscribe", "end", "disconnect") or is_open:
            on = False
    return on


def is_dark(rows: list[dict[str, Any]], name: str, moment: int) -> bool:
    """Whether a row says of a moment that it is not covered."""
    for one in rows:
        if one["event"] not in ("gap", "drop", "damage", "clock", "resync", "disconnect") or one["ts_from"] is None:
            continue
        until = one["ts_recv"] if one["ts_to"] is None else one["ts_to"]
        if (one["symbols"] is None or name in one["symbols"]) and one["ts_from"] <= moment < until:
            return True
    return False


def slow_coverage(rows: list[dict[str, Any]], name: str) -> dict[int, bool] | None:
    """Map each moment between the first and the last of a symbol to whether it is covered."""
    begins = [
        one["ts_recv"]
        for one in rows
        if one["event"] in ("start", "subscribe", "resync") and (one["symbols"] is None or name in one["symbols"])
    ]
    if not begins:
        return None
    end = LAST
    for one in rows:
        if one["symbols"] is not None and name not in one["symbols"]:
            continue
        if one["event"] in ("unsubscribe", "end") and end == LAST and one["ts_recv"] >= begins[0]:
            end = one["ts_recv"]
            ended = rows.index(one)
            if any(
                later["event"] in ("start", "subscribe", "resync")
                and (later["symbols"] is None or name in later["symbols"])
                for later in rows[ended:]
            ):
                end = LAST  # it began again
            elif not any(
                former["event"] in ("start", "subscribe", "resync")
                and (former["symbols"] is None or name in former["symbols"])
                for former in rows[:ended]
            ):
                end = LAST
    return {moment: is_on(rows, name, moment) and not is_dark(rows, name, moment) for moment in range(begins[0], end)}


@st.composite
def control_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows of all kinds in the order of time, most of them after a beginning."""
    times = sorted(draw(st.lists(st.integers(0, LAST), min_size=1, max_size=12)))
    names: SearchStrategy[list[str] | None] = st.none() | st.lists(st.sampled_from(SYMBOLS), max_size=3, unique=True)
    rows = []
    for at in times:
        event = draw(st.sampled_from(EVENTS))
        since = draw(st.none() | st.integers(0, at))
        until = None if since is None else draw(st.integers(since, at) | st.none())
        if event == "clock":
            since, until = (None, None) if until is None else (since, until)
        if event in ("damage", "resync", "clock") and until is None:
            since = None  # these rows say both times, or none
        symbols = None if event == "clock" else draw(names)
        rows.append(row(event, at, ts_from=since, ts_to=None if event == "disconnect" else until, symbols=symbols))
    return rows


class TestIntervals:
    @given(control_rows())
    def test_against_a_look_at_every_moment(self, rows: list[dict[str, Any]]) -> None:
        found = coverage_intervals(rows, SYMBOLS, LAST)
        for name in SYMBOLS:
            mine = [one for one in found if one.symbol == name]
            moments = slow_coverage(rows, name)
            assert (moments is None) == (mine == [])
            if moments is None:
                continue
            assert {at: one.covered for one in mine for at in range(one.start, one.end)} == moments
            # They touch, alternate, and each that is not covered says why.
            assert all(one.end == other.start for one, other in pairwise(mine))
            assert all(one.covered != other.covered for one, other in pairwise(mine))
            assert all((one.why is None) == one.covered for one in mine)

    @given(control_rows())
    def test_the_table_sums_the_intervals_up(self, rows: list[dict[str, Any]]) -> None:
        for one in coverage_table(interval_table(coverage_intervals(rows, SYMBOLS, LAST))).iter_rows(named=True):
            moments = slow_coverage(rows, one["symbol"]) or {}
            uncovered = [at for at, covered in moments.items() if not covered]
            assert one["uncovered"] == pytest.approx(len(uncovered) / NANOSECONDS)
            assert one["share"] == pytest.approx(1 - len(uncovered) / len(moments) if moments else 1.0)
            assert one["holes"] == sum(at - 1 not in uncovered for at in uncovered)

    def test_a_disconnect_counts_from_the_last_message_to_the_snapshot(self) -> None:
        rows = [
            row("subscribe", 2, symbols=["A", "B"]),
            row("disconnect", 10, ts_from=8),
            row("connect", 12),
            row("resync", 14, symbols=["A"]),
            row("end", 20),
        ]
        assert coverage_intervals(rows, SYMBOLS, 20) == [
            Interval("A", 2, 8, True),
            Interval("A", 8, 14, False, "disconnect"),
            Interval("A", 14, 20, True),
            Interval("B", 2, 8, True),
            Interval("B", 8, 20, False, "disconnect"),
        ]

    def test_a_loss_of_all_is_one_of_a_symbol_without_messages_too(self) -> None:
        """It was subscribed to; what was dropped may have been its only message, so that the session has none."""
        rows = [row("subscribe", 10, symbols=["A", "Z"]), row("drop", 30, ts_from=20, ts_to=30), row("end", 40)]
        holes = [one for one in coverage_intervals(rows, ["A"], 40) if not one.covered]
        assert holes == [Interval(name, 20, 30, False, "drop") for name in ("A", "Z")]

    def test_a_clock_that_was_set_back_moves_the_times_of_a_row(self) -> None:
        """The row is at 100 in the session and at 40 by the clock: what it says of 30 to 40 is about 90 to 100."""
        rows = [row("start", 50), row("gap", 100, ts_clock=40, ts_from=30, ts_to=40, symbols=["A"]), row("end", 120)]
        (_, hole, _) = coverage_intervals(rows, ["A"], 120)
        assert (hole.start, hole.end, hole.why) == (90, 100, "gap")

    def test_holes_are_the_moments_at_which_symbols_are_lost(self) -> None:
        rows = [row("start", 0), row("gap", 5, ts_from=3, ts_to=5, symbols=["B"]), row("disconnect", 9), row("end", 9)]
        found = holes(coverage_intervals([*rows[:3], row("resync", 12), row("end", 15)], SYMBOLS, 15))
        assert found == [Hole(3, ("B",), "gap"), Hole(9, ("A", "B", "C"), "disconnect")]


class TestSession:
    def test_a_session_says_what_its_control_table_does(self, tmp_path: Path) -> None:
        writer = SessionWriter(tmp_path / "session", source={})
        second = NANOSECONDS
        writer.control("start", second, symbols=["AAPL", "MSFT"])
        writer.append(numbered(1), 2 * second)
        writer.control("gap", 6 * second, symbols=["MSFT"], ts_from=2 * second, ts_to=6 * second)
        writer.control("end", 11 * second)
        writer.close()
        session = open_session(tmp_path / "session")
        assert session.coverage().rows() == [
            ("AAPL", second, 11 * second, 1.0, 0.0, 0, False),
            ("MSFT", second, 11 * second, 0.6, 4.0, 1, False),
        ]
        detail = session.coverage(detail=True).filter(pl.col("symbol") == "MSFT")
        assert detail["covered"].to_list() == [True, False, True]
        assert detail["why"].to_list() == [None, "gap", None]

    def test_an_empty_session_has_no_coverage(self, tmp_path: Path) -> None:
        SessionWriter(tmp_path / "session", source={}).close()
        session = open_session(tmp_path / "session")
        assert session.coverage().is_empty()
        assert session.coverage(detail=True).columns == ["symbol", "from", "to", "covered", "why", "estimated"]


class TestEstimates:
    """Recordings whose control rows do not name symbols."""

    def recorded(self, folder: Path) -> Session:
        """Two symbols on two channels; A misses messages between 20 and 40, everything is cut from 60 to 80."""
        writer = SessionWriter(folder, source={})
        writer.control("connect", 5)
        for at in (10, 20, 40):
            writer.append(market_data(symbol("A"), channel=1, sequence=at), at)
            if at == 40:
                writer.control("gap", at, channel=1, first=21, last=39, detail="lost")
            writer.append(market_data(symbol("B"), channel=2, sequence=at), at)
        writer.control("disconnect", 60)
        writer.control("connect", 70)
        writer.append(market_data(symbol("A"), symbol("B"), channel=3, sequence=1), 80)
        writer.append(market_data(symbol("A"), channel=3, sequence=2), 90)
        writer.close()
        return open_session(folder)

    def test_they_are_first_to_last_message_less_what_is_known_to_be_missing(self, tmp_path: Path) -> None:
        session = self.recorded(tmp_path / "session")
        assert session.coverage(detail=True).rows() == [
            ("A", 10, 20, True, None, True),
            ("A", 20, 40, False, "gap", True),
            ("A", 40, 60, True, None, True),
            ("A", 60, 80, False, "disconnect", True),
            ("A", 80, 90, True, None, True),
            ("B", 10, 60, True, None, True),
            ("B", 60, 80, False, "disconnect", True),
        ]
        assert session.coverage()["estimated"].to_list() == [True, True]

    def test_what_is_stated_is_not_estimated(self, tmp_path: Path) -> None:
        writer = SessionWriter(tmp_path / "session", source={})
        writer.control("subscribe", 1, symbols=["A"])
        writer.append(market_data(symbol("A"), symbol("B")), 5)
        writer.append(market_data(symbol("A"), symbol("B")), 9)
        writer.close()
        coverage = open_session(tmp_path / "session").coverage()
        assert coverage.select("symbol", "from", "to", "estimated").rows() == [("A", 1, 9, False), ("B", 5, 9, True)]

    def test_a_session_of_0_1_is_estimated(self) -> None:
        session = open_session(Path(__file__).parent / "written_by_0_1" / "whole")
        coverage = session.coverage()
        streamed = session.market_data.select(pl.col("symbol").unique().sort()).collect()["symbol"]
        assert set(streamed) <= set(coverage["symbol"])
        assert coverage["estimated"].all()
