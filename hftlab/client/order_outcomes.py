"""Outcomes of requests about an order, as its record shows them."""

from __future__ import annotations

from hftlab.protocol import OrderStatus
from hftlab.protocol.enums import UpdateType
from hftlab.trading.order_record import OrderRecord

__all__ = ["has_ended", "is_cancel_answered", "is_placed", "is_replace_answered"]


def is_placed(record: OrderRecord) -> bool:
    """Tell whether the server has said anything of an order."""
    return record.order_id is not None


def has_ended(record: OrderRecord) -> bool:
    """Tell whether nothing more becomes of an order."""
    return record.is_final


def is_cancel_answered(record: OrderRecord) -> bool:
    """Tell whether the server has said what a cancellation has done."""
    is_pending = record.status is OrderStatus.PENDING_CANCEL
    return record.is_final or is_pending or record.update_type is UpdateType.REJECT


def is_replace_answered(record: OrderRecord, new_client_order_id: str) -> bool:
    """Tell whether the server has said what a replacement has done."""
    has_name = record.client_order_id == new_client_order_id
    return record.is_final or has_name or record.update_type is UpdateType.REJECT
