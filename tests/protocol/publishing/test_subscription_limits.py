from __future__ import annotations

import msgspec
import pytest

from hftlab.errors import SubscriptionFailed
from hftlab.protocol import DataType, Subscribe
from hftlab.protocol.publishing.subscription_limits import SubscriptionLimits
from hftlab.protocol.subscriptions import SubscriptionSet
from tests.protocol.conftest import LIMITS

MANY = [f"S{number}" for number in range(5)]


def request(symbols: list[str], *kinds: DataType) -> Subscribe:
    return Subscribe(timestamp=1.0, symbols=symbols, data_types=list(kinds) or None)


def test_what_a_connection_holds_is_bounded() -> None:
    """Pairs of a symbol and a data type; what it has already counts once."""
    offer = SubscriptionLimits(None, msgspec.structs.replace(LIMITS, max_subscriptions=10))
    wanted = SubscriptionSet()
    wanted.add(MANY, [DataType.QUOTES], 0)
    offer.check(request(MANY, DataType.QUOTES, DataType.TRADES), wanted)
    with pytest.raises(SubscriptionFailed, match=r"would have 15 subscriptions .*: UNSUBSCRIBE from some") as caught:
        offer.check(request(MANY), wanted)
    assert caught.value.context == {"field": "symbols", "limit": 10}
    wanted.remove(MANY[:1])
    offer.check(request(MANY[:3], DataType.QUOTES, DataType.STATISTICS), wanted)


def test_without_a_limit_it_is_not() -> None:
    offer, wanted = SubscriptionLimits(None, LIMITS), SubscriptionSet()
    wanted.add([f"S{number}" for number in range(10_000)], None, 0)
    offer.check(request(MANY), wanted)


def test_an_error_names_some_symbols_only() -> None:
    offer = SubscriptionLimits([f"S{number}" for number in range(100)], msgspec.structs.replace(LIMITS, max_symbols=50))
    unknown = [f"X{number}" for number in range(50)]
    with pytest.raises(SubscriptionFailed) as caught:
        offer.check(request(unknown), SubscriptionSet())
    assert len(str(caught.value)) < 400
    assert caught.value.context == {"field": "symbols", "unknown": unknown}
