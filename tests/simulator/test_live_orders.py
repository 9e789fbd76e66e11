"""Live orders: rows of the matching engine, by hand, and the updates that they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hftlab.book.matching import Reason, Status, TradingPhase
from hftlab.book.matching.engine_state import new_state
from hftlab.book.matching.output import FILL_ROW, UPDATE_ROW
from hftlab.events import ASK, BID, NO_SIDE
from hftlab.protocol.enums import OrderType, TimeInForce, UpdateType
from hftlab.simulator.listings import find_listing
from hftlab.simulator.live_orders import Entered, Listing, LiveOrder, LiveOrders
from hftlab.trading.venue import Liquidity, RequestKind, VenueUpdate

UNIT = 10**9
TICK = UNIT // 10_000
AAPL = Listing(0, find_listing("AAPL"), TICK, UNIT, 2**40, (0,), (TICK,))


def row(dtype: np.dtype[Any], **values: int) -> tuple[int, ...]:
    rows = np.zeros(1, dtype)
    for name, value in values.items():
        rows[name] = value
    made: tuple[int, ...] = rows[0].item()
    return made


def update(status: Status, order_number: int = 1, owner: int = 1000, **values: int) -> tuple[int, ...]:
    return row(UPDATE_ROW, time=77, id=order_number, owner=owner, status=status, **values)


def fill(size: int, aggressor: int = ASK, **values: int) -> tuple[int, ...]:
    return row(FILL_ROW, time=78, price=1_750_000, size=size, aggressor=aggressor, **values)


def order(order_id: str, account: str = "alice", **values: Any) -> LiveOrder:
    values = {"type": OrderType.LIMIT, "is_buy": True, "quantity": 10, "price": 1_750_000, "stop": 0} | values
    return LiveOrder(order_id=order_id, account=account, listing=AAPL, in_force=TimeInForce.DAY, **values)


class Told(LiveOrders):
    """Live orders with the parts put together."""

    def __init__(self) -> None:
        super().__init__((AAPL,), new_state([TICK], halts=False).books)

    def tell(self, *rows: tuple[int, ...], entered: Entered | None = None) -> list[VenueUpdate]:
        fills = [one for one in rows if len(one) == len(FILL_ROW)]
        return list(self.report(fills, [one for one in rows if len(one) == len(UPDATE_ROW)], entered))

    def enter(self, number: int, new: LiveOrder) -> list[VenueUpdate]:
        entered = Entered(new.account, new.order_id, RequestKind.NEW, new)
        owner = self.owner(new.account)
        return self.tell(update(Status.ACCEPTED, number, owner), entered=entered)


@pytest.fixture
def live() -> Told:
    orders = Told()
    assert [one.kind for one in orders.enter(1, order("a"))] == [UpdateType.NEW]
    return orders


def test_accounts_have_numbers_of_their_own(live: Told) -> None:
    assert [live.owner(account) for account in ("alice", "bob", "alice")] == [1000, 1001, 1000]


def test_an_order_is_found_by_its_account_only(live: Told) -> None:
    assert live.find("alice", "a") is not None
    assert live.find("bob", "a") is None
    assert live.find("alice", "b") is None
    assert "a" in live


def test_rows_are_told_in_the_order_of_their_numbers(live: Told) -> None:
    live.enter(2, order("b", "bob"))
    updates = live.tell(
        fill(4, buy_id=1, buy_owner=1000, buy_left=6, sell_owner=2, number=11),
        fill(1, buy_id=1, buy_owner=1000, buy_left=5, sell_owner=2, number=13),
        update(Status.CANCELLED, 2, 1001, reason=Reason.SELF_TRADE, number=12),
        update(Status.CANCELLED, 1, 1000, reason=Reason.REQUESTED, number=14),
    )
    assert [(one.order_id, one.kind) for one in updates] == [
        ("a", UpdateType.FILL), ("b", UpdateType.CANCEL), ("a", UpdateType.FILL), ("a", UpdateType.CANCEL),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("aggressor", "roles"),
    [
        (BID, ["TAKER", "MAKER"]),
        (ASK, ["MAKER", "TAKER"]),
        (NO_SIDE, ["AUCTION", "AUCTION"]),
    ],
)
def test_both_orders_of_a_trade_are_told_and_forgotten_when_filled(
    live: Told, aggressor: int, roles: list[str]
) -> None:
    live.enter(2, order("b", "bob"))
    parties = {"buy_id": 1, "buy_owner": 1000, "buy_left": 0, "sell_id": 2, "sell_owner": 1001, "sell_left": 3}
    updates = live.tell(fill(10, aggressor, **parties))
    assert [(one.order_id, one.account) for one in updates] == [("a", "alice"), ("b", "bob")]
    assert [one.liquidity for one in updates] == [Liquidity(role) for role in roles]
    assert [(one.at, one.quantity, one.price) for one in updates] == [(78, 10 * UNIT, 175 * UNIT)] * 2
    assert len(live) == 1
    assert live.counts == {0: 1}


def test_a_replacement_is_of_the_whole_quantity(live: Told) -> None:
    live.tell(fill(4, buy_id=1, buy_owner=1000, buy_left=6, sell_owner=2))
    entered = Entered("alice", "a", RequestKind.REPLACE, order("a"), stop=0)
    (replaced,) = live.tell(update(Status.REPLACED, size=3, price=1_740_000), entered=entered)
    assert (replaced.kind, replaced.quantity, replaced.price) == (UpdateType.REPLACE, 7 * UNIT, 174 * UNIT)
    assert replaced.stop_price is None


def test_what_self_trade_prevention_takes_off(live: Told) -> None:
    (reduced,) = live.tell(update(Status.REDUCED, reason=Reason.SELF_TRADE, size=4, left=6))
    assert (reduced.kind, reduced.quantity, reduced.reason) == (UpdateType.REPLACE, 6 * UNIT, "self-trade prevention")
    (ended,) = live.tell(update(Status.REDUCED, reason=Reason.SELF_TRADE, size=6, left=0))
    assert (ended.kind, ended.quantity) == (UpdateType.CANCEL, None)
    assert len(live) == 0
    assert live.counts == {}


def test_a_released_stop_is_of_the_type_it_becomes() -> None:
    live = Told()
    stop = order("s", type=OrderType.STOP, price=0, stop=1_760_000, is_waiting=True)
    live.enter(1, stop)
    (released,) = live.tell(update(Status.TRIGGERED))
    assert (released.kind, released.reason) == (UpdateType.NEW, "triggered")
    assert (stop.type, stop.is_waiting) == (OrderType.MARKET, False)


def test_refusals_name_the_request(live: Told) -> None:
    entered = Entered("bob", "x", RequestKind.CANCEL, order("x"))
    refused = update(Status.REJECTED, 9, 1001, reason=Reason.WRONG_PHASE, phase=TradingPhase.HALTED)
    (told,) = live.tell(refused, entered=entered)
    assert (told.account, told.order_id, told.kind) == ("bob", "x", UpdateType.REJECT)
    assert (told.request, told.reason) == (RequestKind.CANCEL, "halted: AAPL is not trading")


def test_rows_about_instruments_are_nobodys(live: Told) -> None:
    assert live.tell(update(Status.PHASE, 0, 0)) == []
