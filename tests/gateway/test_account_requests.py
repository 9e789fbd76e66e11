from __future__ import annotations

import msgspec
import pytest

from hftlab import Client
from hftlab.clock import NANOSECONDS, wall_time
from hftlab.gateway import NatsTerms
from hftlab.gateway.account_records import OrderSent, encode
from hftlab.gateway.jetstream import ORDER_LIFETIME
from hftlab.gateway.subjects import Subjects
from hftlab.protocol import JSON
from hftlab.protocol.order_messages import NewOrder
from hftlab.simulator import Exchange
from tests.gateway.conftest import until
from tests.gateway.test_gateway import running

pytestmark = pytest.mark.usefixtures("compiled")


@pytest.mark.parametrize("ahead", [-3600, 3600])
async def test_orders_are_taken_where_the_gateways_clock_differs_but_not_those_that_have_waited(
    terms: NatsTerms, cluster: str, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    def there() -> int:
        return wall_time() + ahead * NANOSECONDS

    monkeypatch.setattr("hftlab.gateway.gateway.wall_time", there)
    monkeypatch.setattr("hftlab.gateway.remote_accounts.wall_time", there)
    async with (
        running(Exchange(7), terms, cluster) as (node, (gateway,)),
        Client(gateway.url, account="alice") as client,
    ):
        await until(lambda: node.stats()["gateways"])
        await client.trading.buy("AAPL", 10, price=1.0, client_order_id="new")
        order = NewOrder(
            timestamp=1.0, client_order_id="old", symbol="AAPL", side="BUY", order_type="LIMIT", quantity=10, price=1.0
        )
        waited = there() - int((ORDER_LIFETIME + 1) * NANOSECONDS)
        session = node.announcement.session
        assert session is not None
        raw = msgspec.Raw(JSON.encode(order))
        sent = OrderSent(gateway.name, 10**6, session, "alice", waited, raw)
        node._requests.take(f"{Subjects(cluster).orders}.alice", encode(sent), 0.0)
        assert node.broker is not None
        assert [one.client_order_id for one in node.broker.orders("alice")] == ["new"]
        taken = msgspec.structs.replace(sent, number=sent.number + 1, sent_at=there())
        node._requests.take(f"{Subjects(cluster).orders}.alice", encode(taken), 0.0)
        assert [one.client_order_id for one in node.broker.orders("alice")] == ["new", "old"]
