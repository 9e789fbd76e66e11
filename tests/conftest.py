from __future__ import annotations

import gc
import socket
import sys
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from hftlab.clock import Clock
from hftlab.port import DEFAULT_PORT
from hftlab.server import Server
from hftlab.simulator import Exchange, RandomWalk
from tests.command import Run, make_run
from tests.hanging import HangWatch
from tests.kernel_locks import lock_kernels
from tests.tracing import TracedTests

if TYPE_CHECKING:
    from tests.session.object_server import ObjectServer

TESTS = Path(__file__).parent

# Examples have no deadline: a busy machine is not an error. `make soak` tries more of them.
settings.register_profile("hftlab", deadline=None, max_examples=30)
settings.register_profile("soak", deadline=None, max_examples=1000)
settings.load_profile("hftlab")


SERIAL = ("faults/", "hostile/", "server/test_slow_readers.py")
"""Tests that measure memory or press the machine hard: beside others they would measure those.

The Makefile names them as well.
"""

FIRST = ("cli/test_ingest.py",)
"""Tests that begin: a long file, whose kernels, of all venues' formats, the first files of the folders do not need."""


def pytest_configure(config: pytest.Config) -> None:
    if not float(config.getini("faulthandler_timeout") or 0):  # pytest's own, if somebody asks for it
        config.pluginmanager.register(HangWatch())
    if config.pluginmanager.hasplugin("_cov") and not config.getoption("no_cov"):
        config.pluginmanager.register(TracedTests())
    # pytest-xdist's workers have a folder each in one that they share.
    if hasattr(config, "workerinput") and sys.platform != "win32":
        lock_kernels(Path(config.option.basetemp).parent / "kernels")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the modules and the thousands of tests out of Python's searches for garbage: they stay to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _is_among(item, SERIAL):
            item.add_marker(pytest.mark.serial)
        # Tracing the lines of hundreds of examples takes as long as running them; other tests see those lines as well.
        # Long comparisons with a slow reference, and whatever is repeated for many seeds, have the mark themselves.
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.no_cover)
    items.sort(key=lambda item: not _is_among(item, FIRST))


def _is_among(item: pytest.Item, paths: tuple[str, ...]) -> bool:
    return item.path.is_relative_to(TESTS) and item.path.relative_to(TESTS).as_posix().startswith(paths)


@pytest.fixture(scope="session")
def object_servers() -> Iterator[ObjectServer]:
    """One S3 server of the whole run, which starts with the first test that needs it."""
    from tests.session.object_server import object_server

    with object_server() as server:
        yield server


@pytest.fixture
def object_store(
    object_servers: ObjectServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[ObjectServer]:
    """An S3 server with an empty bucket, which everything in the test finds, and a folder for what is to go there."""
    for name, value in object_servers.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HFTLAB_SPOOL", str(tmp_path / "spool"))
    object_servers.log.clear()
    yield object_servers
    object_servers.refuse = lambda method, path: False
    object_servers.clear()


@pytest.fixture(scope="session", autouse=True)
def keys_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give the tests a folder for keys, so that no client finds the key of another run's server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
        patch.setenv("HFTLAB_SPOOL", str(tmp_path_factory.mktemp("spool")))
        yield


@pytest.fixture(scope="session")
def compiled() -> None:
    """Compile the simulated exchange's kernels to disk, so that a process that a test starts need not."""
    Exchange(seed=0)


@pytest.fixture
def busy_port() -> Iterator[bool]:
    """Have somebody listen on the default port; True if it is this process."""
    with suppress(OSError), socket.create_server(("127.0.0.1", DEFAULT_PORT)):
        yield True
        return
    yield False


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process, where a warning (a coroutine that was never awaited) is an error."""
    return make_run(monkeypatch, capsys)


@pytest.fixture
async def walk_server() -> AsyncIterator[Server]:
    """Serve the random walk at a hundred times real time, so that no test waits for its ticks."""
    async with Server(RandomWalk(7, clock=Clock(speed=100)), port=0) as server:
        yield server


@pytest.fixture
async def hand_server() -> AsyncIterator[Server]:
    """Serve without a source: the test publishes."""
    async with Server(port=0) as server:
        yield server
