"""A source has one server at a time, since each of its messages comes once."""

from __future__ import annotations

import pytest

from hftlab.errors import HftlabError, PortInUse
from hftlab.server import Server
from hftlab.simulator import Faults, RandomWalk
from hftlab.trading import AccountTerms
from tests.server.test_trading import exchange


async def test_a_second_server_is_refused_until_the_first_has_stopped() -> None:
    venue = exchange()
    async with Server(venue, port=0) as first:
        with pytest.raises(HftlabError, match=f"streamed by the server at {first.url}, .*: stop that one first"):
            Server(venue, port=0)
        with pytest.raises(HftlabError, match="stop that one first"):
            Server(Faults(venue), port=0)
    async with Server(Faults(venue), port=0) as second:
        assert second.broker is first.broker


async def test_one_that_is_refused_gives_the_accounts_no_other_terms() -> None:
    venue = exchange()
    async with Server(venue, port=0) as first:
        with pytest.raises(HftlabError, match="stop that one first"):
            Server(venue, port=0, accounts={"*": AccountTerms(cash=5.0)})
        assert first.broker is not None
        assert first.broker.account("alice").total_value == 1_000_000 * 10**9


async def test_servers_that_are_made_before_one_starts() -> None:
    source = RandomWalk(seed=7)
    first, second = Server(source, port=0), Server(source, port=0)
    async with first:
        with pytest.raises(HftlabError, match="stop that one first"):
            await second.start()
    async with second:
        pass


async def test_one_that_cannot_listen_leaves_the_source_free() -> None:
    source = RandomWalk(seed=7)
    async with Server(port=0) as other:
        with pytest.raises(PortInUse):
            await Server(source, port=other.port).start()
    async with Server(source, port=0), Server(port=0), Server(port=0):
        pass
