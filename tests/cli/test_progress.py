"""The progress bar: on a terminal only, never on standard output, with the rate and the time that is left."""

from __future__ import annotations

import pytest

from hftlab.cli.progress import Progress, Unit, pace_text


def advance_one() -> None:
    with Progress("importing day.itch", 100) as progress:
        progress.advance(50)
        progress.advance("replaying")
        progress.advance(100)


def test_nothing_is_shown_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    advance_one()
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_it(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # by which rich takes any file for a terminal
    monkeypatch.setenv("TERM", "xterm")
    advance_one()
    out, err = capsys.readouterr()
    assert out == ""
    assert "replaying" in err
    assert " left" in err


@pytest.mark.parametrize(
    ("speed", "unit", "left", "text"),
    [
        (None, "bytes", None, "0:07 so far"),
        (12_345_678.0, "bytes", 62.4, "12.3 MB/s, 1:02 left"),
        (1234.5, "rows", 3661.0, "1,234 rows/s, 1:01:01 left"),
        (9.0, "", 0.2, "0:00 left"),
        (20.0, "messages", None, "20 messages/s, 0:07 so far"),
    ],
)
def test_the_rate_and_the_time_that_is_left(speed: float | None, unit: Unit, left: float | None, text: str) -> None:
    assert pace_text(speed, unit, left, 7.0) == text
