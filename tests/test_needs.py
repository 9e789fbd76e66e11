from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.needs import CI, program


def test_a_program_that_is_there_is_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    python = Path(sys.executable)
    monkeypatch.setenv("PATH", str(python.parent))
    assert Path(program(python.name, "python3")) == python


def test_without_it_a_test_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CI, raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"needs no-such-program \(Debian: apt install nothing\)"):
        program("no-such-program", "nothing")


def test_in_ci_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CI, "1")
    with pytest.raises(pytest.fail.Exception, match="needs no-such-program"):
        program("no-such-program", "nothing")
