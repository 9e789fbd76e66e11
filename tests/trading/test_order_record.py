"""State of one order at a client, and fills."""

from __future__ import annotations

import msgspec
import pytest

from hftlab.protocol import OrderStatus, TimeInForce
from hftlab.trading.order_record import FINAL, FillRecord, OrderRecord
from tests.trading.updates import fill, new_order, order_update, snapshot


class TestRecord:
    def test_before_the_first_update_it_has_the_terms_of_the_request(self) -> None:
        record = OrderRecord.of_request(new_order("a", quantity=7.0, price=99.5), 5)
        assert (record.status, record.order_id, record.quantity, record.price) == ("PENDING_NEW", None, 7.0, 99.5)
        assert (record.remaining_quantity, record.created, record.time_in_force) == (7.0, 5, TimeInForce.DAY)
        assert not record.is_acknowledged
        assert not record.is_final

    def test_an_update_keeps_what_it_does_not_say(self) -> None:
        request = msgspec.structs.replace(new_order(), stop_price=101.0, time_in_force=TimeInForce.GTC)
        before = OrderRecord.of_request(request, 5)
        record = OrderRecord.of_update(fill("a", 2, 4.0, 4.0, 0.5), 2_000_000, before)
        assert (record.stop_price, record.time_in_force, record.created, record.updated) == (101.0, "GTC", 5, 2_000_000)
        after = OrderRecord.of_update(order_update("a", sequence=3, reason="late"), 3_000_000, record)
        assert (after.average_price, after.commission, after.reason) == (100.0, 0.5, "late")
        assert OrderRecord.of_update(order_update("a"), 4_000_000, after).reason is None

    def test_an_order_that_another_client_sent_begins_with_its_first_update(self) -> None:
        assert OrderRecord.of_update(order_update("b"), 7, None).created == 7

    def test_four_states_are_final(self) -> None:
        assert {status for status in OrderStatus if status in FINAL} == {"FILLED", "CANCELED", "REJECTED", "EXPIRED"}


class TestFill:
    def test_its_commission_is_what_has_been_added(self) -> None:
        """0.3 - 0.1 in binary is 0.19999999999999998."""
        before = OrderRecord.of_update(fill("a", 1, 4.0, 4.0, 0.1), 1, None)
        filled = FillRecord.of_update(fill("a", 2, 10.0, 6.0, 0.3), 2, before)
        assert filled is not None
        assert (filled.quantity, filled.commission, filled.time, filled.order_id) == (6.0, 0.2, 2, "ORD_a")

    @pytest.mark.parametrize("update", [order_update("a"), snapshot(fill("a", 1, 4.0, 4.0, 0.1))])
    def test_other_updates_and_snapshots_are_none(self, update: object) -> None:
        assert FillRecord.of_update(update, 1, None) is None

    def test_without_the_fields_of_the_last_fill_it_is_the_difference(self) -> None:
        """They are optional in the document."""
        before = OrderRecord.of_update(fill("a", 1, 4.0, 4.0, 0.1), 1, None)
        bare = fill("a", 2, 10.0, 6.0, 0.3, last_fill_price=None, last_fill_quantity=None, average_price=100.6)
        filled = FillRecord.of_update(bare, 2, before)
        assert filled is not None
        assert (filled.quantity, filled.price) == (6.0, 101.0)
        assert FillRecord.of_update(msgspec.structs.replace(bare, average_price=None), 2, before) is None
