from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hftlab.client import Client
from tests.client.venue import QUICK, ScriptedVenue, trading_venue


@pytest.fixture
async def venue() -> AsyncIterator[ScriptedVenue]:
    async with trading_venue() as venue:
        yield venue


@pytest.fixture
async def client(venue: ScriptedVenue) -> AsyncIterator[Client]:
    async with Client(venue.script.url, token="t", **QUICK) as client:
        yield client
