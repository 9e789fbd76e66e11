"""When a request about an order has its answer, by the order's record."""

from __future__ import annotations

import msgspec
import pytest

from hftlab.client.order_outcomes import has_ended, is_cancel_answered, is_placed, is_replace_answered
from hftlab.protocol import NewOrder, OrderStatus, OrderType, Side, UpdateType
from hftlab.trading.order_record import OrderRecord

SENT = OrderRecord.of_request(
    NewOrder(timestamp=1.0, client_order_id="a", symbol="AAPL", side=Side.BUY, order_type=OrderType.MARKET, quantity=1),
    1,
)


def test_an_order_that_is_only_sent_has_no_answer() -> None:
    assert not is_placed(SENT)
    assert not has_ended(SENT)
    assert not is_cancel_answered(SENT)
    assert not is_replace_answered(SENT, "b")


@pytest.mark.parametrize(
    ("status", "kind", "ended", "cancelled", "replaced"),
    [
        (OrderStatus.NEW, UpdateType.NEW, False, False, False),
        (OrderStatus.PARTIALLY_FILLED, UpdateType.FILL, False, False, False),
        (OrderStatus.NEW, UpdateType.REJECT, False, True, True),
        (OrderStatus.PENDING_CANCEL, UpdateType.CANCEL, False, True, False),
        (OrderStatus.CANCELED, UpdateType.CANCEL, True, True, True),
        (OrderStatus.FILLED, UpdateType.FILL, True, True, True),
    ],
)
def test_what_an_update_answers(
    status: OrderStatus, kind: UpdateType, ended: bool, cancelled: bool, replaced: bool
) -> None:
    record = msgspec.structs.replace(SENT, order_id="1", status=status, update_type=kind)
    assert is_placed(record)
    assert (has_ended(record), is_cancel_answered(record), is_replace_answered(record, "b")) == (
        ended,
        cancelled,
        replaced,
    )
    assert is_replace_answered(msgspec.structs.replace(record, client_order_id="b"), "b")
