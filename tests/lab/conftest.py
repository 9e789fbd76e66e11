from __future__ import annotations

from collections.abc import Iterator

import pytest

import hftlab as hl
from hftlab.lab import LabClient, LabServer
from tests.lab.market import walk


@pytest.fixture
def server() -> Iterator[LabServer]:
    with hl.serve(walk(), port=0) as server:
        yield server


@pytest.fixture
def client(server: LabServer) -> Iterator[LabClient]:
    with hl.connect(server.url) as client:
        yield client
