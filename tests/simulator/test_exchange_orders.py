"""Orders at the simulated exchange: they trade with its traders, and what is not asked for changes nothing."""

from __future__ import annotations

import hashlib
import platform
from typing import Any

import pytest

from hftlab import protocol
from hftlab.clock import NANOSECONDS, Clock
from hftlab.events import COLUMNS, EventBatch
from hftlab.protocol.enums import OrderType, Side, UpdateType
from hftlab.simulator import Exchange
from hftlab.trading.venue import Cancel, Liquidity, New, OrderTerms, TradingVenue

START = 1_767_364_200_000_000_000  # 2026-01-02 14:30 UTC
MILLISECOND = NANOSECONDS // 1000
TENTH = NANOSECONDS // 10
UNIT = 10**9


def exchange(seed: int = 7, symbols: list[str] | None = None, **options: Any) -> Exchange:
    return Exchange(seed, symbols, clock=Clock(START, paused=True), **options)


def order(order_id: str, side: Side, lots: int, price: int | None = None, **terms: Any) -> New:
    """A LIMIT order of AAPL, or a MARKET order where there is no price."""
    kind = terms.pop("type", OrderType.MARKET if price is None else OrderType.LIMIT)
    symbol = terms.pop("symbol", "AAPL")
    return New(order_id, OrderTerms(symbol=symbol, side=side, type=kind, quantity=lots * UNIT, price=price, **terms))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="other processors round the last digits of exp() otherwise")
class TestWithoutOrders:
    """The bytes of exchanges before they took orders."""

    @pytest.mark.parametrize(
        ("seed", "symbols", "interval", "cuts", "options", "expected"),
        [
            (7, None, TENTH, (60,), {}, "58a952305d8dbade699c33b51dab4cb1eb20ebac67134d628ab1c4f7fd191eb8"),
            (3, ["AAPL", "AAPL:NYSE", "VOD", "BTCUSDT"], TENTH, (0.05, 12.34, 0.01, 47.6), {},
             "15f4ae400048f72caaa0427f731a33b053616ccbb4d4e0f0df1ed0abf28258ee"),
            (11, ["TSLA"], 7 * MILLISECOND, (20, 20, 20), {"self_exciting": False},
             "5f25f1198f720aefa3b5aba047e9f9cb47fe11d4df4d66b3859547ed185c537a"),
        ],
    )  # fmt: skip
    def test_messages_and_events_are_the_same(
        self, seed: int, symbols: list[str], interval: int, cuts: tuple[float, ...], options: Any, expected: str
    ) -> None:
        source, digest, batches = exchange(seed, symbols, interval=interval, **options), hashlib.sha256(), []
        for seconds in cuts:
            for segment in source.segments(seconds):
                for at, message in segment.messages:
                    digest.update(at.to_bytes(8, "big") + protocol.encode(message))
                batches.append(segment.events)
        add_columns(digest, EventBatch.concat(batches))
        assert digest.hexdigest() == expected

    def test_events_alone_are_the_same(self) -> None:
        digest = hashlib.sha256()
        add_columns(digest, EventBatch.concat(exchange(5, ["BRK.A", "MSFT"]).events(60)))
        assert digest.hexdigest() == "17014becc85afcb06eff95b63d29743f964e6848af80e014f0b579d130f72431"


def add_columns(digest: Any, events: EventBatch) -> None:
    for name in COLUMNS:
        digest.update(getattr(events, name).tobytes())


def test_it_is_a_trading_venue() -> None:
    assert isinstance(exchange(), TradingVenue)


def test_orders_trade_rest_and_are_cancelled_at_their_own_time() -> None:
    venue = exchange()
    venue.advance(START + NANOSECONDS)
    at = START + NANOSECONDS + 5 * MILLISECOND
    venue.submit("alice", order("a", Side.BUY, 100), at)
    accepted, fill = venue.take_updates()
    assert (accepted.at, accepted.order_id, accepted.kind) == (at, "a", UpdateType.NEW)
    assert (fill.at, fill.kind, fill.quantity, fill.liquidity) == (at, UpdateType.FILL, 100 * UNIT, Liquidity.TAKER)
    venue.submit("alice", order("b", Side.BUY, 100, 170 * UNIT), at)
    assert [one.kind for one in venue.take_updates()] == [UpdateType.NEW]
    assert (170.0, 100.0, 1) in venue.books["AAPL"].bids(1000)
    venue.submit("alice", Cancel("b"), at + 1)
    (cancelled,) = venue.take_updates()
    assert (cancelled.at, cancelled.kind, cancelled.reason) == (at + 1, UpdateType.CANCEL, "requested")
