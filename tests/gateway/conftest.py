"""A real nats-server for all tests, with a cluster's name a test; those that end it have one of their own."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hftlab.gateway import NatsServer, NatsTerms, remote_accounts

PATIENCE = 30.0
_numbers = itertools.count(1)


async def until(condition: Callable[[], object], patience: float = PATIENCE) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(patience):
        while not condition():
            await asyncio.sleep(0.005)


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def shared_nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with NatsServer(folder=tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture
def own_nats(tmp_path: Path) -> Iterator[NatsServer]:
    """One that a test may end and start again."""
    with NatsServer(folder=tmp_path / "nats") as server:
        yield server


@pytest.fixture
def terms(shared_nats: NatsServer) -> NatsTerms:
    return NatsTerms(servers=[shared_nats.url])


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A publisher of a busy machine answers late; a test of what is not answered sets its own time."""
    monkeypatch.setattr(remote_accounts, "ANSWER", 8.0)  # less than a client waits


@pytest.fixture
def cluster() -> str:
    return f"test{next(_numbers)}"
