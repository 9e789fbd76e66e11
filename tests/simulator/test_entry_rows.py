"""Rows of requests: every term has its place, and what cannot be a row is refused with the number that is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.book.matching import Action, EntryType, InForce, Prevention, new_entries
from hftlab.events import ASK
from hftlab.protocol.enums import OrderType, SelfTradePrevention, Side, TimeInForce
from hftlab.simulator.entry_rows import cancel_row, command_row, new_order, new_row, replace_row
from hftlab.simulator.listings import find_listing
from hftlab.simulator.live_orders import Listing, LiveOrder
from hftlab.trading.venue import New, OrderTerms, Replace

UNIT = 10**9
LIMIT, MARKET, STOP, STOP_LIMIT, ICEBERG = (
    OrderType(name) for name in ("LIMIT", "MARKET", "STOP", "STOP_LIMIT", "ICEBERG")
)
AAPL = Listing(2, find_listing("AAPL"), 100_000, UNIT, 2**40, (0, UNIT), (100_000, UNIT // 100))


def terms(**values: Any) -> OrderTerms:
    values = {"symbol": "AAPL", "side": Side.BUY, "type": LIMIT, "quantity": 100 * UNIT, "price": 175 * UNIT} | values
    return OrderTerms(**values)


def as_order(**values: Any) -> LiveOrder | str:
    return new_order("alice", New("a", terms(**values)), AAPL)


def live(**values: Any) -> LiveOrder:
    order = as_order(**values)
    assert isinstance(order, LiveOrder), order
    return order


def fields(row: tuple[int, ...] | str) -> dict[str, int]:
    assert isinstance(row, tuple)
    entries = new_entries(1)
    entries[0] = row
    return {name: int(entries[0][name]) for name in entries.dtype.names or () if entries[0][name]}


class TestNew:
    def test_every_term_is_in_the_row(self) -> None:
        wanted = {
            "side": Side.SELL, "type": ICEBERG, "display_quantity": 10 * UNIT, "time_in_force": TimeInForce.GTC,
            "post_only": True, "self_trade_prevention": SelfTradePrevention.DECREMENT,
        }  # fmt: skip
        assert fields(new_row(live(**wanted), terms(**wanted), 1001, 77)) == {
            "time": 77, "instrument": 2, "owner": 1001, "side": ASK, "type": EntryType.ICEBERG,
            "in_force": InForce.GTC, "price": 1_750_000, "size": 100, "display": 10, "post_only": 1,
            "prevention": Prevention.DECREMENT,
        }  # fmt: skip

    def test_a_stop_limit_has_both_prices(self) -> None:
        wanted = {"type": STOP_LIMIT, "stop_price": 176 * UNIT}
        row = fields(new_row(live(**wanted), terms(**wanted), 1001, 77))
        assert (row["price"], row["stop"]) == (1_750_000, 1_760_000)

    @pytest.mark.parametrize(
        ("values", "reason"),
        [
            ({"price": 175 * UNIT + 1}, "price: 175.000000001 is not a multiple of the tick 0.01"),
            ({"price": 175_000_100_000}, "price: 175.0001 is not a multiple of the tick 0.01"),
            ({"price": 0}, "price: 0.00 is not above 0"),
            ({"price": -UNIT}, "price: -1.00 is not above 0"),
            ({"price": None}, "price: a LIMIT order needs one"),
            ({"price": 2**80}, "price: 1208925819614629.174706176 is above the highest, 109951162.7776"),
            ({"type": MARKET}, "price: a MARKET order has none"),
            ({"type": STOP, "price": None}, "stop_price: a STOP order needs one"),
            ({"stop_price": UNIT}, "stop_price: a LIMIT order has none"),
            ({"type": STOP_LIMIT, "stop_price": UNIT + 1},
             "stop_price: 1.000000001 is not a multiple of the tick 0.01"),
            ({"quantity": 0}, "quantity: 0.00 is not above 0"),
            ({"quantity": -UNIT}, "quantity: -1.00 is not above 0"),
            ({"quantity": UNIT // 2}, "quantity: 0.50 is not a multiple of the lot 1.00"),
            ({"quantity": 2**63 * UNIT}, "quantity: 9223372036854775808.00 is above the largest, 1099511627776.00"),
            ({"type": ICEBERG}, "display_quantity: an ICEBERG order needs one"),
            ({"type": ICEBERG, "display_quantity": 1},
             "display_quantity: 0.000000001 is not a multiple of the lot 1.00"),
            ({"display_quantity": UNIT}, "display_quantity: only an ICEBERG order has one, not a LIMIT order"),
            ({"post_only": True, "time_in_force": TimeInForce.IOC},
             "post-only: only LIMIT and ICEBERG orders in force for DAY or GTC can be"),
            ({"post_only": True, "type": MARKET, "price": None},
             "post-only: only LIMIT and ICEBERG orders in force for DAY or GTC can be"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_said(self, values: dict[str, Any], reason: str) -> None:
        assert as_order(**values) == reason

    def test_the_tick_is_that_of_the_price(self) -> None:
        assert isinstance(as_order(price=999_900_000), LiveOrder)

    @given(st.integers(-(2**200), 2**200), st.integers(-(2**200), 2**200), st.integers(-(2**200), 2**200))
    def test_no_number_overflows(self, quantity: int, price: int, stop: int) -> None:
        order = as_order(quantity=quantity * UNIT, price=price * UNIT, type=STOP_LIMIT, stop_price=stop * UNIT)
        if isinstance(order, LiveOrder):
            entries = new_entries(1)
            entries[0] = new_row(order, terms(), 1001, 0)
            assert int(entries["size"][0]) == quantity


class TestReplace:
    def row(self, order: LiveOrder, *values: int | None) -> dict[str, int] | str:
        row = replace_row(order, Replace("a", *values), 1001, 77)
        return row if isinstance(row, str) else fields(row)

    def test_none_leaves_a_value_as_it_is_and_the_engine_gets_what_is_open(self) -> None:
        order = live()
        order.number, order.filled = 5, 30
        same = {"time": 77, "action": Action.REPLACE, "id": 5, "owner": 1001}
        assert self.row(order) == {**same, "price": 1_750_000, "size": 70}
        assert self.row(order, 40 * UNIT, 176 * UNIT) == {**same, "price": 1_760_000, "size": 10}

    @pytest.mark.parametrize("quantity", [30, 29, 1])
    def test_what_is_filled_cannot_be_taken_back(self, quantity: int) -> None:
        order = live()
        order.filled = 30
        assert self.row(order, quantity * UNIT) == (
            f"quantity: {quantity}.00 is not above the 30.00 that are filled already"
        )

    def test_only_what_the_order_has_can_be_replaced(self) -> None:
        stop = live(type=STOP, price=None, stop_price=170 * UNIT)
        assert self.row(stop, None, 175 * UNIT) == "price: a STOP order has none"
        assert self.row(live(), None, None, 175 * UNIT) == "stop_price: a LIMIT order has none"
        released = live(type=STOP_LIMIT, stop_price=170 * UNIT)
        released.type, released.is_waiting = LIMIT, False
        assert self.row(released, None, None, 175 * UNIT) == "stop_price: the stop has been triggered already"

    def test_numbers_are_checked_as_those_of_new_orders(self) -> None:
        assert self.row(live(), 1) == "quantity: 0.000000001 is not a multiple of the lot 1.00"
        assert self.row(live(), None, 1) == "price: 0.000000001 is not a multiple of the tick 0.0001"


def test_cancels_and_commands() -> None:
    assert fields(cancel_row(5, 1001, 77)) == {"time": 77, "action": Action.CANCEL, "id": 5, "owner": 1001}
    assert fields(command_row(Action.BAND, AAPL, 77, 30, 2)) == {
        "time": 77, "action": Action.BAND, "instrument": 2, "price": 30, "size": 2,
    }  # fmt: skip
