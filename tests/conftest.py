from __future__ import annotations

import pytest
from hypothesis import settings

from tests.command import Run, make_run

# A machine that is busy is no error: no example has a deadline.
settings.register_profile("hftlab", deadline=None)
settings.load_profile("hftlab")


@pytest.fixture(scope="session")
def compiled() -> None:
    """The simulated exchange's kernels are on disk: a program that is waited for need not compile them first."""
    from hftlab.simulator import Exchange

    Exchange(seed=0)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command in this process; a warning, such as a coroutine that was never awaited, is an error here."""
    return make_run(monkeypatch, capsys)
