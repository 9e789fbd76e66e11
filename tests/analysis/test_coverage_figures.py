"""The picture of a session's coverage."""

from __future__ import annotations

from pathlib import Path

from hftlab import analysis
from hftlab.session import SessionWriter, open_session
from hftlab.session.coverage import Interval, interval_table

SECOND = 1_000_000_000
START = 1_767_364_200 * SECOND


def shown(figure: object) -> dict[str, list[tuple[str, float]]]:
    """By the name of a trace: its bars, each with its label and its length in ms."""
    return {trace.name: list(zip(trace.y, trace.x, strict=True)) for trace in figure.data}  # type: ignore[attr-defined]


def test_a_bar_is_as_long_as_its_interval_and_holes_say_why(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "session", source={})
    writer.control("start", START, symbols=["AAPL", "MSFT"])
    writer.control("gap", START + 6 * SECOND, symbols=["MSFT"], ts_from=START + 4 * SECOND, ts_to=START + 6 * SECOND)
    writer.control("end", START + 10 * SECOND)
    writer.close()
    figure = analysis.coverage_figure(open_session(tmp_path / "session"))
    assert shown(figure) == {
        "covered": [("AAPL  100 %", 10_000.0), ("MSFT  80 %", 4_000.0), ("MSFT  80 %", 4_000.0)],
        "not covered": [("MSFT  80 %", 2_000.0)],
    }
    (hole,) = figure.data[1].customdata
    assert list(hole) == ["2026-01-02 14:30:04", "2026-01-02 14:30:06", "2.000 s", "gap"]
    assert list(figure.layout.yaxis.categoryarray) == ["MSFT  80 %", "AAPL  100 %"]
    assert figure.layout.title.text == "Coverage"


def test_of_many_symbols_those_covered_least_are_shown() -> None:
    intervals = [
        one
        for number in range(60)
        for one in (
            Interval(f"S{number:02d}", START, START + (number + 1) * SECOND, True),
            Interval(f"S{number:02d}", START + (number + 1) * SECOND, START + 61 * SECOND, False, "gap", True),
        )
    ]
    figure = analysis.coverage_figure(interval_table(intervals), "Mine")
    assert {label.split()[0] for label, _ in shown(figure)["covered"]} == {f"S{number:02d}" for number in range(40)}
    assert figure.layout.title.text == "Mine (estimated)"


def test_an_empty_session_has_an_empty_picture(tmp_path: Path) -> None:
    SessionWriter(tmp_path / "session", source={}).close()
    assert shown(analysis.coverage_figure(open_session(tmp_path / "session"))) == {"covered": [], "not covered": []}
