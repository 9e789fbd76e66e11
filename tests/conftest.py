from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from hftlab.clock import Clock
from hftlab.server import Server
from hftlab.simulator import Exchange, RandomWalk
from tests.command import Run, make_run

TESTS = Path(__file__).parent

# A machine that is busy is no error: no example has a deadline.
settings.register_profile("hftlab", deadline=None)
settings.load_profile("hftlab")


SERIAL = ("browser/", "faults/", "hostile/", "server/test_slow_readers.py")
"""Tests that measure memory or press the machine hard: beside others they would measure those."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(TESTS) and item.path.relative_to(TESTS).as_posix().startswith(SERIAL):
            item.add_marker(pytest.mark.serial)


@pytest.fixture(scope="session", autouse=True)
def keys_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No client of a test finds the key of a server that another run has left behind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
        yield


@pytest.fixture(scope="session")
def compiled() -> None:
    """The simulated exchange's kernels are on disk: a program that is waited for need not compile them first."""
    Exchange(seed=0)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command in this process; a warning, such as a coroutine that was never awaited, is an error here."""
    return make_run(monkeypatch, capsys)


@pytest.fixture
async def walk_server() -> AsyncIterator[Server]:
    """The random walk at a hundred times real time, so that no test waits for its ticks."""
    async with Server(RandomWalk(7, clock=Clock(speed=100)), port=0) as server:
        yield server


@pytest.fixture
async def hand_server() -> AsyncIterator[Server]:
    """A server that sends what the test publishes."""
    async with Server(port=0) as server:
        yield server
