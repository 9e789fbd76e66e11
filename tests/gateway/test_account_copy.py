from __future__ import annotations

from typing import Any

from hftlab.gateway import NatsTerms
from hftlab.gateway.account_copy import AccountCopy
from hftlab.gateway.announcement import Announcement
from hftlab.gateway.gateway_source import GatewaySource
from hftlab.gateway.jetstream import open_streams
from hftlab.gateway.market_feed import SILENCE, MarketFeed
from hftlab.gateway.remote_accounts import RemoteAccounts
from hftlab.gateway.subjects import Subjects
from tests.gateway.conftest import until


async def test_it_follows_the_latest_that_takes_orders_and_any_where_that_is_gone(
    terms: NatsTerms, cluster: str
) -> None:
    subjects, feed = Subjects(cluster), MarketFeed()
    accounts = RemoteAccounts("g", subjects, lambda: 0.0)
    accounts.source = GatewaySource("test", feed, accounts)
    copy = AccountCopy(subjects, feed, accounts)
    assert copy.problem is None  # nobody takes orders
    client: Any = await terms.connect("test", told=lambda _: None)
    try:
        await open_streams(client.jetstream(), subjects, terms.shown)
        later = Announcement("later", "walk", 2, ["AAPL"], session="second")
        earlier = Announcement("earlier", "walk", 1, ["AAPL"], session="first")
        for one in (later, earlier):
            feed.announce(one, 0.0 if one is later else 2.0)
        assert copy.lacks_publisher()
        assert "cannot be read" in str(copy.problem)
        for one in (later, earlier, Announcement("other", "walk", 3, ["MSFT"])):  # the last takes no orders
            await copy.follow(one, client)
            assert copy.takes_orders_of("later")
            assert accounts.session == "second"
        assert "being read" in str(copy.problem)
        await until(copy.has_caught_up)
        assert (copy.problem, copy.lacks_publisher()) == (None, False)
        feed.tick(SILENCE * 1.1)  # the later one is not heard, and its symbols pass on
        assert copy.lacks_publisher()
        await copy.follow(earlier, client)
        assert accounts.session == "first"
        assert not copy.lacks_publisher()
    finally:
        await client.close()
