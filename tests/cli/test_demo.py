"""`hftlab demo`: what it reports, and its exit status."""

from __future__ import annotations

from pathlib import Path

import pytest

from hftlab.demo import run_demo
from tests.command import Run


def test_the_command_reports_it_with_status_0(tmp_path: Path, run: Run) -> None:
    """Twice into the same folder: the second run replaces the first."""
    for _ in range(2):
        status, out, err = run("demo", "--seconds", "0.5", "-o", tmp_path / "demo")
        assert (status, err) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert list(lines) == ["recorded", "replayed", "latency", "size", "report"]
    assert "8 symbols, 0 lost" in lines["recorded"]
    assert "0 differ from the recording" in lines["replayed"]
    assert Path(lines["report"]).is_file()


def test_the_command_ends_with_status_1(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The report is printed all the same."""
    found = run_demo(tmp_path / "demo", seconds=0.5, speed=20)
    found = found._replace(comparison=found.comparison._replace(differing=3))
    monkeypatch.setattr("hftlab.demo.run_demo", lambda *_, **__: found)
    status, out, _ = run("demo", "-o", tmp_path)
    assert status == 1
    assert "3 differ from the recording" in out
