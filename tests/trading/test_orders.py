"""Orders follow the documented table of statuses and updates, and refuse everything else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.errors import ImpossibleTransition
from hftlab.instruments import UNIT
from hftlab.protocol import OrderStatus, OrderType, Side, UpdateType
from hftlab.trading import Liquidity, OrderTerms, VenueUpdate
from hftlab.trading.orders import FINAL, TRANSITIONS, Order
from hftlab.trading.venue import RequestKind
from tests.trading.status_table import status_table

TERMS = OrderTerms(symbol="AAPL", side=Side.BUY, type=OrderType.LIMIT, quantity=100 * UNIT, price=175 * UNIT)


def order() -> Order:
    return Order(account="alice", order_id="ORD_1", client_order_id="a", terms=TERMS)


def update(kind: UpdateType, **fields: Any) -> VenueUpdate:
    if kind is UpdateType.FILL:
        fields = {"quantity": 10 * UNIT, "price": 175 * UNIT, "liquidity": Liquidity.MAKER} | fields
    return VenueUpdate(at=1, account="alice", order_id="ORD_1", kind=kind, **fields)


ACCEPT = update(UpdateType.NEW)
PART, REST = update(UpdateType.FILL, quantity=40 * UNIT), update(UpdateType.FILL, quantity=60 * UNIT)
REFUSE = update(UpdateType.REJECT, request=RequestKind.NEW, reason="no")
"""Updates that lead to each status; a string asks for the cancellation."""
PATHS: dict[OrderStatus, list[list[VenueUpdate | str]]] = {
    OrderStatus.PENDING_NEW: [[]],
    OrderStatus.NEW: [[ACCEPT]],
    OrderStatus.PARTIALLY_FILLED: [[ACCEPT, PART]],
    OrderStatus.FILLED: [[ACCEPT, PART, REST], [ACCEPT, "cancel", PART, REST]],
    OrderStatus.PENDING_CANCEL: [
        ["cancel"],
        [ACCEPT, "cancel"],
        [ACCEPT, PART, "cancel"],
        [ACCEPT, "cancel", "cancel"],
    ],
    OrderStatus.CANCELED: [[ACCEPT, update(UpdateType.CANCEL)], [ACCEPT, "cancel", update(UpdateType.CANCEL)]],
    OrderStatus.REJECTED: [[REFUSE], ["cancel", REFUSE]],
    OrderStatus.EXPIRED: [[ACCEPT, PART, update(UpdateType.EXPIRE)]],
}
UPDATES = [
    ACCEPT,
    PART,
    REST,
    update(UpdateType.FILL, quantity=100 * UNIT),
    update(UpdateType.CANCEL),
    update(UpdateType.REPLACE, quantity=120 * UNIT, price=174 * UNIT),
    update(UpdateType.EXPIRE),
    REFUSE,
    update(UpdateType.REJECT, request=RequestKind.CANCEL),
    update(UpdateType.REJECT, request=RequestKind.REPLACE),
]


def led(path: list[VenueUpdate | str]) -> Order:
    one = order()
    for step in path:
        if isinstance(step, str):
            if one.status is OrderStatus.PENDING_CANCEL:
                one.cancels += 1  # a second request, as of two clients of an account
            else:
                one.ask_for_cancel()
        else:
            one.apply(step)
    return one


class TestTable:
    def test_the_documented_table_is_the_one_that_holds(self) -> None:
        documented = {
            status: {kind: set() if cells[kind] == "-" else set(cells[kind].split(", ")) for kind in UpdateType}
            for status, cells in status_table().items()
        }
        held: dict[str, dict[str, set[str]]] = {}
        for status in OrderStatus:
            rows = TRANSITIONS[status]
            held[status] = {kind: {str(one) for one in rows.get(kind, ())} for kind in UpdateType}
            if status in FINAL:
                held[status][UpdateType.REJECT] = {str(status)}
        assert documented == held

    @pytest.mark.parametrize("status", list(OrderStatus))
    def test_each_update_leads_where_the_table_says_or_is_refused(self, status: OrderStatus) -> None:
        cells = status_table()[status]
        for path in PATHS[status]:
            for each in UPDATES:
                one = led(path)
                assert one.status is status
                before = msgspec.structs.asdict(one)
                allowed = cells[each.kind].split(", ")
                try:
                    one.apply(each)
                except ImpossibleTransition:
                    assert msgspec.structs.asdict(one) == before
                else:
                    assert one.status in allowed, (path, each)

    def test_every_entry_of_the_table_is_reached(self) -> None:
        reached: set[tuple[str, str, str]] = set()
        for status, paths in PATHS.items():
            for path in paths:
                one = led(path)
                if one.is_open and status is not OrderStatus.PENDING_CANCEL:
                    one.ask_for_cancel()
                    reached.add((status, UpdateType.CANCEL, one.status))
                for each in UPDATES:
                    one = led(path)
                    try:
                        one.apply(each)
                    except ImpossibleTransition:
                        continue
                    reached.add((status, each.kind, one.status))
        documented = {
            (status, kind, following)
            for status, cells in status_table().items()
            for kind in UpdateType
            for following in cells[kind].split(", ")
            if following != "-"
        }
        assert reached == documented


class TestFills:
    def test_they_add_up(self) -> None:
        one = led([ACCEPT, update(UpdateType.FILL, quantity=40 * UNIT, price=175 * UNIT)])
        one.apply(update(UpdateType.FILL, quantity=20 * UNIT, price=174 * UNIT))
        assert (one.filled, one.remaining, one.status) == (60 * UNIT, 40 * UNIT, OrderStatus.PARTIALLY_FILLED)
        assert one.value == (40 * 175 + 20 * 174) * UNIT * UNIT

    @pytest.mark.parametrize(
        "wrong", [{"quantity": 0}, {"quantity": -1}, {"quantity": 101 * UNIT}, {"price": None}, {"quantity": None}]
    )
    def test_a_wrong_one_is_refused(self, wrong: dict[str, Any]) -> None:
        one = led([ACCEPT])
        with pytest.raises(ImpossibleTransition, match="ORD_1"):
            one.apply(update(UpdateType.FILL, **wrong))
        assert (one.filled, one.status) == (0, OrderStatus.NEW)

    def test_none_before_the_venue_has_taken_the_order(self) -> None:
        for path in PATHS[OrderStatus.PENDING_NEW], [["cancel"]]:
            with pytest.raises(ImpossibleTransition):
                led(path[0]).apply(PART)


class TestReplacements:
    def test_the_order_keeps_its_fills(self) -> None:
        one = led([ACCEPT, PART])
        one.apply(update(UpdateType.REPLACE, quantity=50 * UNIT, price=176 * UNIT))
        assert (one.terms.quantity, one.terms.price, one.filled, one.remaining) == (
            50 * UNIT,
            176 * UNIT,
            40 * UNIT,
            10 * UNIT,
        )

    def test_what_is_filled_cannot_be_taken_back(self) -> None:
        one = led([ACCEPT, PART])
        with pytest.raises(ImpossibleTransition):
            one.apply(update(UpdateType.REPLACE, quantity=40 * UNIT))


@given(st.lists(st.sampled_from([*UPDATES, "cancel"]), max_size=30))
def test_no_sequence_of_updates_breaks_an_order(steps: list[VenueUpdate | str]) -> None:
    """What is filled is between 0 and the whole, an order that is over stays so, and one that is filled is over."""
    one = order()
    was_over: OrderStatus | None = None
    for step in steps:
        try:
            if isinstance(step, str):
                one.ask_for_cancel()
            else:
                one.apply(step)
        except ImpossibleTransition:
            pass
        assert 0 <= one.filled <= one.terms.quantity
        assert (one.filled == one.terms.quantity) == (one.status is OrderStatus.FILLED)
        assert one.remaining == (one.terms.quantity - one.filled if one.is_open else 0)
        assert was_over in (None, one.status)
        was_over = one.status if one.status in FINAL else None
