"""The progress bar: on a terminal only, and never on standard output."""

from __future__ import annotations

import pytest

from hftlab.cli.progress import Progress


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
